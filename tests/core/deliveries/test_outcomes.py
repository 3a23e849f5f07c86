"""Error → outcome, purely (`outcomes`), and the waiting (`backoff`)."""

from datetime import timedelta
from typing import Any

import pytest

from hub.core.deliveries import backoff, outcomes
from hub.core.deliveries.outcomes import Try
from hub.sdk.clock import now
from hub.sdk.errors import (
    CredentialsError,
    PluginError,
    RateLimitError,
    RejectedError,
    SettingsError,
    UnavailableError,
    UnexpectedResponseError,
    UnreadyError,
)
from hub.sdk.provider import Provider, SettingsSchema

SURE = Try(attempts=1, expired=False, repeatable=True)
UNSURE = Try(attempts=1, expired=False, repeatable=False)
LATE = Try(attempts=30, expired=True, repeatable=True)


@pytest.mark.parametrize(
    ("error", "this", "state", "sign"),
    [
        (UnavailableError("down"), SURE, "retrying", "fails"),
        (UnavailableError("down"), UNSURE, "retrying", "fails"),
        (UnavailableError("down"), LATE, "dead", "fails"),
        (UnavailableError("?", outcome_unknown=True), SURE, "retrying", "fails"),
        (UnavailableError("?", outcome_unknown=True), UNSURE, "in_doubt", "fails"),
        (RateLimitError("slow", retry_after=7), UNSURE, "retrying", "wait"),
        (RateLimitError("slow", retry_after=7), LATE, "dead", ""),
        (CredentialsError("who?"), SURE, "retrying", "credentials"),
        (CredentialsError("who?"), LATE, "retrying", "credentials"),
        (SettingsError("set it"), SURE, "retrying", "credentials"),
        (RejectedError("no"), SURE, "dead", "works"),
        (UnexpectedResponseError("junk"), SURE, "dead", ""),
        (PluginError("broken"), SURE, "dead", ""),
        (UnreadyError("database"), SURE, "retrying", ""),
        (ValueError("oops"), SURE, "dead", ""),
        (KeyboardInterrupt(), SURE, "dead", ""),
    ],
)
def test_error_decides_the_state(
    error: BaseException, this: Try, state: str, sign: str
) -> None:
    """ROAD 6, 16, 17; DESIGN 8."""
    outcome = outcomes.of_error(error, this, sent=False)

    assert (state, sign) == (outcome.state, outcome.sign)


def test_one_full_mailbox_is_no_outage() -> None:
    """ROAD 21: what is only about this one doesn't hold the others."""
    error = UnavailableError("The mailbox is full.", status=452)
    error.only_this = True

    outcome = outcomes.of_error(error, SURE, sent=True)

    assert ("retrying", "works") == (outcome.state, outcome.sign)


def test_retry_after_is_obeyed_exactly() -> None:
    """ROAD 6."""
    error = RateLimitError("slow down", retry_after=37.5)

    outcome = outcomes.of_error(error, SURE, sent=True)

    assert timedelta(seconds=37.5) == outcome.wait


def test_words_of_the_provider_are_shown() -> None:
    error = RejectedError("Slack: channel_not_found.", status=404)

    outcome = outcomes.of_error(error, SURE, sent=True)

    assert ("Slack: channel_not_found.", 404) == (outcome.error, outcome.status)


def test_text_of_a_foreign_error_is_not_shown() -> None:
    """DESIGN 8: no secret and no payload; where it happened is."""
    try:
        raise ValueError("token xoxb-1")
    except ValueError as error:
        outcome = outcomes.of_error(error, SURE, sent=False)

    assert "xoxb" not in outcome.error
    assert "ValueError in test_outcomes.py, line " in outcome.error


def test_failure_is_definite_only_if_nothing_can_have_been_made() -> None:
    """ROAD 17: the generation rises only after a definite failure."""

    def maybe(error: BaseException, sent: bool) -> bool:
        return outcomes.of_error(error, SURE, sent=sent).maybe_made

    assert not maybe(RejectedError("no"), True)
    assert not maybe(RateLimitError("wait"), True)
    assert maybe(UnexpectedResponseError("junk"), True)
    assert maybe(UnavailableError("?", outcome_unknown=True), True)
    assert maybe(ValueError("after the call"), True)
    assert not maybe(ValueError("before it"), False)


@pytest.mark.parametrize(
    ("options", "age", "expected"),
    [
        ({"can_look": True}, 1000, True),
        ({"after_unknown_outcome": "resend"}, 1000, True),
        ({}, 0, False),
        ({"remembers_keys": timedelta(hours=6)}, 5, True),
        ({"remembers_keys": timedelta(hours=6)}, 6, False),
    ],
)
def test_unknown_outcome_may_be_repeated(
    options: dict[str, Any], age: int, expected: bool
) -> None:
    """ROAD 17: by looking, by a live key, or where a second one harms nobody."""
    can_look = options.pop("can_look", False)
    provider = _provider(**options)
    sent_at = now() - timedelta(hours=age)

    repeatable = outcomes.is_repeatable(
        provider, can_look=can_look, sent_at=sent_at, at=now()
    )

    assert expected == repeatable


def test_what_was_never_sent_may_be_repeated() -> None:
    """ROAD 16: an expired lease without a mark."""
    assert outcomes.is_repeatable(_provider(), can_look=False, sent_at=None, at=now())


def test_waits_double_and_are_not_all_the_same() -> None:
    """ROAD 6: exponential, with jitter."""
    first = [backoff.delay(1) for _ in range(50)]
    tenth = [backoff.delay(10) for _ in range(50)]

    assert timedelta(seconds=1.6) <= min(first) < max(first) <= timedelta(seconds=2.4)
    assert min(tenth) > timedelta(seconds=0.8 * 1024)


def test_waits_have_an_upper_bound() -> None:
    assert backoff.delay(1_000_000) <= timedelta(hours=7.2)


def _provider(**options: Any) -> Provider:
    return Provider(
        name="p",
        title="P",
        category="other",
        summary="",
        settings=SettingsSchema,
        **options,
    )
