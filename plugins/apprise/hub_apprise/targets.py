"""The URLs of a connection, each a target with a name that shows no secret (pure)."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from hub.sdk.errors import RejectedError, SettingsError

# A comma or blank may stand inside of a URL: only what begins one ends another.
_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")


def urls_of(text: str) -> tuple[str, ...]:
    """Split the setting; each URL once, in its order."""
    found = (each.strip(" \t\r\n,") for each in _BETWEEN.split(text))
    return tuple(dict.fromkeys(each for each in found if each))


def schema_of(url: str) -> str:
    """What stands before `://`, in small letters; "" if nothing does."""
    schema, mark, _ = url.partition("://")
    return schema.lower() if mark else ""


def name_of(url: str) -> str:
    """Name a URL: `discord-1f2e3d4c`."""
    return f"{schema_of(url)}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def names(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the targets of a connection."""
    return tuple(name_of(url) for url in urls_of(settings.get("urls") or ""))


def chosen(settings: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the URL of a target, by its name or by a schema that only one has; all
    of them for ""."""
    urls = urls_of(settings.get("urls") or "")
    if not urls:
        raise SettingsError("urls is empty. Enter at least one Apprise URL.")
    if not name:
        return urls
    known = {name_of(url): url for url in urls}
    if name in known:
        return (known[name],)
    same = [url for url in urls if schema_of(url) == name.lower()]
    if len(same) == 1:
        return (same[0],)
    raise RejectedError(
        "None of the connection's URLs is meant by this name, or several are. The"
        f" names are: {', '.join(known)}."
    )
