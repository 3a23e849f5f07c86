"""Requests to the simulated Slack, read, and its answers, worded as Slack's."""

import json
from collections.abc import Mapping
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from hub.sdk.simulator import RefusalError, json_answer

FORM: Final = "application/x-www-form-urlencoded"
# What an incoming webhook answers beside the word; 400 for all others.
STATUSES: Final = {
    "action_prohibited": 403,
    "invalid_token": 403,
    "posting_to_general_channel_denied": 403,
    "channel_not_found": 404,
    "no_service": 404,
    "no_team": 404,
    "expired_url": 404,
    "used_url": 404,
    "channel_is_archived": 410,
    "rate_limited": 429,
    "rollup_error": 500,
}


def text_answer(text: str, status: int | None = None) -> Response:
    """Answer as an incoming webhook does: a bare word."""
    return Response(text, status or STATUSES.get(text, 400), content_type="text/html")


def api_refusal(word: str, details: list[str] | None = None) -> Response:
    """Answer as the Web API does: an error with status 200."""
    said: dict[str, Any] = {"ok": False, "error": word}
    if details:
        messages = [f"[ERROR] {detail}" for detail in details]
        said |= {"errors": details, "response_metadata": {"messages": messages}}
    return json_answer(said)


def webhook_body(request: Request) -> dict[str, Any]:
    """Read what was posted to an incoming webhook, or refuse it."""
    raw = request.get_data()
    if request.mimetype == FORM:
        raw = request.form.get("payload", "").encode()
    return _object(raw, text_answer("invalid_payload"))


def api_body(request: Request) -> dict[str, Any]:
    """Read what was posted to the Web API, or refuse it."""
    if request.mimetype != FORM:
        return _object(request.get_data() or b"{}", api_refusal("invalid_json"))
    body: dict[str, Any] = dict(request.form)
    for key in ("blocks", "attachments", "metadata"):
        if key in body:
            try:
                body[key] = json.loads(body[key])
            except ValueError:
                raise RefusalError(api_refusal("invalid_arguments")) from None
    return body


def message(ts: str, team: str, bot: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a posted message as chat.postMessage answers it."""
    said: dict[str, Any] = {
        "type": "message",
        "subtype": "bot_message",
        "text": body.get("text") or "",
        "ts": ts,
        "username": "Billing hub",
        "bot_id": bot,
        "team": team,
    }
    if thread := body.get("thread_ts"):
        said["thread_ts"] = thread
    if blocks := body.get("blocks"):
        said["blocks"] = blocks
    if attachments := body.get("attachments"):
        said["attachments"] = [
            {"id": number, "fallback": str(attachment.get("fallback", ""))}
            for number, attachment in enumerate(attachments, 1)
        ]
    return said


def _object(raw: bytes, refused: Response) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise RefusalError(refused) from None
    if not isinstance(body, dict):
        raise RefusalError(refused)
    return body
