"""The call to a receiver, and what its answers mean."""

from typing import Final

from hub.sdk import errors
from hub.sdk.context import Context
from hub.sdk.errors import ProviderError
from hub.sdk.http import Reply
from hub_outbound import signing

JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
# The payload is not what it takes: the same again would be refused again. All else
# that begins with 4 may be a receiver that is just being put in place.
REFUSED: Final = frozenset({400, 413, 415, 422})
OWN: Final = frozenset({408, 429})  # the SDK knows what these mean


def post(body: bytes, id: str, ctx: Context) -> None:
    """Post a signed body. `id` is the same in each try: receivers know it by that."""
    secrets = signing.secrets_of(ctx.settings["signing_secret"])
    signed = signing.headers(id, int(ctx.now().timestamp()), body, secrets)
    ctx.http.post(
        ctx.settings["url"], content=body, headers={**JSON, **signed}, explain=explain
    )


def explain(reply: Reply) -> ProviderError | None:
    """Return the error that an answer means where the status alone doesn't tell."""
    status, said = reply.status, f"The receiver answered HTTP {reply.status}"
    if status == 410:
        text = (
            f"{said}: it wants no more webhooks. Enter its new address, if it has one."
        )
        return errors.GoneError(text, status=status)
    if 300 <= status < 400:
        text = f"{said}: it has moved. Enter the address it leads to; none is followed."
        return errors.CredentialsError(text, status=status)
    if status in (401, 403):
        text = f"{said}: it refuses our signature, most likely. Compare signing_secret."
        return errors.CredentialsError(text, status=status)
    if status in REFUSED:
        text = f"{said}: it can't read this event. See its log, mend it, then retry."
        return errors.RejectedError(text, status=status)
    if 400 <= status < 500 and status not in OWN:
        return errors.UnavailableError(f"{said}. It is tried again.", status=status)
    return None
