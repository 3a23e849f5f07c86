"""A mail that came, read with the standard library's parser."""

from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from typing import Any

from hub.sdk import clock
from hub.sdk.text import clean


@dataclass
class Received:
    """One mail as it came; `copy_of` is the number of the same one before it."""

    number: int
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    at: datetime = field(default_factory=clock.now)
    copy_of: int | None = None

    @cached_property
    def message(self) -> EmailMessage:
        """The mail in parts."""
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All headers, decoded."""
        return [(name, clean(str(value))) for name, value in self.message.items()]

    def header(self, name: str) -> str:
        """One header, decoded; "" if there is none."""
        return clean(str(self.message.get(name, "")))

    @property
    def subject(self) -> str:
        """What it is about."""
        return self.header("Subject")

    @property
    def text(self) -> str:
        """The text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    @property
    def unsubscribe(self) -> str:
        """Where one click stops more of them."""
        return self.header("List-Unsubscribe").strip("<> ")

    def is_same(self, other: "Received") -> bool:
        """True for a second copy: mail programs show one of them."""
        name = self.header("Message-ID")
        same = name == other.header("Message-ID")
        return bool(name) and same and self.recipients == other.recipients

    def shown(self) -> dict[str, Any]:
        """What tests and programs see of it."""
        return {
            "number": self.number,
            "sender": self.sender,
            "recipients": list(self.recipients),
            "headers": self.headers,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "unsubscribe": self.unsubscribe,
            "copy_of": self.copy_of,
        }

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        content = part.get_content() if part is not None else ""
        return clean(content) if isinstance(content, str) else ""
