"""The three calls we make to Twilio, and what its errors mean.

Replies and requests hold phone numbers and texts, that of the account even a token:
nothing of the bodies is kept, and no error quotes them.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from hub.sdk import errors
from hub.sdk.context import Context
from hub.sdk.errors import ProviderError
from hub.sdk.http import Reply, retry_after
from hub_twilio import codes
from hub_twilio.provider import API, tokens

AGAIN = "It is tried again by itself."


def account(ctx: Context) -> dict[str, Any]:
    """Fetch the account: the cheapest call."""
    return _get(ctx, ".json")


def message(ctx: Context, sid: str) -> dict[str, Any]:
    """Fetch a message as Twilio knows it now."""
    return _get(ctx, f"/Messages/{sid}.json")


def create(ctx: Context, form: Mapping[str, str]) -> dict[str, Any]:
    """Send a text. There is no idempotency key: each call is another text."""
    return _object(
        ctx.http.post(
            _url(ctx, "/Messages.json"),
            form=form,
            auth=_auth(ctx),
            excerpt=False,
            explain=partial(explain, reads=False),
        )
    )


def is_twilio_itself(ctx: Context) -> bool:
    """Tell whether calls go to Twilio's own host, not where api_base_url leads."""
    return ctx.http.rewrite(API).startswith(API)


def explain(reply: Reply, *, reads: bool) -> ProviderError | None:
    """Return the error that a reply means where the status alone doesn't tell."""
    if reply.status < 400:
        return None
    code = _code(reply)
    known = codes.meaning(code)
    if known is not None:
        return _error(known, code, reply, reads=reads)
    if reply.status >= 500 and not reads:
        # Whatever answered so may have sent it: a second text is worse than none.
        return _ambiguous("Twilio can't answer now.", code, reply, reads=reads)
    if code and 400 <= reply.status < 500 and reply.status not in (401, 403, 408, 429):
        return errors.RejectedError(
            f"Twilio refused it with error {code}, and it is not tried again: see"
            f" twilio.com/docs/errors/{code}.",
            status=reply.status,
            code=code,
        )
    return None


def _error(
    known: codes.Code, code: str, reply: Reply, *, reads: bool
) -> ProviderError | None:
    about: dict[str, Any] = {"status": reply.status, "code": code}
    match known.kind:
        case "settings":
            return errors.CredentialsError(f"{known.words} ({code})", **about)
        case "opted_out" | "number":
            opted_out = known.kind == "opted_out"
            words = f"{known.words} ({code})"
            return errors.RecipientError(words, opted_out=opted_out, **about)
        case "refused":
            return errors.RejectedError(f"{known.words} ({code})", **about)
        case "wait":
            told = retry_after(reply.headers.get("Retry-After"))
            wait = known.wait if told is None else told
            words = f"{known.words} {AGAIN} ({code})"
            return errors.RateLimitError(words, retry_after=wait, **about)
        case "later":
            return errors.UnavailableError(f"{known.words} {AGAIN} ({code})", **about)
    return _ambiguous(known.words, code, reply, reads=reads)


def _ambiguous(
    words: str, code: str, reply: Reply, *, reads: bool
) -> errors.UnavailableError:
    doubt = AGAIN if reads else "It is not known whether the text was sent."
    said = code or f"HTTP {reply.status}"
    return errors.UnavailableError(
        f"{words} {doubt} ({said})",
        status=reply.status,
        code=code or None,
        outcome_unknown=not reads,
    )


def _code(reply: Reply) -> str:
    """Return Twilio's own code; its words may quote the number."""
    try:
        body = reply.json()
    except errors.UnexpectedResponseError:
        return ""
    code = body.get("code") if isinstance(body, dict) else None
    plain = isinstance(code, int | str) and not isinstance(code, bool)
    text = str(code) if plain else ""
    return text if text.isascii() and text.isdecimal() and len(text) <= 6 else ""


def _get(ctx: Context, path: str) -> dict[str, Any]:
    return _object(
        ctx.http.get(
            _url(ctx, path),
            auth=_auth(ctx),
            excerpt=False,
            explain=partial(explain, reads=True),
        )
    )


def _url(ctx: Context, path: str) -> str:
    return f"{API}/2010-04-01/Accounts/{_auth(ctx)[0]}{path}"


def _auth(ctx: Context) -> tuple[str, str]:
    account, found = ctx.settings.get("account_sid"), tokens(ctx.settings, "auth_token")
    if not account or not found:
        raise errors.SettingsError(
            "Account SID and auth token are needed: copy both from the Twilio console."
        )
    return account, found[0]


def _object(reply: Reply) -> dict[str, Any]:
    body = reply.json()
    if isinstance(body, dict):
        return body
    raise errors.UnexpectedResponseError(
        "Twilio's answer is not as it documents it. See its status page; if it lasts,"
        " the plugin needs an update.",
        status=reply.status,
    )
