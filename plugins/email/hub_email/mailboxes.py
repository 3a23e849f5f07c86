"""E-mail addresses: what is one, and how it goes into a header or a command."""

import re
from dataclasses import dataclass
from email.header import Header
from email.utils import quote
from typing import Final

import idna

from hub.sdk.text import one_line

LONGEST_LOCAL: Final = 64
LONGEST: Final = 254
LONGEST_NAME: Final = 100
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]+", re.ASCII)
_NAMED = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<spec>[^<>]*)>")
# RFC 5321's dot-string, with RFC 6531's letters; nobody is addressed in quotes.
_LOCAL = re.compile(
    r"[^\s\x00-\x20\x7f-\x9f\"(),:;<>@\[\\\].]+(\.[^\s\x00-\x20\x7f-\x9f\"(),:;<>@\[\\\].]+)*"
)


@dataclass(frozen=True)
class Mailbox:
    """An address: its domain in ASCII, and a name that may be shown before it."""

    local: str
    domain: str
    name: str = ""

    @property
    def spec(self) -> str:
        """The address alone."""
        return f"{self.local}@{self.domain}"

    @property
    def international(self) -> bool:
        """True if only a server with SMTPUTF8 can write to it."""
        return not self.local.isascii()

    def header(self) -> str:
        """What stands in From or To."""
        if not self.name:
            return self.spec
        name = encoded(self.name)
        if name == self.name and not _ATOMS.fullmatch(name):
            name = f'"{quote(name)}"'
        return f"{name} <{self.spec}>"


def mailbox(text: str) -> Mailbox | None:
    """Read `name@example.com` or `Name <name@example.com>`; None for anything else."""
    if text != one_line(text):
        return None
    named = _NAMED.fullmatch(text)
    name = named["name"].strip().strip('"') if named else ""
    local, _, domain = (named["spec"] if named else text).strip().rpartition("@")
    ascii_domain = _ascii(domain)
    right = _LOCAL.fullmatch(local) and len(local.encode()) <= LONGEST_LOCAL
    if not right or not ascii_domain or len(name) > LONGEST_NAME:
        return None
    found = Mailbox(local, ascii_domain, name)
    return found if len(found.spec.encode()) <= LONGEST else None


def encoded(line: str) -> str:
    """Write a line as a header may hold it; what looks encoded is encoded again."""
    if line.isascii() and "=?" not in line:
        return line
    return Header(line, "utf-8", maxlinelen=72).encode(linesep="")


def _ascii(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        return ""
