"""The few calls we make to PayPal's API, with a token kept between them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from hub.sdk import ledger
from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    ProviderError,
    RejectedError,
    SettingsError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.http import Reply
from hub_paypal.provider import site
from hub_paypal.webhooks import READERS

# Renewed a little early, so that no call starts with a token about to end.
_EARLY_SECONDS: Final = 60


def test(ctx: Context) -> str:
    """Fetch a token anew: the cheapest call that needs the credentials."""
    _new_token(ctx)
    environment = ctx.settings.get("environment") or "sandbox"
    return f"PayPal accepted the credentials ({environment})."


def register_webhook(
    ctx: Context, wanted: Sequence[str] = tuple(READERS)
) -> ledger.Registration:
    """Have PayPal send us the `wanted` events; the webhook of our URL is kept."""
    offered = _names(call(ctx, "GET", "/v1/notifications/webhooks-event-types"))
    # PayPal refuses the whole list for one name it has dropped.
    types = [{"name": name} for name in wanted if name in offered]
    hooks = listed(call(ctx, "GET", "/v1/notifications/webhooks"), "webhooks")
    ours = [hook for hook in hooks if hook.get("url") == ctx.webhook_url]
    if not ours:
        body = {"url": ctx.webhook_url, "event_types": types}
        return _registration(call(ctx, "POST", "/v1/notifications/webhooks", json=body))
    registration = _registration(ours[0])
    if _names(ours[0]) != {item["name"] for item in types}:
        change = [{"op": "replace", "path": "/event_types", "value": types}]
        path = f"/v1/notifications/webhooks/{segment(registration.reference)}"
        call(ctx, "PATCH", path, json=change)
    return registration


def call(
    ctx: Context,
    method: str,
    path: str,
    *,
    json: Any = None,
    request_id: str | None = None,
) -> Any:
    """Make one call and return PayPal's JSON.

    `request_id` makes a POST safe to repeat. A token refused is fetched anew, once.
    """
    headers = {"Prefer": "return=representation"}
    if method != "GET":
        headers["Content-Type"] = "application/json"
    if request_id:
        headers["PayPal-Request-Id"] = request_id

    def attempt(token: str) -> Any:
        url = site(ctx.settings).api + path
        return ctx.http.request(
            method, url, json=json, headers=headers, token=token, explain=_explain
        ).json()

    kept = ctx.state.get(_token_key(ctx))
    if not isinstance(kept, str):
        return attempt(_new_token(ctx))
    try:
        return attempt(kept)
    except CredentialsError as error:
        if error.status != 401:
            raise
    ctx.state.delete(_token_key(ctx))
    return attempt(_new_token(ctx))


def _new_token(ctx: Context) -> str:
    reply = ctx.http.post(
        site(ctx.settings).api + "/v1/oauth2/token",
        form={"grant_type": "client_credentials"},
        auth=_credentials(ctx),
        excerpt=False,
        reads=True,
        explain=_explain_token,
    )
    match reply.json():
        case {"access_token": str(token), "expires_in": int(seconds)} if token:
            lifetime = seconds - _EARLY_SECONDS
        case _:
            raise UnexpectedResponseError("PayPal's token answer holds no token.")
    if lifetime > 0:
        ctx.state.set(_token_key(ctx), token, secret=True, ttl=lifetime)
    return token


def _credentials(ctx: Context) -> tuple[str, str]:
    client_id, client_secret = (
        ctx.settings.get(name) for name in ("client_id", "client_secret")
    )
    if not client_id or not client_secret:
        raise SettingsError(
            "PayPal needs client_id and client_secret: copy both from your app in the"
            " PayPal developer dashboard."
        )
    return client_id, client_secret


def _token_key(ctx: Context) -> str:
    environment = ctx.settings.get("environment") or "sandbox"
    return f"token:{environment}:{ctx.settings.get('client_id')}"


def _explain_token(reply: Reply) -> ProviderError | None:
    if reply.status not in (400, 401):
        return None
    code = _dict(reply.json()).get("error")
    return CredentialsError(
        "PayPal refused the client id and secret. Check that both belong to the"
        " connection's environment (sandbox or live).",
        code=code if isinstance(code, str) else None,
    )


def _explain(reply: Reply) -> ProviderError | None:
    """Decide on the issue's code; PayPal's texts may change."""
    if reply.status not in (400, 404, 409, 422):
        return None
    body = _dict(reply.json())
    details = body.get("details")
    detail = _dict(details[0]) if isinstance(details, list) and details else {}
    code = str(detail.get("issue") or body.get("name") or reply.status)[:80]
    said = str(detail.get("description") or body.get("message") or "")[:200]
    debug = str(body.get("debug_id") or reply.headers.get("Paypal-Debug-Id") or "")
    if reply.status == 409:
        return UnavailableError(
            f"PayPal is still busy with the same request ({code}).",
            code=code,
            reference=debug,
        )
    return RejectedError(
        f"PayPal refused: {code}. {said}".rstrip(), code=code, reference=debug
    )


def _registration(hook: Any) -> ledger.Registration:
    webhook_id = _dict(hook).get("id")
    if not isinstance(webhook_id, str) or not webhook_id:
        raise UnexpectedResponseError("PayPal's webhook has no id.")
    return ledger.Registration(
        reference=webhook_id, settings={"webhook_id": webhook_id}
    )


def _names(holder: Any) -> set[str]:
    return {str(item.get("name")) for item in listed(holder, "event_types")}


def listed(holder: Any, name: str) -> list[Mapping[str, Any]]:
    """Return a list of objects in an answer; none is an empty one."""
    found = _dict(holder).get(name) or []
    if not isinstance(found, list):
        raise UnexpectedResponseError(f"PayPal's list of {name} is none.")
    return [_dict(item) for item in found]


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnexpectedResponseError("PayPal's answer is not as it documents.")
    return value


def segment(id: str) -> str:
    """Write an id as one part of a path."""
    return quote(id, safe="")
