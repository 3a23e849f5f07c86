"""The one place that calls Apprise: bounded in time, and silent.

The library talks to services itself. It logs URLs, and those are secrets: what it
logs is dropped, and what it raises is never shown.
"""

import logging
import warnings
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from hub.sdk.addresses import is_off_limits
from hub.sdk.errors import SettingsError, UnavailableError
from hub_apprise.targets import name_of, schema_of
from hub_apprise.words import Note

SECONDS: Final = 20.0
# They show something on this machine, or write to its log, and tell nobody else.
LOCAL: Final = frozenset(
    ("syslog", "dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "blink1")
)
# Each names a file that the library would read on this machine.
FILES: Final = frozenset(("keyfile", "subfile", "pgpkey", "pgp"))

_log = logging.getLogger("apprise")
_log.propagate = False
_log.setLevel(logging.CRITICAL + 1)
_log.addHandler(logging.NullHandler())


def problem_of(url: str) -> str:
    """Say why a URL can't be used, without its secrets; "" if it can."""
    schema = schema_of(url)
    if not schema:
        return "One of the addresses is no Apprise URL: they begin with schema://."
    if schema in LOCAL:
        return f"{schema}:// only shows something on the hub's own machine."
    if named := FILES & _options(url):
        return f"{schema}://…?{sorted(named)[0]}= reads a file of the hub's machine."
    if _leads_nowhere(url):
        return f"{schema}:// leads to a link-local, multicast or metadata address."
    service = _service(url)
    if service is None:
        return (
            f"Apprise can't use the {schema}:// address. Compare it with the"
            " service's page at https://appriseit.com/services/."
        )
    return "" if not _reads_files(service) else f"{schema}:// reads a file."


def notify(url: str, note: Note) -> None:
    """Tell one service. UnavailableError if it didn't take it, whatever the reason:
    the library doesn't say."""
    if problem := problem_of(url):
        raise SettingsError(f"urls: {problem}")
    if not _told(url, note):
        raise UnavailableError(
            f"{name_of(url)} didn't take the notification. It is tried again by"
            " itself; if that lasts, compare its URL with what the service shows.",
            outcome_unknown=True,
        )


def _told(url: str, note: Note) -> bool:
    library = _library()
    apprise = library.Apprise(asset=_asset())
    apprise.add(_service(url))
    try:
        result = apprise.notify(
            body=note.body,
            title=note.title,
            notify_type=library.NotifyType(note.kind),
            body_format=library.NotifyFormat.TEXT,
            interpret_escapes=False,
            timeout=SECONDS,
        )
    except Exception:
        # A plugin of the library may raise anything, with the URL in it.
        return False
    return bool(result)


def _service(url: str) -> Any:
    try:
        service = _library().Apprise.instantiate(url, asset=_asset())
    except Exception:
        return None
    if service is not None:
        service.redirects = False  # a URL may ask for them
    return service


@cache
def _library() -> Any:
    """Load it at its first use: it takes half a second, and so do its plugins."""
    with warnings.catch_warnings():
        # Some of them import what Python has called old.
        warnings.simplefilter("ignore")
        import apprise

        apprise.Apprise.instantiate("json://localhost")
    return apprise


@cache
def _asset() -> Any:
    library = _library()
    return library.AppriseAsset(
        app_id="Hub",
        app_desc="Hub",
        app_url="",
        async_mode=False,
        http_redirects=False,
        interpret_escapes=False,
        interpret_emojis=False,
        secure_logging=True,
        storage_mode=library.PersistentStoreMode.MEMORY,
    )


def _options(url: str) -> set[str]:
    """The names of a URL's options."""
    query = url.partition("?")[2].replace("?", "&")
    return {name.lower().lstrip("+-:") for name, _ in parse_qsl(query, True)}


def _leads_nowhere(url: str) -> bool:
    try:
        return is_off_limits(urlsplit(url).hostname or "")
    except ValueError:
        return False  # not all of them are URLs of the usual form


def _reads_files(service: Any) -> bool:
    kind = _library().AppriseAttachment
    held = [value for value in vars(service).values() if isinstance(value, kind)]
    return any(len(each) for each in held)
