"""What a mail server's reply codes mean (RFC 5321, RFC 3463). All pure."""

import re
from typing import Final, Literal

from hub.sdk.errors import (
    CredentialsError,
    ProviderError,
    RateLimitError,
    RecipientError,
    RejectedError,
    UnavailableError,
    UnexpectedResponseError,
)

Stage = Literal["greeting", "sign-in", "sender", "recipient", "message"]

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
# No such mailbox, no such domain, moved, takes no mail at all; 5.1.7 and 5.1.8 are
# about the sender.
_NOBODY = re.compile(r"5\.1\.(?![78]$)\d+|5\.2\.1")
_TOO_LARGE = ("5.3.4", "5.2.3")
_MOST_WORDS = 200

AGAIN: Final = "It is tried again by itself."
SIGN_IN: Final = (
    "Check username and password: many providers want a password made for programs,"
    " and to have SMTP switched on for the mailbox."
)
ENCRYPT: Final = (
    "It wants to be signed in to, or encryption first: enter username and password,"
    " and see that tls is starttls or tls."
)
STRANGER: Final = (
    "It takes no mail from this machine. Check host and port; its operator can say"
    " why, and whether the hub's address is on a list of senders of spam."
)
SENDER: Final = (
    "It doesn't let this account write as from_address. Enter an address that belongs"
    " to the account, or have the right to send as it granted."
)
NOBODY: Final = (
    "The address takes no mail, so the hub writes to it no more. Ask the client for"
    " the right one."
)
TOO_LARGE: Final = "The mail is too large for it, or the recipient's mailbox is full."
POLICY: Final = (
    "It was refused by a rule, not for its address: see that SPF, DKIM and DMARC of"
    " the sender's domain name this server, and that it may send to other domains."
)
OTHERWISE: Final = "Sending the same again will not help."
NO_SMTP: Final = (
    "What answers there doesn't speak SMTP as it should. Check host, port and tls:"
    " 587 goes with starttls, 465 with tls."
)


def error_of(stage: Stage, code: int, words: str) -> ProviderError:
    """Return the error that a reply means which is not the one hoped for.

    `words` are the server's own, without secrets; when signing in none are repeated.
    """
    enhanced = enhanced_of(words)
    said = _said(code, "" if stage == "sign-in" else words)
    if not 400 <= code < 600:
        return UnexpectedResponseError(
            f"{said} {NO_SMTP}",
            status=code if code > 0 else None,
            outcome_unknown=stage == "message",
        )
    if code < 500:
        return _for_now(stage, code, enhanced, said)
    kind, hint = _for_good(stage, code, enhanced)
    if kind is RecipientError:
        return RecipientError(
            f"{said} {hint}", opted_out=False, status=code, code=enhanced
        )
    return kind(f"{said} {hint}", status=code, code=enhanced)


def enhanced_of(words: str) -> str | None:
    """Return the enhanced status code that a reply begins with, as 5.1.1."""
    found = _ENHANCED.search(words[:40])
    return found[1] if found else None


def _for_now(
    stage: Stage, code: int, enhanced: str | None, said: str
) -> UnavailableError:
    # Too much from us: of one recipient it would be said with another code.
    if code == 421 and (enhanced or "").startswith("4.7."):
        return RateLimitError(f"{said} {AGAIN}", status=code, code=enhanced)
    error = UnavailableError(f"{said} {AGAIN}", status=code, code=enhanced)
    error.only_this = _is_one_mailbox(stage, code, enhanced)
    return error


def _is_one_mailbox(stage: Stage, code: int, enhanced: str | None) -> bool:
    """True for what isn't about the server: busy, full, or it doesn't know us yet."""
    if code == 421 or stage not in ("recipient", "message"):
        return False
    if enhanced is None:
        return stage == "recipient" and code in (450, 452)
    return enhanced.startswith(("4.1.", "4.2.", "4.7."))


def _for_good(
    stage: Stage, code: int, enhanced: str | None
) -> tuple[type[ProviderError], str]:
    policy = code == 554 or (enhanced or "").startswith("5.7.")
    at_sender = stage == "sender" and code in (550, 551, 553, 554)
    rules: tuple[tuple[bool, type[ProviderError], str], ...] = (
        (stage == "sign-in" or code in (534, 535), CredentialsError, SIGN_IN),
        (code in (530, 538), CredentialsError, ENCRYPT),
        (stage == "greeting", CredentialsError, STRANGER),
        (_is_nobody(stage, code, enhanced), RecipientError, NOBODY),
        (code == 552 or enhanced in _TOO_LARGE, RejectedError, TOO_LARGE),
        (at_sender, CredentialsError, SENDER),
        (policy, RejectedError, POLICY),
        (True, RejectedError, OTHERWISE),
    )
    return next((kind, hint) for applies, kind, hint in rules if applies)


def _is_nobody(stage: Stage, code: int, enhanced: str | None) -> bool:
    if stage not in ("recipient", "message"):
        return False
    if enhanced is not None:
        return bool(_NOBODY.fullmatch(enhanced))
    # After the text the same codes are about what it says.
    return stage == "recipient" and code in (550, 551, 553)


def _said(code: int, words: str) -> str:
    if code < 0:
        return "The mail server's answer can't be read."
    if not words:
        return f"The mail server answered {code}."
    return f"The mail server answered {code}: “{words[:_MOST_WORDS]}”."
