"""A request to a provider, put together before anything is sent."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib import metadata
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from hub.sdk.errors import CredentialsError, PluginError


@dataclass(frozen=True)
class Outgoing:
    """A request ready to be sent; `reads` if it changes nothing at the provider."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    reads: bool


def body_of(
    value: Any, form: Mapping[str, str] | None, content: bytes | None
) -> tuple[bytes | None, dict[str, str]]:
    """Return the body's bytes and the headers that come with it."""
    if value is not None:
        text = json.dumps(value, separators=(",", ":"), default=_number)
        return text.encode(), {"Content-Type": "application/json"}
    if form is not None:
        kind = "application/x-www-form-urlencoded"
        return urlencode(form).encode(), {"Content-Type": kind}
    return content, {}


def with_params(url: str, params: Mapping[str, str] | None) -> str:
    """Add query parameters to a URL."""
    if not params:
        return url
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(params))))
    return urlunsplit(parts._replace(query=query))


def authorization(auth: tuple[str, str] | None, token: str | None) -> dict[str, str]:
    """Return the header for Basic (`auth`) or Bearer (`token`) credentials."""
    if auth is not None:
        pair = base64.b64encode(":".join(auth).encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    if token is None:
        return {}
    if not token or re.search(r"[^\x21-\x7e]", token):
        raise CredentialsError(
            "The token is empty or holds characters that can't be sent. Enter it "
            "again: a blank or line break may have come along when it was copied."
        )
    return {"Authorization": f"Bearer {token}"}


def merged(*groups: Mapping[str, str]) -> dict[str, str]:
    """Join headers, later ones over earlier ones without regard to case."""
    joined: dict[str, tuple[str, str]] = {}
    for group in groups:
        joined |= {name.lower(): (name, value) for name, value in group.items()}
    for name, value in joined.values():
        if re.search(r"[^\x20-\x7e\xa0-\xff]", name + value):
            raise PluginError("A request's header holds what headers can't carry.")
    return dict(joined.values())


@cache
def user_agent() -> str:
    """Say who calls."""
    return f"msp-hub/{metadata.version('msp-hub')}"


def _number(value: Any) -> Any:
    """Write a Decimal as a JSON number if that is exactly what it is."""
    if isinstance(value, Decimal) and value.is_finite():
        for number in (int(value), float(value)):
            if Decimal(repr(number)) == value:
                return number
    raise PluginError("A request holds a value that JSON can't carry exactly.")
