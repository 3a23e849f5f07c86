"""What each reply of a mail server means."""

import pytest

from hub.sdk.errors import (
    CredentialsError,
    ProviderError,
    RateLimitError,
    RecipientError,
    RejectedError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub_email import replies
from hub_email.replies import Stage, error_of

Row = tuple[Stage, int, str, type[ProviderError], str | None, str]

ROWS: list[Row] = [
    # what passes
    ("greeting", 421, "4.3.2 Shutting down", UnavailableError, "4.3.2", "by itself"),
    ("greeting", 421, "Too busy", UnavailableError, None, "by itself"),
    ("greeting", 421, "4.7.0 Too many", RateLimitError, "4.7.0", "by itself"),
    ("sign-in", 454, "4.7.0 Later", UnavailableError, None, "by itself"),
    ("sender", 452, "4.3.1 Storage", UnavailableError, "4.3.1", "by itself"),
    ("recipient", 450, "4.2.1 Busy", UnavailableError, "4.2.1", "by itself"),
    ("recipient", 450, "4.7.1 Greylisted", UnavailableError, "4.7.1", "by itself"),
    ("recipient", 451, "Local error", UnavailableError, None, "by itself"),
    ("recipient", 452, "4.2.2 Full", UnavailableError, "4.2.2", "by itself"),
    ("message", 451, "4.3.0 Local error", UnavailableError, "4.3.0", "by itself"),
    # what a person has to see to
    ("sign-in", 535, "5.7.8 Wrong", CredentialsError, None, "Check username"),
    ("sign-in", 534, "5.7.9 App password", CredentialsError, None, "for programs"),
    ("sign-in", 504, "5.5.4 Unknown", CredentialsError, None, "Check username"),
    ("sender", 530, "5.7.0 Sign in", CredentialsError, "5.7.0", "signed in to"),
    ("sender", 530, "5.7.0 STARTTLS first", CredentialsError, "5.7.0", "encryption"),
    ("sender", 535, "5.7.3 Not signed in", CredentialsError, "5.7.3", "username"),
    ("sender", 538, "5.7.11 Encrypt", CredentialsError, "5.7.11", "starttls or tls"),
    ("sender", 550, "5.7.60 SendAs", CredentialsError, "5.7.60", "from_address"),
    ("sender", 553, "5.7.1 Not yours", CredentialsError, "5.7.1", "from_address"),
    ("sender", 550, "5.1.8 No such domain", CredentialsError, "5.1.8", "from_address"),
    ("greeting", 554, "5.7.1 Blocked", CredentialsError, "5.7.1", "senders of spam"),
    ("greeting", 554, "No SMTP here", CredentialsError, None, "host and port"),
    # bounces
    ("recipient", 550, "5.1.1 No such user", RecipientError, "5.1.1", "no mail"),
    ("recipient", 550, "User unknown", RecipientError, None, "no mail"),
    ("recipient", 551, "5.1.6 Moved", RecipientError, "5.1.6", "right one"),
    ("recipient", 551, "Not local", RecipientError, None, "right one"),
    ("recipient", 553, "5.1.3 Bad name", RecipientError, "5.1.3", "no mail"),
    ("recipient", 553, "Bad name", RecipientError, None, "no mail"),
    ("recipient", 554, "5.1.2 No such domain", RecipientError, "5.1.2", "no mail"),
    ("recipient", 556, "5.1.10 Takes none", RecipientError, "5.1.10", "no mail"),
    ("recipient", 550, "5.2.1 Disabled", RecipientError, "5.2.1", "no mail"),
    ("message", 550, "5.1.1 No such user", RecipientError, "5.1.1", "no mail"),
    # this mail only; its address may be as good as any
    ("recipient", 550, "5.7.1 Relaying denied", RejectedError, "5.7.1", "by a rule"),
    ("recipient", 554, "Relay denied", RejectedError, None, "other domains"),
    ("recipient", 550, "5.1.7 Bad sender", RejectedError, "5.1.7", "not help"),
    ("recipient", 552, "5.2.2 Full", RejectedError, "5.2.2", "mailbox is full"),
    ("sender", 552, "5.3.4 Too big", RejectedError, "5.3.4", "too large"),
    ("sender", 501, "5.5.4 Syntax", RejectedError, "5.5.4", "not help"),
    ("message", 552, "Too big", RejectedError, None, "too large"),
    ("message", 554, "5.7.1 Spam", RejectedError, "5.7.1", "SPF, DKIM"),
    ("message", 550, "5.7.26 DMARC", RejectedError, "5.7.26", "SPF, DKIM"),
    ("message", 550, "Spam", RejectedError, None, "not help"),
    ("message", 599, "Never", RejectedError, None, "not help"),
    # no mail server
    ("greeting", -1, "<html>", UnexpectedResponseError, None, "doesn't speak SMTP"),
    ("greeting", 200, "OK", UnexpectedResponseError, None, "host, port and tls"),
    ("message", 354, "Go on", UnexpectedResponseError, None, "doesn't speak SMTP"),
    ("message", 650, "What", UnexpectedResponseError, None, "doesn't speak SMTP"),
]


@pytest.mark.parametrize(("stage", "code", "words", "kind", "enhanced", "hint"), ROWS)
def test_reply_means_the_right_error_and_says_what_to_do(
    stage: Stage,
    code: int,
    words: str,
    kind: type[ProviderError],
    enhanced: str | None,
    hint: str,
) -> None:
    error = error_of(stage, code, words)

    assert kind is type(error)
    assert (code if code > 0 else None) == error.status
    if stage != "sign-in":
        assert enhanced == error.code
    assert hint in str(error)


def test_a_bounce_is_no_opt_out() -> None:
    error = error_of("recipient", 550, "5.1.1 No such user")

    assert isinstance(error, RecipientError)
    assert not error.opted_out


@pytest.mark.parametrize(
    ("stage", "code", "words", "only"),
    [
        ("recipient", 450, "4.2.1 Busy", True),
        ("recipient", 452, "4.2.2 Full", True),
        ("recipient", 451, "4.7.1 Greylisted", True),
        ("recipient", 450, "Greylisted", True),
        ("message", 451, "4.7.1 Greylisted", True),
        ("recipient", 451, "4.3.0 Local error", False),
        ("recipient", 451, "Local error", False),
        ("recipient", 421, "4.2.1 Closing", False),
        ("message", 452, "4.3.1 Storage", False),
        ("sender", 450, "4.7.1 Later", False),
        ("greeting", 451, "4.7.1 Later", False),
    ],
)
def test_one_mailbox_is_told_from_the_whole_server(
    stage: Stage, code: int, words: str, only: bool
) -> None:
    """A full mailbox must not hold everybody's mail (ROAD 21)."""
    error = error_of(stage, code, words)

    assert isinstance(error, UnavailableError)
    assert only == error.only_this


@pytest.mark.parametrize(
    ("stage", "code", "unknown"),
    [
        ("message", -1, True),
        ("greeting", -1, False),
        ("message", 451, False),
        ("message", 554, False),
    ],
)
def test_only_an_unreadable_answer_to_the_text_leaves_the_outcome_open(
    stage: Stage, code: int, unknown: bool
) -> None:
    assert unknown == error_of(stage, code, "").outcome_unknown


def test_servers_words_are_repeated_in_short_but_none_about_signing_in() -> None:
    told = str(error_of("message", 554, "5.7.1 because " + "x" * 1000))
    hushed = str(error_of("sign-in", 535, "5.7.8 your password hunter2 is wrong"))

    assert "5.7.1 because xxx" in told
    assert len(told) < 600
    assert "hunter2" not in hushed


def test_every_hint_says_what_to_do() -> None:
    hints = {
        name: text
        for name, text in vars(replies).items()
        if name.isupper() and isinstance(text, str)
    }

    assert {name for name, text in hints.items() if not text.endswith(".")} == set()
