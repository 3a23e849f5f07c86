"""The few calls we make to Stripe's API: forms out, JSON back, errors by code."""

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
from hub_stripe.provider import API, API_VERSION

# More refunds of one payment than this are no refunds but a loop.
_MOST_PAGES: Final = 20
_BUSY: Final = frozenset({"lock_timeout", "idempotency_key_in_use"})


def test(ctx: Context) -> str:
    """Ask for one session: the cheapest call that a restricted key can make, too."""
    answer = call(ctx, "GET", "/v1/checkout/sessions", params={"limit": "1"})
    if answer.get("object") != "list":
        raise UnexpectedResponseError("Stripe's list of sessions is none.")
    return f"Stripe accepted the key ({mode(ctx)})."


def mode(ctx: Context) -> str:
    """Say which of Stripe's worlds the key belongs to."""
    key = str(ctx.settings.get("api_key") or "")
    return "live" if key.startswith(("sk_live_", "rk_live_")) else "test"


def can_ask(ctx: Context) -> bool:
    """Tell whether the connection may call Stripe, or only listens."""
    return bool(ctx.settings.get("api_key"))


def call(
    ctx: Context,
    method: str,
    path: str,
    *,
    form: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """Make one call and return Stripe's object. `key` makes a POST safe to repeat."""
    headers = {"Stripe-Version": API_VERSION}
    if key:
        headers["Idempotency-Key"] = key
    reply = ctx.http.request(
        method,
        API + path,
        form=form,
        params=params,
        headers=headers,
        token=_key(ctx),
        explain=_explain,
    )
    return _dict(reply.json())


def pages(ctx: Context, path: str, **params: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, page by page."""
    asked = {"limit": "100", **params}
    for _ in range(_MOST_PAGES):
        answer = call(ctx, "GET", path, params=asked)
        found = answer.get("data")
        if not isinstance(found, list):
            raise UnexpectedResponseError("Stripe's list holds no data.")
        items = [_dict(item) for item in found]
        yield from items
        if not answer.get("has_more") or not items:
            return
        asked["starting_after"] = str(items[-1].get("id"))
    raise UnexpectedResponseError("Stripe's list has no end.")


def segment(id: str) -> str:
    """Write an id as one part of a path."""
    return quote(id, safe="")


def _key(ctx: Context) -> str:
    if not can_ask(ctx):
        raise SettingsError(
            "Stripe needs api_key: copy a secret or restricted key from Developers,"
            " API keys in the Stripe dashboard."
        )
    return str(ctx.settings["api_key"])


def _explain(reply: Reply) -> ProviderError | None:
    """Decide on status, type and code; Stripe's texts may change."""
    if reply.status not in (400, 402, 404, 409, 429):
        return None
    error = _dict(_dict(reply.json()).get("error"))
    kind = str(error.get("type") or "")
    # From an enum that grows; nothing else of it is worth keeping.
    code = re.sub(r"[^a-z0-9_]", "", str(error.get("code") or kind))[:80]
    reference = reply.headers.get("Request-Id")
    if reply.status == 429 or code == "rate_limit":
        wait = retry_after(reply.headers.get("Retry-After"))
        return RateLimitError(
            "Stripe asks us to wait. It is tried again by itself.",
            retry_after=wait,
            code=code,
            reference=reference,
        )
    if code in _BUSY or (reply.status == 409 and kind != "idempotency_error"):
        return UnavailableError(
            f"Stripe is still busy with the same request ({code}).",
            code=code,
            reference=reference,
        )
    said = str(error.get("message") or "")[:200]
    return RejectedError(
        f"Stripe refused: {code}. {said}".rstrip(), code=code, reference=reference
    )


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnexpectedResponseError("Stripe's answer is not as it documents.")
    return value
