"""The call made to a workflow, and what its answers mean."""

import re
from collections.abc import Mapping
from typing import Any, Final

from hub.sdk import errors
from hub.sdk.context import Context
from hub.sdk.errors import ProviderError
from hub.sdk.http import Reply
from hub_teams.size import encoded

JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,80}", re.ASCII)

COPY_AGAIN: Final = (
    "Copy the URL again from the workflow in Teams, whole and unchanged, and see"
    ' that "Who can trigger the flow" is "Anyone".'
)
GONE: Final = (
    "The workflow was deleted, or its address has been switched off. Copy the URL"
    " again from the workflow in Teams, or make a new one."
)
TOO_LARGE: Final = "The card is too large for Teams. Leave some of it out."
NOT_READ: Final = (
    "Sending the same card again will not help; the workflow's run history in Power"
    " Automate says what is wrong with it."
)


def post(message: Mapping[str, Any], ctx: Context) -> None:
    """Post a message. An accepted one is shown later, and only people see whether."""
    url = ctx.settings["webhook_url"]
    # No Authorization: beside `sig` the workflow refuses it.
    ctx.http.post(url, content=encoded(dict(message)), headers=JSON, explain=explain)


def explain(reply: Reply) -> ProviderError | None:
    """Return the error that an answer means where the status alone doesn't tell."""
    status, said = reply.status, f"Teams answered HTTP {reply.status}."
    if 200 <= status < 300:
        return _unexpected(reply) if _is_page(reply) else None
    code = _code(reply)
    if status in (401, 403):
        text = f"{said} {COPY_AGAIN}"
        return errors.CredentialsError(text, status=status, code=code)
    if status in (404, 410):
        return errors.CredentialsError(f"{said} {GONE}", status=status, code=code)
    if status == 413:
        return errors.RejectedError(f"{said} {TOO_LARGE}", status=status, code=code)
    if status == 400:
        return errors.RejectedError(f"{said} {NOT_READ}", status=status, code=code)
    return None


def _code(reply: Reply) -> str | None:
    """Return the workflow's own word for an error; the rest may quote the URL."""
    try:
        said = reply.json()
    except errors.UnexpectedResponseError:
        return None
    about = said.get("error") if isinstance(said, Mapping) else None
    word = about.get("code") if isinstance(about, Mapping) else None
    return word if isinstance(word, str) and _WORD.fullmatch(word) else None


def _is_page(reply: Reply) -> bool:
    """Tell whether somebody else answered: a proxy, a page for browsers."""
    return reply.text.lstrip().startswith("<")


def _unexpected(reply: Reply) -> errors.UnexpectedResponseError:
    return errors.UnexpectedResponseError(
        "A web page answered in place of the workflow. Check the address in the"
        " connection's settings, and a proxy between, if there is one.",
        status=reply.status,
    )
