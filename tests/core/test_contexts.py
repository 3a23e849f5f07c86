"""A plugin's view of its connection, and the trail of its calls."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import requests_mock
import time_machine
from sqlalchemy import select

from hub.boot import Hub
from hub.core import calls, connections, contexts
from hub.core.configuration.live import live
from hub.core.models import ApiCall, ConnectionState, ExternalRef
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import PluginError, RejectedError, SettingsError, UnreadyError
from tests.core.plugin import CANARY, with_shop

API = "https://api.shop.example/v1"


@pytest.fixture
def shop(hub: Hub) -> Hub:
    shop = with_shop(hub)
    with shop.write() as session:
        connections.add(session, "shop", settings={"api_key": CANARY})
        connections.add(session, "shop", "other", {"api_key": CANARY})
    return shop


def context(hub: Hub, slug: str = "shop", **about: Any) -> Context:
    return contexts.build(hub, live(hub).by_slug(slug), **about)


def rows(hub: Hub) -> list[ApiCall]:
    with hub.read() as session:
        return list(session.scalars(select(ApiCall).order_by(ApiCall.created_at)))


def test_context_knows_its_connection(shop: Hub) -> None:
    ctx = context(shop, delivery="dlv_1", generations={"send": 2})

    assert ("shop", "shop", CANARY, "eu") == (
        ctx.plugin,
        ctx.connection,
        ctx.settings["api_key"],
        ctx.settings["region"],
    )
    assert "http://localhost:8000/webhooks/shop" == ctx.webhook_url
    assert ctx.idempotency_key() != context(shop, delivery="dlv_1").idempotency_key()
    assert CANARY not in repr(ctx)


def test_unusable_connection_has_no_context(shop: Hub) -> None:
    wrong = with_shop(shop, environ={"SHOP_REGION": "mars"})

    with pytest.raises(SettingsError, match="region"):
        context(wrong)


def test_references_are_kept_per_connection_and_kind(shop: Hub) -> None:
    refs = context(shop).refs

    refs.save("invoice:inv_1", "Invoice", "9", "https://shop.example/9")
    refs.save("invoice:inv_1", "Invoice", "10")

    assert "10" == refs.find("invoice:inv_1", "Invoice")
    assert refs.find("invoice:inv_1", "Bill") is None
    assert context(shop, "other").refs.find("invoice:inv_1", "Invoice") is None


def test_one_record_of_a_provider_belongs_to_one_object(shop: Hub) -> None:
    refs = context(shop).refs
    refs.save("invoice:inv_1", "Invoice", "9")

    with pytest.raises(PluginError, match="belongs to another"):
        refs.save("invoice:inv_2", "Invoice", "9")
    assert refs.find("invoice:inv_2", "Invoice") is None


def test_state_keeps_small_json_values(shop: Hub) -> None:
    state = context(shop).state

    state.set("cursor", {"page": 2})
    state.set("cursor", {"page": 3})

    assert {"page": 3} == context(shop).state.get("cursor")
    assert context(shop, "other").state.get("cursor") is None
    state.delete("cursor")
    assert state.get("cursor") is None


def test_state_ends_when_its_time_is_over(shop: Hub) -> None:
    state = context(shop).state
    with time_machine.travel(clock.now(), tick=False) as moment:
        state.set("token", "t", ttl=60)
        moment.shift(timedelta(seconds=59))
        assert "t" == state.get("token")
        moment.shift(timedelta(seconds=1))
        assert state.get("token") is None


@pytest.mark.parametrize("value", ["x" * 65_535, object(), b"bytes"])
def test_state_too_large_or_not_json_is_the_plugins_fault(
    shop: Hub, value: object
) -> None:
    with pytest.raises(PluginError, match="64 KB"):
        context(shop).state.set("big", value)


def test_secret_state_is_sealed_and_hidden_from_then_on(shop: Hub) -> None:
    token = "an-access-token-of-this-hour"
    context(shop).state.set("oauth", {"access": token, "scopes": ["a"]}, secret=True)
    later = with_shop(shop)

    with shop.read() as session:
        kept = session.scalars(select(ConnectionState)).one()
    ctx = context(later)
    ctx.state.get("oauth")
    assert token.encode() not in kept.value
    assert "[hidden]" == live(later).by_slug("shop").redactor.text(token)


def test_two_processes_may_write_the_same_key_at_once(shop: Hub) -> None:
    barrier = threading.Barrier(4)
    errors: list[BaseException] = []

    def write(number: int) -> None:
        ctx = context(shop)
        barrier.wait()
        try:
            ctx.state.set("key", number)
            ctx.refs.save("invoice:inv_1", "Invoice", "9")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == errors
    with shop.read() as session:
        assert 1 == len(session.scalars(select(ExternalRef)).all())


def test_call_leaves_a_row_without_secrets(shop: Hub) -> None:
    """ROAD 42."""
    with requests_mock.Mocker() as provider:
        provider.post(f"{API}/pay", json={"id": 1, "echo": CANARY}, status_code=201)
        with contexts.opened(shop, live(shop).by_slug("shop")) as ctx:
            ctx.http.post(f"{API}/pay", json={"key": CANARY}, token=CANARY[:6] + "zz")
            assert [] == rows(shop)

    (call,) = rows(shop)
    assert ("shop", "POST", f"{API}/pay", 201) == (
        call.plugin,
        call.method,
        call.url,
        call.status,
    )
    assert live(shop).by_slug("shop").id == call.connection_id
    assert '"id": 1' in call.response_excerpt
    assert CANARY not in repr(vars(call))


def test_failed_hook_leaves_its_calls_too(shop: Hub) -> None:
    with requests_mock.Mocker() as provider:
        provider.get(API, status_code=404)
        with (
            pytest.raises(RejectedError),
            contexts.opened(shop, live(shop).by_slug("shop")) as ctx,
        ):
            ctx.http.get(API)

    assert [404] == [call.status for call in rows(shop)]


def test_calls_go_to_the_simulator_when_it_is_set(shop: Hub) -> None:
    with shop.write() as session:
        base = {"api_base_url": "http://localhost:8100/shop"}
        connections.set_settings(session, "other", base)
    with requests_mock.Mocker() as provider:
        provider.get("http://localhost:8100/shop/v1/me", json={})
        context(shop, "other").http.get(f"{API}/me")

    assert 1 == provider.call_count


def test_address_an_admin_entered_may_be_called(shop: Hub) -> None:
    with shop.write() as session:
        url = {"shop_url": "https://own.example/x"}
        connections.set_settings(session, "other", url)
    with requests_mock.Mocker() as provider:
        provider.get("https://own.example/x", json={})
        context(shop, "other").http.get("https://own.example/x")
        with pytest.raises(PluginError, match="not called"):
            context(shop).http.get("https://own.example/x")


def call(hub: Hub, count: int = 1, **about: Any) -> None:
    with requests_mock.Mocker() as provider:
        provider.get(API, text="nul\0")
        for _ in range(count):
            context(hub, **about).http.get(API)


def test_calls_wait_while_the_database_is_away(
    shop: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(shop, 2)

    def away() -> Any:
        raise UnreadyError("away")

    with monkeypatch.context() as patch:
        patch.setattr(shop, "write", away)
        calls.flush(shop)
    assert [] == rows(shop)
    calls.flush(shop)
    assert 2 == len(rows(shop))


def test_row_that_cannot_be_written_takes_no_other_with_it(shop: Hub) -> None:
    call(shop)
    call(shop, delivery="dlv_gone")
    call(shop)

    calls.flush(shop)

    assert [None, None] == [each.delivery_id for each in rows(shop)]


def test_memory_is_bounded_while_nothing_can_be_written(
    shop: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_MOST_KEPT", 3)
    call(shop, 5)

    calls.flush(shop)

    assert 3 == len(rows(shop))


def test_old_calls_go_in_small_steps(
    shop: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 34."""
    monkeypatch.setattr(calls, "_PURGED_AT_ONCE", 2)
    with time_machine.travel(clock.now() - timedelta(days=31)):
        call(shop, 3)
    call(shop, 1)
    calls.flush(shop)

    found = []
    for _ in range(3):
        with shop.write() as session:
            found.append(calls.purge(session, shop.settings.api_call_days))

    assert [2, 1, 0] == found
    assert 1 == len(rows(shop))
