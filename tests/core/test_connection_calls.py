"""What a person starts for a connection."""

from collections.abc import Callable
from typing import Any

import pytest
import requests_mock
from sqlalchemy import select

from hub.boot import Hub
from hub.core import connection_calls, connections
from hub.core.configuration.form import empty_form, form
from hub.core.configuration.live import live
from hub.core.deliveries import breaker
from hub.core.models import ApiCall, Connection, Outage
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import ConflictError, CredentialsError, NotFoundError
from hub.sdk.ledger import Registration
from tests.core.plugin import CANARY, SHOP, with_shop


@pytest.fixture
def base(hub: Hub) -> Hub:
    base = with_shop(hub)
    with base.write() as session:
        connections.add(session, "shop", settings={"api_key": CANARY})
    return base


def answering(said: Any) -> Callable[..., Any]:
    def hook(ctx: Context) -> Any:
        ctx.http.get("https://api.shop.example/me")
        if isinstance(said, Exception):
            raise said
        return said

    return hook


@pytest.fixture(autouse=True)
def provider() -> Any:
    with requests_mock.Mocker() as mocker:
        mocker.get("https://api.shop.example/me", json={})
        yield mocker


def row(hub: Hub) -> Connection:
    with hub.read() as session:
        return session.scalars(select(Connection)).one()


def test_test_that_passes_says_what_the_plugin_says(base: Hub) -> None:
    shop = with_shop(base, test_connection=answering(f"Hello {CANARY}."))

    tested = connection_calls.test(shop, "shop")

    assert connection_calls.Tested(ok=True, message="Hello [hidden].") == tested
    assert row(shop).tested_at is not None
    with shop.read() as session:
        assert 1 == len(session.scalars(select(ApiCall)).all())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CredentialsError(f"Shop refused {CANARY}."), "Shop refused [hidden]."),
        (KeyError(CANARY), "The plugin shop failed in test_connection (KeyError)"),
    ],
)
def test_test_that_fails_changes_nothing(
    base: Hub, error: Exception, said: str
) -> None:
    shop = with_shop(base, test_connection=answering(error))

    tested = connection_calls.test(shop, "shop")

    assert not tested.ok
    assert said in tested.message
    assert CANARY not in tested.message
    assert ("active", None) == (row(shop).state, row(shop).tested_at)


def test_passing_test_ends_the_wait_for_credentials(base: Hub) -> None:
    shop = with_shop(base, test_connection=answering("Fine."))
    with shop.write() as session:
        breaker.refuse(session, connections.find(session, "shop"), "401")
    assert "needs_reauth" == row(shop).state

    connection_calls.test(shop, "shop")

    assert ("active", "") == (row(shop).state, row(shop).problem)
    with shop.read() as session:
        assert session.scalars(select(Outage)).one().ended_at is not None


def test_what_cannot_be_tested_says_why(base: Hub) -> None:
    assert "Shop has no test." == connection_calls.test(base, "shop").message
    with base.write() as session:
        session.add(Connection(plugin="broken", slug="old", state="active"))
    assert "no such luck" in connection_calls.test(base, "old").message
    with pytest.raises(NotFoundError):
        connection_calls.test(base, "nowhere")


def test_no_transaction_is_open_while_the_provider_is_asked(base: Hub) -> None:
    """ROAD 33: here the hook writes itself, which inside a transaction would fail."""

    def hook(ctx: Context) -> str:
        ctx.state.set("seen", clock.iso(ctx.now()))
        return "Fine."

    shop = with_shop(base, test_connection=hook)

    assert connection_calls.test(shop, "shop").ok


def test_registration_keeps_what_the_provider_answered(base: Hub) -> None:
    made = Registration(reference="wh_1", settings={"webhook_secret": CANARY})
    shop = with_shop(base, register_webhook=answering(made))

    connection_calls.register_webhook(shop, "shop")

    assert CANARY == live(shop).by_slug("shop").settings["webhook_secret"]
    with pytest.raises(ConflictError, match="on its own pages"):
        connection_calls.register_webhook(with_shop(base), "shop")


def test_provider_is_told_before_a_connection_goes(base: Hub) -> None:
    shop = with_shop(base, disconnect=answering(None))

    assert "" == connection_calls.remove(shop, "shop")
    assert row(shop).removed_at is not None


def test_connection_goes_even_if_the_provider_cannot_be_told(base: Hub) -> None:
    shop = with_shop(base, disconnect=answering(CredentialsError("Refused.")))

    left = connection_calls.remove(shop, "shop")

    assert "Shop could not be told: Refused." in left
    assert row(shop).removed_at is not None


def test_form_has_all_settings_and_no_secret(base: Hub) -> None:
    shop = with_shop(base, environ={"SHOP_REGION": "us"})
    found = {each.key: each for each in form(live(shop).by_slug("shop"))}

    assert CANARY not in repr(found)
    assert ("secret", "stored", None, "set") == (
        found["api_key"].kind,
        found["api_key"].source,
        found["api_key"].value,
        found["api_key"].shown,
    )
    region = found["region"]
    assert (("eu", "eu"), ("us", "us")) == region.choices
    assert ("choice", "us", "us (environment)", "SHOP_REGION") == (
        region.kind,
        region.value,
        region.shown,
        region.variable,
    )
    kinds = {key: each.kind for key, each in found.items()}
    assert ("switch", "json", "text", "number") == tuple(
        kinds[key] for key in ("tls", "mapping", "account", "rate_limit")
    )


def test_form_of_a_new_connection_shows_what_is_needed(base: Hub) -> None:
    found = {each.key: each for each in empty_form(SHOP)}

    assert ("missing", "eu") == (found["api_key"].source, found["region"].default)
    with base.write() as session:
        connections.add(session, "shop", "bare")
    bare = {each.key: each for each in form(live(base).by_slug("bare"))}
    assert ["api_key"] == [key for key, each in bare.items() if each.missing]
    with base.write() as session:
        session.add(Connection(plugin="broken", slug="old", state="active"))
    assert () == form(live(base).by_slug("old"))
