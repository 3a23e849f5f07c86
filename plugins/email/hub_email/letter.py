"""A message as an e-mail: headers, a text part and the same as HTML. All pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader

from hub.sdk.events import Message
from hub.sdk.text import clean, one_line, web_address
from hub_email.mailboxes import Mailbox, encoded

LONGEST_SUBJECT: Final = 200
LONGEST_LABEL: Final = 60
# A header's line has 998 letters at the most, and a link can't be folded.
LONGEST_LINK: Final = 900
OPEN: Final = "Open"
_BUTTON: Final = "\0"  # no text holds it
STOP: Final = "Unsubscribe"
# Tabs and line breaks are all that text needs of them; the last two turn round all
# that follows on the line, whoever wrote it.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u202d\u202e]")
_BREAK = re.compile(r"\r\n|[\r\n\v\f\x85\u2028\u2029]")


class _Written(UnstructuredHeader):
    """A header as it was written here: what the library would read into it, or break
    when folding it (a link, the blanks of a name), stays as it is."""

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds["parse_tree"] = cls.value_parser("")
        kwds["decoded"] = value

    def fold(self, *, policy: Any) -> str:
        end: str = policy.linesep
        whole = f"{self.name}: {self}"  # type: ignore[attr-defined]
        # A line with an encoded word has 76 letters at the most (RFC 2047).
        for before, after in (("?=", "=?"), ("?=", "<")):
            whole = whole.replace(f"{before} {after}", f"{before}{end} {after}")
        return whole + end


def _policy(*, international: bool) -> "EmailPolicy[EmailMessage]":
    registry = HeaderRegistry()
    for name in ("from", "to", "subject", "message-id", "list-unsubscribe"):
        registry.map_to_type(name, _Written)  # type: ignore[arg-type]
    # Servers without 8BITMIME take it as well.
    return SMTP.clone(header_factory=registry, utf8=international, cte_type="7bit")


_PLAIN: Final = _policy(international=False)
_INTERNATIONAL: Final = _policy(international=True)


@dataclass(frozen=True)
class Letter:
    """What a mail says, fit for both of its parts."""

    subject: str
    text: str
    link: str
    label: str
    unsubscribe: str

    @property
    def plain(self) -> str:
        """The text part."""
        parts = [self.text]
        if self.link and self.link not in self.text:
            parts.append(f"{self.label}: {self.link}")
        if self.unsubscribe:
            parts.append(f"-- \n{STOP}: {self.unsubscribe}")
        return "\n\n".join(parts) + "\n"

    @property
    def html(self) -> str:
        """The same as HTML."""
        template = _environment().get_template("hub_email/mail.html")
        return template.render(letter=self, blocks=self.blocks, stop=STOP)

    @property
    def blocks(self) -> list[list[str]]:
        """Paragraphs of lines; an empty one is where the button stands, in the place
        of the line with its link, else at the end."""
        found: list[list[str]] = [[]]
        for line in self.text.split("\n"):
            if self.link and line.strip() == self.link:
                found += [[_BUTTON], []]
            elif line.strip():
                found[-1].append(line)
            else:
                found.append([])
        if self.link and [_BUTTON] not in found:
            found.append([_BUTTON])
        return [[] if block == [_BUTTON] else block for block in found if block]


def letter(message: Message) -> Letter:
    """Read a message: what is in it can't be more than text."""
    text = _BREAK.sub("\n", clean(message.text))
    text = _CONTROL.sub("", text).strip("\n ")
    first = next((line for line in text.split("\n") if line.strip()), "")
    return Letter(
        subject=_cut(one_line(clean(message.subject or first)), LONGEST_SUBJECT),
        text=text,
        link=_link(message.link),
        label=_cut(one_line(clean(message.label)), LONGEST_LABEL) or OPEN,
        unsubscribe=_link(message.unsubscribe_url),
    )


def mail(
    said: Letter, *, sender: Mailbox, to: Mailbox, key: str, at: datetime
) -> EmailMessage:
    """Make the mail. `key` names it: a second copy has the same Message-ID."""
    international = sender.international or to.international
    made = EmailMessage(_INTERNATIONAL if international else _PLAIN)
    made["From"] = sender.header()
    made["To"] = to.header()
    made["Subject"] = encoded(said.subject)
    made["Date"] = format_datetime(at)
    made["Message-ID"] = message_id(key, sender)
    made["Auto-Submitted"] = "auto-generated"
    if said.unsubscribe:
        made["List-Unsubscribe"] = f"<{said.unsubscribe}>"
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(said.plain)
    made.add_alternative(said.html, subtype="html")
    made.set_boundary(f"=_{key}")
    return made


def message_id(key: str, sender: Mailbox) -> str:
    """Name a mail; servers and readers know a second copy by it."""
    return f"<{key}@{sender.domain}>"


def _link(url: str) -> str:
    address = web_address(url)
    return address if len(address) <= LONGEST_LINK else ""


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hub_email"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
