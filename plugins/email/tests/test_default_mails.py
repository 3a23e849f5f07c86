"""Every default text as the mail that a client gets, as a file for a person to read.

`WRITE_SNAPSHOTS=1` writes them anew: look at what changed before it is committed.
"""

import os
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from hub.core.policy import texts
from hub.core.policy.defaults import DEFAULTS
from hub.sdk.events import Message
from hub_email import letter
from hub_email.mailboxes import Mailbox

FOLDER = Path(__file__).parent / "snapshots"
KINDS = sorted(kind for reach, kind in DEFAULTS if reach == "email")
LINK = "https://hub.example.com/pay/lnk_1"


def mail(kind: str) -> str:
    """The mail as it is read: headers, the text part, the HTML part."""
    default = DEFAULTS["email", kind]
    sample = {"link": LINK, "sender_name": "North IT", "company_name": "Smith & Co"}
    said = texts.preview("email", kind, default.subject, default.body, sample)
    message = Message(
        text=said["text"],
        subject=said["subject"],
        link=LINK,
        label="View the invoice",
        unsubscribe_url="https://hub.example.com/unsubscribe/1",
    )
    made = letter.mail(
        letter.letter(message),
        sender=Mailbox("billing", "north-it.example", "North IT"),
        to=Mailbox("ap", "smith.example"),
        key="0" * 40,
        at=datetime(2026, 3, 21, 9, 30, tzinfo=UTC),
    )
    read = message_from_bytes(made.as_bytes(), policy=policy.default)
    parts = ["\n".join(f"{name}: {value}" for name, value in read.items())]
    for part in read.iter_parts():
        parts.append(part.get_content().replace("\r\n", "\n").strip())
    return "\n\n====\n\n".join(parts) + "\n"


@pytest.mark.parametrize("kind", KINDS)
def test_default_mails_read_as_they_did(kind: str) -> None:
    file = FOLDER / f"{kind}.txt"
    now = mail(kind)
    if os.environ.get("WRITE_SNAPSHOTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(now, encoding="utf-8", newline="\n")

    assert file.read_text(encoding="utf-8") == now


def test_there_is_a_mail_for_every_file() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(KINDS)
