"""Which addresses a connection may call, and what `api_base_url` makes of them."""

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from hub.sdk.errors import PluginError, SettingsError

_NOWHERE = SplitResult("", "", "", "", "")
# Clouds hand out a machine's credentials here; these are not link-local.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200")))
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal"})
_NAME = re.compile(r"[\w.:-]{1,253}")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_INSIDE = (
    "The address in this connection's settings leads into a private network, so nothing"
    " was sent there. If that is meant, add the network to allowed_networks."
)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_STRANGE = (
    "The plugin wanted to call an address that is neither one of its provider's nor "
    "one of the connection's settings; it was not called."
)


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine by name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_off_limits(host: str) -> bool:
    """Tell whether `host`, as written, is an address no provider can have.

    Link-local, multicast, unspecified, or a cloud's metadata; names are not resolved.
    """
    # As IDNA reads it on the way out: wide digits and the ideographic full stop.
    name = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
    name = name.lower().rstrip(".")
    ip = _literal(name)
    if ip is None:
        return name in _METADATA_NAMES
    nowhere = ip.is_link_local or ip.is_multicast or ip.is_unspecified
    return nowhere or ip in _METADATA


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address in any spelling the system's resolver takes."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return getattr(ip, "ipv4_mapped", None) or ip
    try:
        # Decimal, octal, hexadecimal and short forms: 2852039166, 0xa9.254.43518.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def networks(text: str) -> tuple[Network, ...]:
    """Read networks separated by commas or blanks: `10.0.0.0/8, fd00::/8`. ValueError
    names the first that is none."""
    return tuple(
        ipaddress.ip_network(each) for each in re.split(r"[\s,]+", text) if each
    )


@dataclass(frozen=True)
class Reach:
    """What a connection may reach, asked of the address that a name leads to just when
    it is connected to: an answer of the DNS can't change between look and call.

    Never an address that no provider has. With `private` False no private network
    either, but for the `allowed` ones, and this machine if it was named as such.
    """

    private: bool = True
    allowed: tuple[Network, ...] = ()

    def check(self, host: str, address: str) -> None:
        """Raise SettingsError if `host` must not be called at this address."""
        ip = ipaddress.ip_address(address.partition("%")[0])
        for each in (ip, *_inside(ip)):
            if any(each.version == n.version and each in n for n in self.allowed):
                continue
            refuse_off_limits(str(each))
            if self.private or each.is_global:
                continue
            if not (each.is_loopback and is_loopback(host)):
                raise SettingsError(_INSIDE)


EVERYWHERE = Reach()


def _inside(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> Iterator[ipaddress.IPv4Address]:
    """The address of the old kind that one of the new kind may lead to."""
    if isinstance(ip, ipaddress.IPv6Address):
        teredo = ip.teredo[1] if ip.teredo else None
        nat = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
        found = (ip.ipv4_mapped, ip.sixtofour, teredo, nat)
        yield from (each for each in found if each is not None)


class Addresses:
    """The addresses of one connection.

    `hosts` are the provider's own, reached over https on its usual port. `given`
    are URLs an admin wrote into the settings: their hosts are allowed, too, those
    of this machine also over http; and names of servers that aren't spoken to in
    HTTP. `base` (api_base_url) replaces all of them.
    """

    def __init__(
        self, hosts: Iterable[str], given: Iterable[str] = (), base: str = ""
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        given = tuple(given)
        self._given = frozenset(filter(None, map(_origin, given)))
        self._names = frozenset(v.lower() for v in given if _NAME.fullmatch(v))
        self._base = _checked_base(base) if base else None

    def rewrite(self, url: str) -> str:
        """Return the address to call for a documented one, or raise PluginError."""
        if self._base is None:
            self._check(url)
            return url
        parts, below = _split(url), self._base.path.rstrip("/")
        inside = parts.path == below or parts.path.startswith(below + "/")
        if inside and _origin(url) == _origin(self._base.geturl()):
            # A link out of a reply of the stand-in is there already.
            return url
        if _origin(url) is None:
            raise PluginError("The plugin wanted to call something that is no URL.")
        scheme, netloc = self._base.scheme, self._base.netloc
        path = below + parts.path
        return urlunsplit(parts._replace(scheme=scheme, netloc=netloc, path=path))

    def server(self, url: str) -> tuple[str, int]:
        """Return host and port of a server that an admin named in the settings, for
        a protocol other than HTTP: `smtp://mail.example.com:587`."""
        parts = _split(url)
        host, port = parts.hostname, parts.port
        if not host or not port or "@" in parts.netloc:
            raise PluginError("The plugin wanted to call something that is no URL.")
        if self._base is not None and host != self._base.hostname:
            raise SettingsError(
                "api_base_url is set to another host than this connection's server, "
                "and it can only stand in for addresses of web pages. Clear it, and "
                "enter the stand-in's host and port."
            )
        if host not in self._names and self._base is None:
            raise PluginError(_STRANGE)
        refuse_off_limits(host)
        return host, port

    def _check(self, url: str) -> None:
        parts = _split(url)
        secure = parts.scheme == "https"
        if _origin(url) in self._given:
            refuse_off_limits(parts.hostname or "")
            if secure or is_loopback(parts.hostname or ""):
                return
            raise SettingsError(
                "An address in this connection's settings begins with http://, which "
                "is for this machine only. Write https://."
            )
        plain = secure and "@" not in parts.netloc and parts.port in (None, 443)
        if not (plain and parts.hostname in self._hosts):
            raise PluginError(_STRANGE)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return _NOWHERE
    return parts


def _origin(url: str) -> tuple[str, str, int] | None:
    parts = _split(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    if usual is None or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, parts.port or usual


def _checked_base(url: str) -> SplitResult:
    parts = _split(url)
    allowed = parts.scheme == "https" or is_loopback(parts.hostname or "")
    if _origin(url) is None or not allowed or "@" in parts.netloc or parts.query:
        raise SettingsError(
            "api_base_url must be an address such as https://eu.example.com or "
            "http://localhost:8100/name; http is for this machine only."
        )
    refuse_off_limits(parts.hostname or "")
    return parts


def refuse_off_limits(host: str) -> None:
    """Raise SettingsError for an address that no provider can have."""
    if is_off_limits(host):
        raise SettingsError(
            "An address in this connection's settings leads to a link-local, multicast "
            "or metadata address, which no provider has. Enter the provider's own."
        )
