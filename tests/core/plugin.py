"""A plugin to connect in tests: `shop`, with plain and secret settings."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from marshmallow import fields, validate

from hub.boot import Hub
from hub.plugins import Plugin, Plugins
from hub.sdk.provider import Budget, Provider, SettingsSchema, secret, text

CANARY = "canary-Z0rr0+/sésame&"


class ShopSettings(SettingsSchema):
    """All kinds of settings."""

    api_key = secret("API key")
    webhook_secret = secret("Webhook secret", validate=validate.Length(min=8))
    account = text("Account", "Its number.")
    region = text("Region", load_default="eu", validate=validate.OneOf(["eu", "us"]))
    tls = fields.Boolean(load_default=True, metadata={"title": "TLS"})
    mapping = fields.Dict(metadata={"title": "Mapping"})
    shop_url = fields.Url(require_tld=False, metadata={"title": "Shop"})


SHOP = Provider(
    name="shop",
    title="Shop",
    category="payment",
    summary="Sells.",
    settings=ShopSettings,
    required=(("api_key",), ("account", "webhook_secret")),
    hosts=("api.shop.example",),
    budget=Budget(per_second=7),
)
TABLES = Provider(
    name="tables",
    title="Tables",
    category="export",
    summary="Needs no connection.",
    settings=SettingsSchema,
    needs_connection=False,
)


def with_shop(
    hub: Hub,
    *,
    environ: dict[str, str] | None = None,
    keys: tuple[str, ...] = (),
    **hooks: Callable[..., Any],
) -> Hub:
    """The same hub with the plugins `shop` (with these hooks), `tables` and one that
    is broken, as another process would have it."""
    described = {"describe_provider": lambda: SHOP}
    return Hub(
        settings=replace(hub.settings, environ=environ or {}),
        database=hub.database,
        plugins=Plugins(
            [
                Plugin(name="broken", error="It can't be imported: no such luck"),
                Plugin(name="shop", provider=SHOP, hooks={**described, **hooks}),
                Plugin(
                    name="tables",
                    provider=TABLES,
                    hooks={"describe_provider": lambda: TABLES},
                ),
            ]
        ),
        bell=hub.bell,
        keys=keys or hub.keys,
    )
