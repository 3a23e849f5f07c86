"""`ctx`, and the idempotency key in it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine

from hub.sdk.errors import PluginError
from hub.sdk.testing import make_context
from tests.sdk import acme

SETTINGS = {"api_key": "the-keys-own-value"}


def test_idempotency_key_stays_over_retries_of_the_same_step() -> None:
    """ROAD 17."""
    ctx = make_context(acme, SETTINGS, delivery="del_1")
    again = make_context(acme, SETTINGS, delivery="del_1")
    keys = {
        ctx.idempotency_key(),
        ctx.idempotency_key("capture"),
        replace(ctx, generations={"send": 1}).idempotency_key(),
        replace(ctx, delivery="del_2").idempotency_key(),
    }

    assert ctx.idempotency_key() == again.idempotency_key()
    assert 4 == len(keys)
    assert {40} == set(map(len, keys))


def test_there_is_no_idempotency_key_outside_a_delivery() -> None:
    with pytest.raises(PluginError):
        make_context(acme, SETTINGS, delivery=None).idempotency_key()


def test_context_tells_the_time_and_shows_no_secret() -> None:
    ctx = make_context(acme, SETTINGS)
    moment = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        assert moment == ctx.now()

    assert "<Context acme>" == repr(ctx)
