"""A message as a mail, read back with the standard library's parser."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.sdk.events import Message
from hub_email import letter
from hub_email.mailboxes import Mailbox, mailbox

KEY = "0123456789abcdef" * 2 + "01234567"
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
SENDER = Mailbox("billing", "example.com", "Example IT")
TO = Mailbox("ap", "client.example")
LINK = "https://hub.example.com/portal/lnk?a=1&b=2"
STOP = "https://hub.example.com/unsubscribe/" + "x" * 200
EVIL = (
    "Acme\r\nBcc: victim@evil.example\r\n\r\n<script>alert(1)</script>"
    " =?utf-8?q?=0D=0AX-Evil=3A_1?= \u202eRTL\u202c שלום 👨‍👩‍👧‍👦 \0 \ud83d &amp; \"'"
)


class Reader(HTMLParser):
    """What a person reads of an HTML part, and what its tags ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._hidden = tag == "title"
        self.links += [value or "" for name, value in attrs if name == "href"]
        assert not [n for n, _ in attrs if n.startswith("on") or n == "src"]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = self._hidden and tag != "title"

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def raw(message: Message, *, sender: Mailbox = SENDER, to: Mailbox = TO) -> bytes:
    said = letter.letter(message)
    return letter.mail(said, sender=sender, to=to, key=KEY, at=NOW).as_bytes()


def mail(
    message: Message, *, sender: Mailbox = SENDER, to: Mailbox = TO
) -> EmailMessage:
    return message_from_bytes(raw(message, sender=sender, to=to), policy=policy.default)


def part(made: EmailMessage, kind: str) -> str:
    body = made.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def header(content: bytes, name: str) -> str:
    """A header as it stands there, on one line."""
    return re.sub(r"\r?\n", "", str(message_from_bytes(content)[name]))


def decoded(written: str) -> str:
    return str(make_header(decode_header(written)))


WHOLE = Message(
    text="Dear Acme,\n\ninvoice INV-1 is due.\nThank you.",
    subject="Invoice INV-1 is due",
    link=LINK,
    label="View invoice",
    unsubscribe_url=STOP,
)


def test_headers_are_those_of_a_mail_from_a_program() -> None:
    made = mail(WHOLE)

    assert {
        "From": "Example IT <billing@example.com>",
        "To": "ap@client.example",
        "Subject": "Invoice INV-1 is due",
        "Date": "Mon, 23 Nov 2026 05:00:00 +0000",
        "Message-ID": f"<{KEY}@example.com>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": f"<{STOP}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="=_{KEY}"',
    } == dict(made.items())


def test_text_comes_first_and_html_says_the_same() -> None:
    made = mail(WHOLE)
    kinds = [each.get_content_type() for each in made.iter_parts()]
    html = read(part(made, "html"))

    assert ["text/plain", "text/html"] == kinds
    assert (
        "Dear Acme,\n\ninvoice INV-1 is due.\nThank you.\n\n"
        f"View invoice: {LINK}\n\n-- \nUnsubscribe: {STOP}\n"
    ) == part(made, "plain")
    assert [LINK, STOP] == html.links
    said = "Dear Acme, invoice INV-1 is due. Thank you. View invoice Unsubscribe"
    assert said.split() == html.words


def test_same_message_makes_the_same_mail_byte_by_byte() -> None:
    """ROAD 17: a second copy is known by its Message-ID."""
    assert raw(WHOLE) == raw(WHOLE)


def test_html_loads_nothing_and_names_no_colour_of_the_page() -> None:
    html = part(mail(WHOLE), "html")

    assert {"img", "script", "link", "iframe", "object", "style"} & read(
        html
    ).tags == set()
    assert "url(" not in html
    # A button has both its colours; everything else is the reader's own.
    colours = re.findall(r"[^-](?:color|background-color):([^;\"]+)", html)
    assert ["#1d4ed8", "#ffffff", "inherit"] == colours
    assert '<meta name="color-scheme" content="light dark">' in html


def test_button_takes_the_place_of_its_link() -> None:
    made = mail(Message(text=f"Pay here:\n{LINK}\nThank you.", link=LINK))

    assert 1 == part(made, "plain").count(LINK)
    html = read(part(made, "html"))
    assert [LINK] == html.links
    assert ["Pay", "here:", "Open", "Thank", "you."] == html.words


def test_mail_that_nobody_unsubscribes_from_says_nothing_of_it() -> None:
    made = mail(Message(text="Hello"))

    assert "List-Unsubscribe" not in made
    assert "List-Unsubscribe-Post" not in made
    assert "Hello\n" == part(made, "plain")
    assert [] == read(part(made, "html")).links


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        (Message(text="Hello\nthere"), "Hello"),
        (Message(text="\n \n  Hello  "), "Hello"),
        (Message(text="x", subject="  a \t b  "), "a b"),
        (Message(text="x", subject="a\r\nBcc: b"), "a Bcc: b"),
        (Message(text="x", subject="Rechnung fällig 👍"), "Rechnung fällig 👍"),
        (Message(text="x", subject="y" * 5000), "y" * 199 + "…"),
        (Message(text="x", subject="Größe für " * 15), ("Größe für " * 15).strip()),
        (Message(text="x", subject="=?x?q?=0A?= y"), "=?x?q?=0A?= y"),
    ],
)
def test_subject_is_one_short_line(message: Message, subject: str) -> None:
    assert subject == mail(message)["Subject"]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "not a link",
        "https://" + "x" * 901,
    ],
)
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    made = mail(Message(text="Hello", link=url, unsubscribe_url=url))

    assert [] == read(part(made, "html")).links
    assert "List-Unsubscribe" not in made


def test_hostile_values_stay_text() -> None:
    message = Message(
        text=f"Dear {EVIL},\n\npay.",
        subject=EVIL,
        link=f"https://hub.example.com/{EVIL}",
        label=EVIL,
        unsubscribe_url=f"https://hub.example.com/u/{EVIL}",
    )
    made = mail(message)
    html = read(part(made, "html"))

    assert "Bcc" not in made
    assert "X-Evil" not in made
    assert ["ap@client.example"] == [a.addr_spec for a in made["To"].addresses]
    assert {"html", "head", "meta", "title", "body", "div", "p", "a", "br"} == html.tags
    assert all(link.startswith("https://hub.example.com/") for link in html.links)
    assert "<script>alert(1)</script>" in part(made, "plain")
    for text in (str(made["Subject"]), part(made, "plain"), part(made, "html")):
        assert not re.search(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]", text)
        assert "\u202e" not in text


def test_right_to_left_is_set_line_by_line() -> None:
    html = part(mail(Message(text="שלום עולם\n\nHello")), "html")

    assert 2 == html.count('<p dir="auto"')


def test_5000_characters_arrive_whole() -> None:
    text = "Größe 👍 שלום " * 360
    made = mail(Message(text=text))

    assert text.strip() == part(made, "plain").strip()
    assert text.split() == read(part(made, "html")).words


@pytest.mark.parametrize("where", ["sender", "to"])
def test_international_addresses_come_as_they_are(where: str) -> None:
    address = mailbox("josé@münchen.example")
    assert address is not None
    made = raw(WHOLE, **{where: address})

    assert "josé@xn--mnchen-3ya.example".encode() in made


@pytest.mark.parametrize(
    "name",
    [
        "Smith, Sons & Daughters",
        'The "Best" IT',
        "Zoë Müller 👍",
        "Müller, Zoë",
        "x" * 100,
        "é" * 100,
        "שלום",
        "=?utf-8?q?=0D=0AX:?=",
    ],
)
def test_sender_s_name_arrives_and_is_nothing_else(name: str) -> None:
    content = raw(WHOLE, sender=Mailbox("billing", "example.com", name))

    shown, spec = parseaddr(header(content, "From"))
    assert (name, "billing@example.com") == (decoded(shown), spec)
    lines = content.partition(b"\r\nTo:")[0].split(b"\r\n")
    assert all(len(line) <= 130 for line in lines)


LONG = Mailbox("x" * 64, ".".join(["y" * 60] * 3) + ".example")


def test_longest_addresses_arrive() -> None:
    made = mail(WHOLE, sender=LONG, to=LONG)

    assert [LONG.spec] == [a.addr_spec for a in made["To"].addresses]
    assert f"<{KEY}@{LONG.domain}>" == made["Message-ID"]


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(max_size=300),
    subject=st.text(max_size=120),
    name=st.text(max_size=60),
    label=st.text(max_size=80),
)
@example(text=".\n..\r\n.\r", subject=EVIL, name=EVIL[:60], label=EVIL)
@example(text="a\x85b\u2028c", subject="\x1b[0m", name="=?utf-8?b?Cg==?=", label="")
def test_whatever_is_said_makes_one_mail(
    text: str, subject: str, name: str, label: str
) -> None:
    """No header, line or part more than there should be, and lines that all take."""
    sender = mailbox(f"{name} <billing@example.com>") or SENDER
    message = Message(text=text, subject=subject, link=LINK, label=label)
    content = raw(message, sender=sender)
    made = message_from_bytes(content, policy=policy.default)

    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert content.isascii()
    names = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]
    assert [*names, "MIME-Version", "Content-Type"] == made.keys()
    assert 2 == len(list(made.iter_parts()))
    said = letter.letter(message)
    assert said.subject == decoded(header(content, "Subject"))
    name, spec = parseaddr(header(content, "From"))
    assert (sender.name, sender.spec) == (decoded(name), spec)
    assert said.plain.rstrip("\n") == part(made, "plain").rstrip("\n")
    wanted = [*said.text.split(), *said.label.split()]
    assert wanted == read(part(made, "html")).words
