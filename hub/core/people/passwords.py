"""Passwords: what a good one is, and argon2 hashes of them."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.sdk.errors import InvalidError

SHORTEST = 10
_LONGEST = 500  # what is hashed must not be a way to keep us busy

hasher = PasswordHasher()


def check(password: str, email: str) -> None:
    """Raise InvalidError unless the password is good enough for this user."""
    said = ""
    plain = password.casefold()
    if len(password) < SHORTEST:
        said = f"A password has at least {SHORTEST} characters."
    elif len(password) > _LONGEST:
        said = f"A password has at most {_LONGEST} characters."
    elif plain in (email.casefold(), email.casefold().partition("@")[0]):
        said = "A password is not the e-mail address."
    if said:
        raise InvalidError(said, {"password": [said]})


def hashed(password: str) -> str:
    """Hash a password to be kept."""
    return hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Compare; without a hash it takes as long and fails, so that the time doesn't
    tell which users there are."""
    try:
        hasher.verify(kept or _nobodys(), password[:_LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_old(kept: str) -> bool:
    """True if today's parameters differ from those it was hashed with."""
    return hasher.check_needs_rehash(kept)


def _nobodys() -> str:
    global _dummy  # noqa: PLW0603 - hashed once, and only where it is needed
    if _dummy is None or is_old(_dummy):
        _dummy = hasher.hash("nobody")
    return _dummy


_dummy: str | None = None
