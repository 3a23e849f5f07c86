"""Keys and certificates that webhooks are signed with: fetched, kept, not flooded.

Their URLs come out of requests nobody has verified yet, so each fetch is bounded,
counted and never made twice at once (ROAD 43). The plugin has checked the host.
"""

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from hub.boot import Hub
from hub.core import contexts
from hub.core.configuration.live import LiveConnection
from hub.core.vitals import metrics
from hub.core.webhooks.windows import Windows
from hub.sdk.clock import now
from hub.sdk.errors import PluginError, ProviderError, UnavailableError
from hub.sdk.http import ApiClient

MAX_BYTES = 64 * 1024
SECONDS = 5.0
MOST_PER_SENDER = 10  # fetches a minute for one address at one connection
MOST_PER_CONNECTION = 60
_MINUTE = timedelta(minutes=1)
# A key that proved good is used for an hour, and on while it can't be had anew. What
# was only fetched may be an error page with status 200: it is fetched again soon.
_PROVED = timedelta(hours=1)
_FETCHED = timedelta(minutes=1)
_FAILED = timedelta(seconds=15)
_MOST_KEPT = 256
_GOOD = "hub.key_urls"  # what it is kept under beside a plugin's own values
_MOST_GOOD = 8  # a rotation or two


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What came of a fetch, and until when that is believed."""

    key: bytes | None
    until: datetime
    error: str = ""


def get(hub: Hub, connection: LiveConnection, url: str, *, sender: str) -> bytes:
    """Return the key at `url`; UnavailableError if it can't be had now."""
    given = contexts.addresses(connection.settings)
    check_url(url, given)

    def fetch(url: str) -> bytes:
        client = ApiClient(
            plugin=connection.plugin,
            connection=connection.slug,
            title=connection.title,
            hosts=(urlsplit(url).hostname or "",),
            given=given,
            redactor=connection.redactor,
            timeout=SECONDS,
            max_bytes=MAX_BYTES,
        )
        # No row of the trail: strangers could fill it, and eat the day's quota.
        return client.get(url, headers={"Accept": "*/*"}, excerpt=False).content

    known = hub.part(Keys)
    return known.get(url, connection=connection, sender=sender, fetch=fetch)


def proved(hub: Hub, connection: LiveConnection, url: str) -> None:
    """A signature fitted to the key of this URL: it is worth keeping."""
    if hub.part(Keys).proved(url):
        hub.part(_GoodUrls).add(connection, url)


class _GoodUrls:
    """The key URLs of a connection that proved good, over restarts too: a process
    that knows no key yet would else have to ask for it among all the forgers."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._read: dict[str, tuple[datetime, Sequence[str]]] = {}

    def has(self, connection: LiveConnection, url: str) -> bool:
        """True if it proved good to any process; a minute late at most."""
        at, urls = self._read.get(connection.id, (None, ()))
        if at is None or now() - at >= _MINUTE:
            urls = self._state(connection).get(_GOOD) or ()
            self._read[connection.id] = (now(), urls)
        return url in urls

    def add(self, connection: LiveConnection, url: str) -> None:
        """Remember one more; the oldest goes."""
        if self.has(connection, url):
            return
        state = self._state(connection)
        known = [each for each in state.get(_GOOD) or () if each != url]
        urls = [*known, url][-_MOST_GOOD:]
        state.set(_GOOD, urls)
        self._read[connection.id] = (now(), urls)

    def _state(self, connection: LiveConnection) -> contexts.StoredState:
        return contexts.StoredState(self._hub, connection)


class Keys:
    """The keys one process knows, by full URL: they change with every rotation."""

    def __init__(self, hub: Hub) -> None:
        self._good = hub.part(_GoodUrls)
        self._lock = threading.Lock()
        self._proved: OrderedDict[str, _Found] = OrderedDict()
        self._fetched: OrderedDict[str, _Found] = OrderedDict()
        self._flights: dict[str, Future[_Found]] = {}
        self._windows = Windows(_MINUTE)

    def get(
        self,
        url: str,
        *,
        connection: LiveConnection,
        sender: str,
        fetch: Callable[[str], bytes],
    ) -> bytes:
        """Return the key; UnavailableError if it can't be had now."""
        found = self._known(url) or self._landed(url, connection, sender, fetch)
        if found.key is None:
            raise UnavailableError(found.error)
        return found.key

    def proved(self, url: str) -> bool:
        """Keep what `get` found here for longer; False if it is kept already."""
        with self._lock:
            found = self._fetched.pop(url, None)
            if found is not None and found.key is not None:
                kept = _Found(key=found.key, until=now() + _PROVED)
                _put(self._proved, url, kept)
                return True
        return False

    def _known(self, url: str) -> _Found | None:
        with self._lock:
            return self._believed(url)

    def _believed(self, url: str) -> _Found | None:
        for kept in (self._proved, self._fetched):
            found = kept.get(url)
            if found is not None and now() < found.until:
                return found
        return None

    def _landed(
        self,
        url: str,
        connection: LiveConnection,
        sender: str,
        fetch: Callable[[str], bytes],
    ) -> _Found:
        """Fetch it, or wait for the one who is fetching it already."""
        good = self._good.has(connection, url)
        with self._lock:
            found = self._believed(url)  # it may have landed meanwhile
            if found is not None:
                return found
            flight = self._flights.get(url)
            mine = flight is None
            if flight is None:
                proved = self._proved.get(url)
                # What proved good is the provider's: strangers don't use up its
                # share, and it is better old than not at all.
                if proved is None and not good:
                    self._allow((connection.id, sender), MOST_PER_SENDER)
                    self._allow(connection.id, MOST_PER_CONNECTION)
                elif proved is None:
                    self._allow(url, MOST_PER_SENDER)
                elif self._windows.count(url) > MOST_PER_SENDER:
                    return proved
                flight = self._flights[url] = Future()
        if mine:
            self._fly(url, flight, fetch)
        try:
            return flight.result(timeout=2 * SECONDS)
        except TimeoutError:
            raise UnavailableError("The key takes too long to fetch.") from None

    def _allow(self, key: Hashable, most: int) -> None:
        if self._windows.count(key) > most:
            metrics.KEYS_FETCHED.labels("refused").inc()
            raise UnavailableError("Too many keys were asked for in this minute.")

    def _fly(
        self, url: str, flight: Future[_Found], fetch: Callable[[str], bytes]
    ) -> None:
        try:
            found = _fetched(url, fetch)
        except BaseException as error:
            with self._lock:
                del self._flights[url]
            flight.set_exception(error)
            return
        with self._lock:
            del self._flights[url]
            proved = self._proved.get(url)
            if found.key is None and proved is not None:
                found = _Found(key=proved.key, until=found.until)
            _put(self._fetched, url, found)
        flight.set_result(found)


def check_url(url: str, given: Iterable[str]) -> None:
    """Refuse what can be no provider's address, whatever the plugin thought of it.

    `given` are the addresses an admin wrote into the settings: only these may be
    this machine, or without TLS.
    """
    parts = urlsplit(url)
    origin = (parts.scheme, parts.netloc)
    if any((said.scheme, said.netloc) == origin for said in map(urlsplit, given)):
        return
    host = parts.hostname or ""
    plain = parts.scheme == "https" and "@" not in parts.netloc
    if not plain or parts.port not in (None, 443) or not _is_public_name(host):
        raise PluginError(
            "The plugin wanted to fetch a key from an address that can't be its"
            " provider's."
        )


def _is_public_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host.strip(".") and not host.endswith((".localhost", ".local"))
    return False


def _fetched(url: str, fetch: Callable[[str], bytes]) -> _Found:
    try:
        key = fetch(url)
    except ProviderError as error:
        metrics.KEYS_FETCHED.labels("failed").inc()
        said = f"The key it is signed with could not be fetched. {error}"
        return _Found(key=None, until=now() + _FAILED, error=said)
    metrics.KEYS_FETCHED.labels("fetched").inc()
    return _Found(key=key, until=now() + _FETCHED)


def _put(kept: OrderedDict[str, _Found], url: str, found: _Found) -> None:
    kept[url] = found
    if len(kept) > _MOST_KEPT:
        kept.popitem(last=False)
