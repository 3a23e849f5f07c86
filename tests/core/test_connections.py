"""Connections: adding, changing, switching, removing."""

from typing import Any

import pytest
from sqlalchemy import select

from hub.boot import Hub
from hub.core import connections
from hub.core.configuration import revision
from hub.core.configuration import switches as plugin_switches
from hub.core.configuration.live import live
from hub.core.models import (
    AuditEntry,
    Connection,
    ConnectionState,
    Delivery,
    PluginSwitch,
    Worker,
)
from hub.sdk import clock
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError, PluginError
from tests.core.plugin import CANARY, with_shop

KEY = {"api_key": CANARY}


@pytest.fixture
def shop(hub: Hub) -> Hub:
    return with_shop(hub)


def add(hub: Hub, slug: str | None = None, **settings: Any) -> Connection:
    with hub.write() as session:
        return connections.add(session, "shop", slug, settings)


def row(hub: Hub, slug: str = "shop") -> Connection:
    with hub.read() as session:
        return session.scalars(select(Connection).where(Connection.slug == slug)).one()


def change(hub: Hub, slug: str = "shop", **changes: Any) -> Connection:
    with hub.write() as session:
        return connections.set_settings(session, slug, changes)


def audited(hub: Hub) -> list[tuple[str, str, dict[str, Any]]]:
    with hub.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(entry.actor, entry.action, entry.data) for entry in entries]


def number(hub: Hub) -> int:
    with hub.read() as session:
        return revision.number(session)


def test_slugs_follow_the_plugins_name(shop: Hub) -> None:
    found = [add(shop).slug, add(shop).slug, add(shop, "munich").slug, add(shop).slug]

    assert ["shop", "shop-2", "munich", "shop-3"] == found


@pytest.mark.parametrize(
    ("slug", "error"),
    [
        ("Shop", InvalidError),
        ("-a", InvalidError),
        ("a.b", InvalidError),
        ("", InvalidError),
        ("x" * 64, InvalidError),
        ("tables", ConflictError),
        ("taken", ConflictError),
    ],
)
def test_slug_that_cannot_be_is_refused(
    shop: Hub, slug: str, error: type[Exception]
) -> None:
    add(shop, "taken")
    with pytest.raises(error):
        add(shop, slug)


def test_adding_enables_the_plugin(shop: Hub) -> None:
    add(shop)

    with shop.read() as session:
        assert session.get_one(PluginSwitch, "shop").enabled


@pytest.mark.parametrize(
    ("plugin", "error"),
    [("broken", PluginError), ("nothing", NotFoundError), ("tables", ConflictError)],
)
def test_what_cannot_be_connected_says_why(
    shop: Hub, plugin: str, error: type[Exception]
) -> None:
    with shop.write() as session, pytest.raises(error):
        connections.add(session, plugin)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, "setup"),
        ({"account": "7"}, "setup"),
        ({"api_key": CANARY}, "active"),
        ({"account": "7", "webhook_secret": CANARY}, "active"),
    ],
)
def test_connection_stays_in_setup_until_one_group_is_complete(
    shop: Hub, given: dict[str, str], state: str
) -> None:
    assert state == add(shop, **given).state


def test_settings_complete_it_later_and_removal_sends_it_back(shop: Hub) -> None:
    add(shop)

    assert "active" == change(shop, **KEY).state
    with shop.write() as session:
        after = connections.set_settings(session, "shop", {}, remove=["api_key"])
    assert "setup" == after.state


def test_environment_completes_a_connection_at_the_next_start(shop: Hub) -> None:
    add(shop)
    later = with_shop(shop, environ={"SHOP_API_KEY": CANARY})

    assert 1 == connections.settle(later)
    assert 0 == connections.settle(later)
    assert "active" == row(shop).state


def test_secrets_are_write_only(shop: Hub) -> None:
    """An empty secret of a form means unchanged; None takes it away."""
    add(shop, **KEY, account="7")

    change(shop, api_key="", account="")

    assert CANARY == live(shop).by_slug("shop").settings["api_key"]
    assert "account" not in row(shop).settings
    change(shop, api_key=None)
    assert "api_key" not in live(shop).by_slug("shop", fresh=True).settings


def test_wrong_settings_are_named_and_change_nothing(shop: Hub) -> None:
    add(shop, **KEY, region="us")
    with pytest.raises(InvalidError) as raised:
        change(shop, region="mars", tls="perhaps", webhook_secret="short", account="8")

    assert ["region", "tls", "webhook_secret"] == sorted(raised.value.fields)
    assert {"region": "us"} == row(shop).settings


def test_unknown_settings_are_refused_with_the_known_ones(shop: Hub) -> None:
    with pytest.raises(InvalidError, match=r"no setting colour.*api_key.*rate_limit"):
        add(shop, colour="red")
    add(shop)
    with (
        shop.write() as session,
        pytest.raises(InvalidError, match="no setting colour"),
    ):
        connections.set_settings(session, "shop", {}, remove=["colour"])


def test_values_are_kept_with_their_types(shop: Hub) -> None:
    add(shop, tls="false", mapping='{"a": 1}', rate_limit="2.5", region="us")

    assert {"tls": False, "mapping": {"a": 1}, "region": "us"} == row(shop).settings
    assert 2.5 == row(shop).rate_limit
    assert 2.5 == live(shop).by_slug("shop").rate_limit


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example",
        "ftp://localhost",
        "shop.example",
        "https://a:b@shop.example",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "https://",
    ],
)
def test_base_url_is_https_or_this_machine(shop: Hub, url: str) -> None:
    with pytest.raises(InvalidError, match="api_base_url"):
        add(shop, api_base_url=url)


@pytest.mark.parametrize(
    "url",
    ["https://eu.shop.example/v1", "http://localhost:8001/shop", "http://[::1]:80/"],
)
def test_simulators_of_this_machine_may_be_http(shop: Hub, url: str) -> None:
    assert url == add(shop, api_base_url=url).settings["api_base_url"]


def test_a_plugins_error_message_does_not_quote_a_secret(shop: Hub) -> None:
    from marshmallow import ValidationError

    from tests.core.plugin import ShopSettings

    def quote(value: str) -> None:
        raise ValidationError(f"{value} is not good")

    class Quoting(ShopSettings):
        pass

    declared = Quoting._declared_fields["api_key"]
    declared.validators.append(quote)
    try:
        with pytest.raises(InvalidError) as raised:
            add(shop, api_key=CANARY)
    finally:
        declared.validators.remove(quote)

    assert "is not good" in str(raised.value)
    assert CANARY not in f"{raised.value} {raised.value.fields}"


def test_disable_and_enable_go_round_to_where_the_settings_say(shop: Hub) -> None:
    """Enabling needs neither a test nor a webhook secret."""
    add(shop, **KEY)
    add(shop, "empty")

    with shop.write() as session:
        for slug in ("shop", "empty"):
            connections.disable(session, slug)
    assert ["disabled"] * 2 == [row(shop).state, row(shop, "empty").state]
    assert row(shop).paused_at is not None
    with shop.write() as session:
        states = [connections.enable(session, s).state for s in ("shop", "empty")]
    assert ["active", "setup"] == states


def test_new_credentials_end_the_wait_for_them(shop: Hub) -> None:
    add(shop, **KEY)
    with shop.write() as session:
        connections.find(session, "shop").state = "needs_reauth"

    assert "needs_reauth" == change(shop, rate_limit=3).state
    assert "active" == change(shop, api_key="another " + CANARY).state


@pytest.mark.parametrize("state", ["degraded", "disabled"])
def test_settings_do_not_move_other_states(shop: Hub, state: str) -> None:
    add(shop, **KEY)
    with shop.write() as session:
        connections.find(session, "shop").state = state

    assert state == change(shop, account="7").state


def test_unticked_events_are_kept_by_hook(shop: Hub) -> None:
    add(shop)
    with shop.write() as session:
        connections.set_hooks_off(
            session, "shop", ["invoice.paid", "on_quote_accepted"]
        )

    found = live(shop).by_slug("shop")
    assert [False, False, True] == [
        found.hears("on_invoice_paid"),
        found.hears("on_quote_accepted"),
        found.hears("on_payment_received"),
    ]
    with shop.write() as session, pytest.raises(InvalidError, match=r"invoice\.eaten"):
        connections.set_hooks_off(session, "shop", ["invoice.eaten"])


def test_removed_connection_leaves_its_row_without_secrets(shop: Hub) -> None:
    """Webhooks, deliveries and money refer to it; what waited is skipped."""
    connection = add(shop, **KEY)
    with shop.write() as session:
        session.add(ConnectionState(connection_id=connection.id, key="k", value=b"1"))
        for state in ("pending", "retrying", "delivered"):
            session.add(
                Delivery(
                    connection_id=connection.id,
                    hook="on_invoice_paid",
                    subject="invoice:inv_1",
                    state=state,
                    created_at=clock.now(),
                )
            )
    with shop.write() as session:
        connections.remove(session, "shop")

    with shop.read() as session:
        kept = session.get_one(Connection, connection.id)
        states = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
        assert [] == session.scalars(select(ConnectionState)).all()
    assert (None, {}, "disabled") == (kept.secrets, kept.settings, kept.state)
    assert ["delivered", "skipped", "skipped"] == sorted(states)
    with pytest.raises(NotFoundError):
        live(shop).by_slug("shop")
    with shop.write() as session, pytest.raises(NotFoundError):
        connections.enable(session, kept.slug)
    assert "shop" == add(shop).slug


def test_each_change_raises_the_revision_and_is_audited(shop: Hub) -> None:
    """ROAD 30: in the same commit. The audit names settings, never their values."""
    numbers = [number(shop)]

    def did(change: Any) -> None:
        with shop.write() as session:
            change(session)
        numbers.append(number(shop))

    me = "user:ada"
    did(lambda s: connections.add(s, "shop", settings=KEY, actor=me))
    did(lambda s: connections.set_settings(s, "shop", {"account": CANARY}, actor=me))
    did(lambda s: connections.disable(s, "shop", actor=me))
    did(lambda s: connections.enable(s, "shop", actor=me))
    did(lambda s: connections.set_hooks_off(s, "shop", ["invoice.paid"], actor=me))
    did(lambda s: plugin_switches.disable(s, "shop", actor=me))
    did(lambda s: connections.remove(s, "shop", actor=me))

    found = audited(shop)
    assert sorted(set(numbers)) == numbers
    assert [
        "plugin.enabled",
        "connection.added",
        "connection.changed",
        "connection.disabled",
        "connection.enabled",
        "connection.changed",
        "plugin.disabled",
        "connection.removed",
    ] == [action for _, action, _ in found]
    assert {me} == {actor for actor, _, _ in found}
    assert CANARY not in repr(found)


def test_doing_it_twice_changes_nothing(shop: Hub) -> None:
    add(shop, **KEY)
    with shop.write() as session:
        connections.disable(session, "shop")
        plugin_switches.disable(session, "shop")
    before = number(shop), audited(shop)

    with shop.write() as session:
        connections.disable(session, "shop")
        plugin_switches.disable(session, "shop")

    assert before == (number(shop), audited(shop))


def test_failed_change_raises_no_revision(shop: Hub) -> None:
    add(shop)
    before = number(shop)
    with pytest.raises(InvalidError):
        change(shop, region="mars")

    assert before == number(shop)


def test_crashing_plugin_is_held_until_it_is_enabled_again(shop: Hub) -> None:
    """ROAD 26."""
    add(shop, **KEY)
    with shop.write() as session:
        assert plugin_switches.quarantine(session, "shop", "It crashed three times.")
        assert not plugin_switches.quarantine(session, "shop", "Again.")

    assert ("broken", "It crashed three times.") == live(shop).plugin_state("shop")
    assert not live(shop).by_slug("shop").working
    with shop.write() as session:
        plugin_switches.enable(session, "shop")
    assert live(shop).by_slug("shop", fresh=True).working


def test_a_command_waits_for_running_processes_only(
    shop: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("hub.core.configuration.revision.time.sleep", waits.append)

    revision.wait_until_taken(shop)
    assert [] == waits
    with shop.write() as session:
        now = clock.now()
        session.add(Worker(id="w", kind="web", started_at=now, seen_at=now))
    revision.wait_until_taken(shop)

    assert [1.2] == waits
