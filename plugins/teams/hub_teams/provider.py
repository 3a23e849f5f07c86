"""Microsoft Teams, described as data."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from marshmallow import ValidationError, validates_schema

from hub.sdk.http import is_loopback
from hub.sdk.provider import Budget, Provider, SettingsSchema, secret

# Any host below one of these is Microsoft's.
OLD_FORM: Final = ".logic.azure.com"
WORKFLOWS: Final = (".environment.api.powerplatform.com", OLD_FORM)
CONNECTORS: Final = (".webhook.office.com", "outlook.office.com")
_ODD = re.compile(r"[^\x21-\x7e]")

WHOLE: Final = (
    "Enter the whole address that the workflow shows, as https://….environment.api"
    ".powerplatform.com/…/paths/invoke?…; another host's only together with"
    " api_base_url."
)
RETIRED: Final = (
    "This is the address of an Office 365 connector, and Microsoft has retired those."
    ' In Teams, make a workflow "Send webhook alerts to a channel" and enter the'
    " address that it shows."
)
UNSIGNED: Final = (
    "The address carries no sig, so it can't be used without signing in. Set \"Who"
    ' can trigger the flow" to "Anyone" and copy the address again.'
)
CHANGED: Final = (
    "The address was changed on its way: it must be as the workflow shows it, with"
    " & between the parts of its query and sp=%2Ftriggers%2Fmanual%2Frun. Copy it"
    " again."
)


class TeamsSettings(SettingsSchema):
    """Keys and order of the connection's form."""

    webhook_url = secret(
        "Workflow URL",
        'From the workflow\'s step "When a Teams webhook request is received". It'
        " posts to its own channel only.",
    )

    @validates_schema
    def _check_webhook_url(self, data: Mapping[str, Any], **_options: Any) -> None:
        url, elsewhere = data.get("webhook_url"), bool(data.get("api_base_url"))
        problem = problem_of(url, elsewhere=elsewhere) if url else ""
        if problem:
            raise ValidationError(problem, "webhook_url")


def problem_of(url: str, *, elsewhere: bool = False) -> str:
    """Say what is wrong with a workflow's address; "" if nothing is.

    `elsewhere` allows any host over https: api_base_url leads there.
    """
    parts = _split(url)
    host = parts.hostname if parts else None
    if parts is None or not host or _ODD.search(url) or "@" in parts.netloc:
        return WHOLE
    if _is_below(host, CONNECTORS):
        return RETIRED
    if parts.scheme == "https" and _is_below(host, WORKFLOWS):
        return _problem_of_workflow(parts)
    secure = parts.scheme == "https" and elsewhere
    local = parts.scheme in ("http", "https") and is_loopback(host)
    return "" if (secure or local) and len(parts.path) > 1 else WHOLE


def is_old_form(url: str) -> bool:
    """Tell whether an address may have been switched off."""
    parts = _split(url)
    return bool(parts and parts.hostname and _is_below(parts.hostname, (OLD_FORM,)))


def _problem_of_workflow(parts: SplitResult) -> str:
    if parts.port not in (None, 443) or "/paths/invoke" not in parts.path:
        return WHOLE
    if "&amp;" in parts.query or "sp=/" in parts.query:
        return CHANGED
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return "" if query.get("sig", "").strip() else UNSIGNED


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_below(host: str, names: tuple[str, ...]) -> bool:
    """Tell whether a host is one of the names, or below one on a dot boundary."""
    return any(host.endswith(n) if n[0] == "." else host == n for n in names)


def describe_provider() -> Provider:
    """Describe Teams to the hub."""
    return Provider(
        name="teams",
        title="Microsoft Teams",
        category="notify",
        summary="Posts cards about payments, invoices, quotes, alerts and connections.",
        settings=TeamsSettings,
        required=(("webhook_url",),),
        # Its hosts are as many as there are environments: the address that the
        # admin entered is checked instead, and is the only one that is called.
        hosts=(),
        budget=Budget(per_second=1.0, concurrency=1),
        docs_url="https://learn.microsoft.com/connectors/teams/",
        max_age={
            "connection.failing": timedelta(hours=6),
            "connection.recovered": timedelta(hours=6),
            "*": timedelta(hours=24),
        },
        after_unknown_outcome="resend",
        summarises=True,
    )
