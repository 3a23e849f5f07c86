"""What becomes of a delivery after a try: error → outcome, purely (ROAD 16, 17).

This is the second of the three places that translate errors.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from traceback import walk_tb
from types import TracebackType
from typing import Literal

from hub.core.deliveries import backoff
from hub.sdk.errors import (
    CredentialsError,
    GoneError,
    HubError,
    ProviderError,
    RateLimitError,
    RecipientError,
    RejectedError,
    SettingsError,
    UnavailableError,
    UnexpectedResponseError,
    UnreadyError,
)
from hub.sdk.provider import Provider

# What the try says about the connection: it works, it fails, its credentials are
# refused, it is gone for good, it asks us to wait; nothing where the fault is ours.
Sign = Literal["works", "fails", "credentials", "gone", "wait", ""]
MARGIN = timedelta(seconds=60)  # between clocks, and for the request to arrive


@dataclass(frozen=True, kw_only=True)
class Try:
    """What is known when a try ends: how many there were, whether the 72 hours are
    over, and whether doing it again can't do it twice."""

    attempts: int
    expired: bool
    repeatable: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The delivery's next state and the attempt's outcome in one word.

    `maybe_made` is true while the provider may have done it without our knowing.
    `blocked` says that the address takes nothing more, and in which way.
    """

    state: Literal["delivered", "retrying", "in_doubt", "dead", "skipped"]
    word: str
    error: str = ""
    status: int | None = None
    wait: timedelta = timedelta(0)
    sign: Sign = ""
    maybe_made: bool = False
    reference: str | None = None
    blocked: Literal["", "opt_out", "bounced"] = ""


def delivered(reference: str | None = None) -> Outcome:
    """The hook returned, or what it makes was found."""
    return Outcome(
        state="delivered", word="delivered", sign="works", reference=reference
    )


def of_error(error: BaseException, this: Try, *, sent: bool) -> Outcome:
    """Translate what a hook raised; `sent` if a request may have left before."""
    if isinstance(error, RateLimitError):
        return _told_to_wait(error, this)
    if isinstance(error, UnavailableError):
        return _unavailable(error, this)
    if isinstance(error, UnreadyError):
        return _retry(str(error), this, sign="", maybe_made=sent)
    if isinstance(error, CredentialsError | SettingsError):
        # The connection is held meanwhile, and its 72 hours with it (ROAD 19).
        return Outcome(
            state="retrying",
            word="credentials",
            error=str(error),
            status=_status(error),
            sign="credentials",
        )
    return _final(error, sent)


def interrupted(this: Try, *, sent: bool) -> Outcome:
    """The worker stopped before the hook ended; nobody is to blame."""
    error = "The worker was stopped before this was finished."
    return _retry(error, this, sign="", maybe_made=sent, word="interrupted")


def lost(this: Try, *, sent: bool) -> Outcome:
    """The lease ran out: the process died, or worse."""
    error = "The process that did this ended without a result."
    return _retry(error, this, sign="", maybe_made=sent, word="lost")


def is_repeatable(
    provider: Provider, *, can_look: bool, sent_at: datetime | None, at: datetime
) -> bool:
    """True if after an unknown outcome the same may be done again at `at`.

    Either the plugin looks first, or the provider still knows the key it was first
    sent with, or a second one harms nobody.
    """
    if can_look or provider.after_unknown_outcome == "resend" or sent_at is None:
        return True
    remembered = provider.remembers_keys
    return remembered is not None and at + MARGIN < sent_at + remembered


def _told_to_wait(error: RateLimitError, this: Try) -> Outcome:
    if this.expired:
        return _dead(error, "retry")
    told = error.retry_after
    wait = backoff.delay(this.attempts) if told is None else timedelta(seconds=told)
    return Outcome(
        state="retrying",
        word="retry",
        error=str(error),
        status=error.status,
        wait=wait,
        sign="wait",
    )


def _unavailable(error: UnavailableError, this: Try) -> Outcome:
    return _retry(
        str(error),
        this,
        sign="works" if error.only_this else "fails",
        maybe_made=error.outcome_unknown,
        status=error.status,
    )


def _retry(
    error: str,
    this: Try,
    *,
    sign: Sign,
    maybe_made: bool,
    status: int | None = None,
    word: str = "retry",
) -> Outcome:
    state: Literal["retrying", "in_doubt", "dead"] = "retrying"
    if maybe_made and not this.repeatable:
        state, word = "in_doubt", word if word != "retry" else "in_doubt"
    elif this.expired:
        state = "dead"
    return Outcome(
        state=state,
        word=word,
        error=error,
        status=status,
        wait=backoff.delay(this.attempts),
        sign=sign,
        maybe_made=maybe_made,
    )


def _final(error: BaseException, sent: bool) -> Outcome:
    known = isinstance(error, HubError)
    if isinstance(error, RecipientError):
        return _unwanted(error)
    if isinstance(error, GoneError):
        # Its connection is disabled; for a new address of theirs it is kept.
        return Outcome(
            state="retrying",
            word="rejected",
            error=str(error),
            status=error.status,
            sign="gone",
        )
    if isinstance(error, RejectedError):
        # A definite failure: nothing was made, and the provider is there.
        return _dead(error, "rejected", sign="works", maybe_made=error.outcome_unknown)
    if isinstance(error, UnexpectedResponseError):
        return _dead(error, "rejected", maybe_made=sent)
    return _dead(error, "rejected" if known else "crashed", maybe_made=sent)


def _unwanted(error: RecipientError) -> Outcome:
    """The address is to blame, not the connection."""
    return Outcome(
        state="skipped" if error.opted_out else "dead",
        word="rejected",
        error=str(error),
        status=error.status,
        sign="works",
        blocked="opt_out" if error.opted_out else "bounced",
    )


def _dead(
    error: BaseException, word: str, *, sign: Sign = "", maybe_made: bool = False
) -> Outcome:
    return Outcome(
        state="dead",
        word=word,
        error=words(error),
        status=_status(error),
        sign=sign,
        maybe_made=maybe_made,
    )


def _status(error: BaseException) -> int | None:
    return error.status if isinstance(error, ProviderError) else None


def words(error: BaseException) -> str:
    """What may be shown of an error: ours say it all, of others only the kind and
    the place, since their text may hold a secret or the payload."""
    if isinstance(error, HubError):
        return str(error)
    place = _place(error.__traceback__)
    return f"The plugin failed with {type(error).__name__}{place}."


def _place(traceback: TracebackType | None) -> str:
    frames = list(walk_tb(traceback))
    if not frames:
        return ""
    frame, line = frames[-1]
    return f" in {PurePath(frame.f_code.co_filename).name}, line {line}"
