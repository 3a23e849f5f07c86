"""Secrets at rest."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from hub.boot import Hub
from hub.core import connections, contexts, vault
from hub.core.configuration.live import live
from hub.core.models import Connection, ConnectionState, Worker
from hub.core.models.duty import ALIVE
from hub.core.vitals import presence
from hub.sdk import clock
from hub.sdk.errors import SettingsError
from tests.core.plugin import CANARY, with_shop

OLD, NEW = vault.new_key(), vault.new_key()


@pytest.fixture
def shop(hub: Hub) -> Hub:
    return with_shop(hub, keys=(OLD,))


def with_keys(hub: Hub, *keys: str) -> Hub:
    return with_shop(replace(hub), keys=keys)


def stored(hub: Hub) -> tuple[Connection, ConnectionState]:
    with hub.write() as session:
        row = connections.add(session, "shop", settings={"api_key": CANARY})
    ctx = contexts.build(hub, live(hub).by_slug("shop"))
    ctx.state.set("token", {"access": CANARY}, secret=True)
    with hub.read() as session:
        return row, session.scalars(select(ConnectionState)).one()


def test_what_is_sealed_opens_only_in_its_own_row(shop: Hub) -> None:
    sealed = vault.seal(shop, vault.of_connection("cnn_a"), {"api_key": CANARY})

    assert {"api_key": CANARY} == vault.unseal(shop, "connection cnn_a", sealed)
    with pytest.raises(SettingsError, match=r"connection cnn_b belong to .*cnn_a"):
        vault.unseal(shop, vault.of_connection("cnn_b"), sealed)


def test_a_ciphertext_copied_to_another_connection_is_refused(shop: Hub) -> None:
    stored(shop)
    with shop.write() as session:
        thief = connections.add(session, "shop", "thief")
        thief.secrets = session.scalar(
            select(Connection.secrets).where(Connection.slug == "shop")
        )

    found = live(shop).by_slug("thief")

    assert "belong to connection" in found.error
    assert CANARY not in found.error
    with pytest.raises(SettingsError, match="enter them again"):
        contexts.build(shop, found)


def test_no_secret_stands_in_the_database_in_the_clear(shop: Hub) -> None:
    row, state = stored(shop)

    assert CANARY.encode() not in (row.secrets or b"") + state.value
    assert CANARY not in repr(row.settings)


def test_without_the_key_the_error_says_what_to_do(shop: Hub) -> None:
    stored(shop)
    other = with_keys(shop, NEW)

    found = live(other).by_slug("shop")

    assert "put the key they were stored with back" in found.error


def test_rotation_seals_everything_with_the_first_key(shop: Hub) -> None:
    stored(shop)
    both = with_keys(shop, NEW, OLD)

    assert vault.Rotation(sealed_anew=2) == vault.rotate(both)

    only_new = with_keys(shop, NEW)
    assert CANARY == live(only_new).by_slug("shop").settings["api_key"]
    ctx = contexts.build(only_new, live(only_new).by_slug("shop"))
    assert {"access": CANARY} == ctx.state.get("token")


def test_rotation_goes_on_where_it_was_broken_off(shop: Hub) -> None:
    """Rotating twice changes nothing more; what no key opens is counted and kept."""
    stored(shop)
    both = with_keys(shop, NEW, OLD)
    vault.rotate(both)
    with shop.write() as session:
        lost = connections.add(session, "shop", "lost")
        lost.secrets = b"not of this world"

    assert vault.Rotation(already_new=2, unreadable=1) == vault.rotate(both)


def test_rotation_walks_in_small_transactions(
    shop: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 34."""
    monkeypatch.setattr(vault, "_BATCH", 2)
    with shop.write() as session:
        for number in range(5):
            connections.add(session, "shop", f"s-{number}", {"api_key": CANARY})

    assert 5 == vault.rotate(with_keys(shop, NEW, OLD)).sealed_anew


def test_rotation_waits_until_all_processes_know_the_new_key(shop: Hub) -> None:
    """None may read what it can't open: the rotation names who is behind."""
    row, _ = stored(shop)
    presence.beat(shop, "deliver-old", "deliver")
    both = with_keys(shop, NEW, OLD)
    presence.beat(both, "web-new", "web")

    with pytest.raises(SettingsError, match=r"not known to deliver-old: start") as no:
        vault.rotate(both)
    assert "web-new" not in str(no.value)
    with shop.read() as session:
        kept = session.get_one(Connection, row.id).secrets
        marks = session.scalars(select(Worker.key_marks)).all()
    assert kept == row.secrets
    assert not any(key in "".join(marks) for key in (OLD, NEW))

    presence.leave(shop, "deliver-old")
    assert 2 == vault.rotate(both).sealed_anew


def test_rotation_does_not_wait_for_the_dead(shop: Hub) -> None:
    stored(shop)
    presence.beat(shop, "deliver-old", "deliver")

    with time_machine.travel(clock.now() + ALIVE + timedelta(seconds=1)):
        assert 2 == vault.rotate(with_keys(shop, NEW, OLD)).sealed_anew


def test_a_process_says_with_its_first_beat_which_keys_it_has(shop: Hub) -> None:
    presence.beat(shop, "web-1", "web")
    presence.beat(with_keys(shop, NEW, OLD), "web-2", "web")

    with shop.read() as session:
        first, second = session.scalars(select(Worker).order_by(Worker.id))
    assert first.key_marks == second.key_marks.split(",")[1]
