"""Answers to providers: the table of docs/road.md in JSON, or what a plugin demands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from hub.sdk.webhooks import Answer

RETRY_AFTER = "5"  # seconds
# Nobody learns from the answer what exactly was wrong with a forgery; the log says it.
_DETAILS = {
    400: "The request can't be read.",
    401: "The signature is missing, wrong or too old.",
    404: "There is no such webhook address.",
    405: "This method is not taken here.",
    413: "The body is over 1 MiB.",
    415: "This media type is not taken here.",
    429: "Too many requests were refused in this minute.",
    498: "The signature is missing, wrong or too old.",
    503: "It can't be taken right now. Send it again later.",
}
_TITLES = {each.value: each.phrase for each in HTTPStatus}


@dataclass(slots=True, kw_only=True)
class Reply:
    """An answer, whatever speaks HTTP."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def kept(status: str, webhook_id: str) -> Reply:
    """It is durable: accepted, or a duplicate of what was."""
    body = json.dumps({"status": status, "id": webhook_id}).encode()
    return Reply(status=200, body=body)


def own(answer: Answer, webhook_id: str = "") -> Reply:
    """The answer the provider demands in place of ours."""
    return Reply(
        status=answer.status,
        body=answer.body,
        content_type=answer.content_type,
        headers={"X-Hub-Webhook-Id": webhook_id} if webhook_id else {},
    )


def not_now() -> Reply:
    """The provider should send it again. Why is the log's: whoever asks may be
    anybody."""
    return refused(503, {"Retry-After": RETRY_AFTER})


def refused(status: int, headers: Mapping[str, str] | None = None) -> Reply:
    """Nothing was kept, and sending the same again changes nothing."""
    return _problem(status, _DETAILS.get(status, "The request was refused."), headers)


def _problem(status: int, detail: str, headers: Mapping[str, str] | None) -> Reply:
    problem = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Refused"),
        "status": status,
        "detail": detail,
    }
    return Reply(
        status=status,
        body=json.dumps(problem).encode(),
        content_type="application/problem+json",
        headers=headers or {},
    )
