"""What an e-mail address is, and what it can't smuggle into a mail."""

import pytest

from hub_email.mailboxes import Mailbox, mailbox


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a@example.com", Mailbox("a", "example.com")),
        ("Billing.Team+hub@Example.COM", Mailbox("Billing.Team+hub", "example.com")),
        ("o'brien@example.com", Mailbox("o'brien", "example.com")),
        ("a@localhost", Mailbox("a", "localhost")),
        ("a@münchen.example", Mailbox("a", "xn--mnchen-3ya.example")),
        ("josé@example.com", Mailbox("josé", "example.com")),
        ("用户@例子.example", Mailbox("用户", "xn--fsqu00a.example")),
        ("Example IT <a@example.com>", Mailbox("a", "example.com", "Example IT")),
        ('"Smith, Sons" <a@b.example>', Mailbox("a", "b.example", "Smith, Sons")),
        ("Zoë 👍 <a@b.example>", Mailbox("a", "b.example", "Zoë 👍")),
        ("<a@b.example>", Mailbox("a", "b.example")),
        ("=?x?q?y?= <a@b.example>", Mailbox("a", "b.example", "=?x?q?y?=")),
    ],
)
def test_addresses_are_read(text: str, wanted: Mailbox) -> None:
    assert wanted == mailbox(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@example.com",
        "a@",
        "a@b@example.com",
        "a b@example.com",
        "a@exa mple.com",
        "a@example..com",
        ".a@example.com",
        "a..b@example.com",
        "a,b@example.com",
        "a@example.com, b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com\n",
        "a\0@example.com",
        "A\r\nBcc: x <a@example.com>",
        "<a@example.com> <b@example.com>",
        "A <a@example.com",
        '"a b"@example.com',
        "a@[127.0.0.1]",
        "a@-example.com",
        "a@example.com>",
        "a@exam_ple.com",
        "x" * 65 + "@example.com",
        "a@" + "x" * 64 + ".com",
        "a@" + ".".join(["x" * 60] * 5),
        "x" * 101 + " <a@example.com>",
        "\u202ea@example.com",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert mailbox(text) is None


def test_only_letters_before_the_at_need_another_kind_of_server() -> None:
    assert [False, True] == [
        found.international
        for text in ("a@münchen.example", "josé@example.com")
        if (found := mailbox(text))
    ]
