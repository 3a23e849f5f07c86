"""The few calls we make to GoCardless's API: JSON in envelopes, errors by reason."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from hub.sdk.context import Context
from hub.sdk.errors import (
    ProviderError,
    RateLimitError,
    RejectedError,
    SettingsError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.http import Reply
from hub.sdk.replies import retry_after
from hub_gocardless.provider import API_VERSION, environment, site

CONFLICT: Final = "idempotent_creation_conflict"
# Of 500 items each; longer lists are no lists but a loop.
_MOST_PAGES: Final = 200
PAGE: Final = "500"
_EXPLAINED: Final = frozenset({400, 404, 409, 410, 422, 429})


class KeyUsedError(RejectedError):
    """The key made `made` already. GoCardless doesn't show it again; it names it."""

    made = ""


def test(ctx: Context) -> str:
    """Ask who we are: the cheapest call that any token can make."""
    answer = call(ctx, "GET", "/creditors", params={"limit": "1"})
    match answer.get("creditors"):
        case [{"name": str(name)}, *_]:
            return f"GoCardless knows us as {name} ({environment(ctx.settings)})."
        case list():
            return f"GoCardless accepted the token ({environment(ctx.settings)})."
    raise UnexpectedResponseError("GoCardless's list of creditors is none.")


def call(
    ctx: Context,
    method: str,
    path: str,
    *,
    json: Mapping[str, Any] | None = None,
    params: Mapping[str, str] | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """Make one call and return the answer, still in its envelope."""
    headers = {"GoCardless-Version": API_VERSION}
    if key:
        headers["Idempotency-Key"] = key
    reply = ctx.http.request(
        method,
        site(ctx.settings).api + path,
        json=json,
        params=params,
        headers=headers,
        token=_token(ctx),
        explain=_explain,
    )
    return _dict(reply.json())


def get(ctx: Context, kind: str, id: str) -> dict[str, Any]:
    """Fetch one resource."""
    return _of(kind, call(ctx, "GET", f"/{kind}/{segment(id)}"))


def create(
    ctx: Context, kind: str, given: Mapping[str, Any], *, key: str
) -> dict[str, Any]:
    """Make a resource; asked twice with one key, return the one that was made."""
    try:
        return _of(kind, call(ctx, "POST", f"/{kind}", json={kind: given}, key=key))
    except KeyUsedError as error:
        return get(ctx, kind, error.made)


def act(ctx: Context, kind: str, id: str, action: str) -> dict[str, Any]:
    """Do something with a resource and return it as it is then. Without a key: done
    twice, the second is refused for the state the first led to."""
    path = f"/{kind}/{segment(id)}/actions/{action}"
    return _of(kind, call(ctx, "POST", path, json={"data": {}}))


def page(
    ctx: Context, kind: str, params: Mapping[str, str]
) -> tuple[list[dict[str, Any]], str | None]:
    """Fetch one page of a list, newest first, and where the next one begins."""
    answer = call(ctx, "GET", f"/{kind}", params=params)
    items = answer.get(kind)
    if not isinstance(items, list):
        raise UnexpectedResponseError(f"GoCardless's list of {kind} is none.")
    match answer.get("meta"):
        case {"cursors": {"after": str(after)}} if after:
            return [_dict(item) for item in items], after
    return [_dict(item) for item in items], None


def listed(ctx: Context, kind: str, **params: str) -> Iterator[dict[str, Any]]:
    """Yield all of a list, page by page."""
    asked = {"limit": PAGE, **params}
    for _ in range(_MOST_PAGES):
        items, after = page(ctx, kind, asked)
        yield from items
        if after is None:
            return
        asked["after"] = after
    raise UnexpectedResponseError(f"GoCardless's list of {kind} has no end.")


def segment(id: str) -> str:
    """Write an id as one part of a path."""
    return quote(id, safe="")


def _token(ctx: Context) -> str:
    if not ctx.settings.get("access_token"):
        raise SettingsError(
            "GoCardless needs access_token: make one under Developers in the GoCardless"
            " dashboard, with read-write access."
        )
    return str(ctx.settings["access_token"])


def _explain(reply: Reply) -> ProviderError | None:
    """Decide on status, type and reason; GoCardless's texts may change."""
    if reply.status not in _EXPLAINED:
        return None
    answer = _dict(reply.json()).get("error")
    # A gateway before the API puts plain text there.
    error = answer if isinstance(answer, dict) else {"message": answer}
    first = _first(error.get("errors"))
    code = _word(first.get("reason") or first.get("field") or error.get("type"))
    told: dict[str, Any] = {"code": code, "reference": _word(error.get("request_id"))}
    if reply.status == 429:
        # The end of the minute is told as a date.
        wait = reply.headers.get("Retry-After") or reply.headers.get("RateLimit-Reset")
        return RateLimitError(
            "GoCardless asks us to wait. It is tried again by itself.",
            retry_after=retry_after(wait),
            **told,
        )
    if code == CONFLICT:
        return _conflict(first, told)
    said = str(first.get("message") or error.get("message") or "")[:200]
    return RejectedError(f"GoCardless refused: {code}. {said}".rstrip(), **told)


def _conflict(first: Mapping[str, Any], told: Mapping[str, Any]) -> ProviderError:
    match first.get("links"):
        case {"conflicting_resource_id": str(made)} if made:
            conflict = KeyUsedError(
                "GoCardless did this before with the same key.", **told
            )
            conflict.made = made
            return conflict
    return UnavailableError(
        "GoCardless is still busy with the same request.",
        outcome_unknown=True,
        **told,
    )


def _first(errors: Any) -> dict[str, Any]:
    match errors:
        case [dict() as first, *_]:
            return first
    return {}


def _word(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "", str(value or ""))[:80]


def _of(kind: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    return _dict(answer.get(kind))


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnexpectedResponseError("GoCardless's answer is not as it documents.")
    return value
