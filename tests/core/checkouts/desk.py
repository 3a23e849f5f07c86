"""A provider in memory, to be told when to fail: `desk` (its orders are captured by
us, as PayPal's) and `kiosk` (its page takes the money itself, as Stripe's)."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hub.boot import Hub
from hub.core.models import Connection, PluginSwitch
from hub.plugins import Plugin, Plugins
from hub.sdk import clock, ledger
from hub.sdk.context import Context
from hub.sdk.errors import RejectedError, UnavailableError
from hub.sdk.facts import (
    Fact,
    Match,
    PaymentCancelled,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
    RefundMade,
)
from hub.sdk.money import Money
from hub.sdk.provider import Provider, SettingsSchema
from tests.parts.hub import connect, plugin


@dataclass
class Order:
    """One checkout of the provider. States: created, approved, captured, pending,
    declined, closed."""

    charge: str
    reference: str
    amount: Money
    state: str = "created"
    return_url: str = ""


def nothing(point: str) -> None:
    """No fault."""


@dataclass(eq=False)
class Desk:
    """The provider's books. `at` is run at each point of a call (`start:before`,
    `start:after`, …) and may raise or wait there."""

    name: str = "desk"
    captures: bool = True
    at: Callable[[str], None] = nothing
    orders: dict[str, Order] = field(default_factory=dict)
    refunds: dict[str, Money] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    lock: Any = field(default_factory=threading.Lock, repr=False)
    without: tuple[str, ...] = ()

    def plugin(self) -> Plugin:
        hooks: dict[str, Callable[..., Any]] = {
            "start_checkout": self.start,
            "finish_checkout": self.finish,
            "check_payment": self.check,
            "cancel_checkout": self.cancel,
            "refund_payment": self.refund,
        }
        provider = Provider(
            name=self.name,
            title=self.name.title(),
            category="payment",
            summary="For tests.",
            settings=SettingsSchema,
        )
        hooks["describe_provider"] = lambda: provider
        kept = {name: hook for name, hook in hooks.items() if name not in self.without}
        return Plugin(name=self.name, provider=provider, hooks=kept)

    def start(
        self, *, invoice: ledger.Invoice, charge: ledger.Charge, ctx: Context
    ) -> ledger.Checkout:
        self._point("start", "before")
        with self.lock:
            order = next(
                (o for o in self.orders.values() if o.charge == charge.id), None
            )
            if order is None:
                reference = f"{self.name.upper()}-{len(self.orders) + 1}"
                order = Order(charge.id, reference, charge.amount)
                order.return_url = charge.return_url
                self.orders[reference] = order
        self._point("start", "after")
        url = f"https://{self.name}.test/{order.reference}"
        return ledger.Checkout(reference=order.reference, url=url)

    def finish(
        self, *, charge: ledger.Charge, params: Mapping[str, str], ctx: Context
    ) -> list[Fact]:
        return self._settle(charge, "finish")

    def check(self, *, attempt: ledger.Charge, ctx: Context) -> list[Fact]:
        return self._settle(attempt, "check")

    def cancel(self, *, charge: ledger.Charge, ctx: Context) -> list[Fact]:
        self._point("cancel", "before")
        order = self.orders[charge.reference or ""]
        with self.lock:
            if order.state in ("created", "approved"):
                order.state = "closed"
        self._point("cancel", "after")
        return told(order)

    def refund(
        self, *, payment: ledger.Payment, amount: Money, ctx: Context
    ) -> list[Fact]:
        self._point("refund", "before")
        key = ctx.idempotency_key("refund")
        with self.lock:
            self.refunds.setdefault(key, amount)
        self._point("refund", "after")
        reference = f"RE-{list(self.refunds).index(key) + 1}"
        return [
            RefundMade(
                id=f"refund:{reference}",
                as_of=clock.now(),
                reference=reference,
                payment=payment.reference,
                amount=amount,
            )
        ]

    def _settle(self, charge: ledger.Charge, hook: str) -> list[Fact]:
        self._point(hook, "before")
        if charge.reference is None:
            return []
        order = self.orders[charge.reference]
        with self.lock:
            if self.captures and order.state == "approved":
                order.state = "captured"
        self._point(hook, "after")
        return told(order)

    def approve(self, reference: str) -> None:
        """The payer says yes on the page."""
        with self.lock:
            order = self.orders[reference]
            if order.state != "created":
                raise RejectedError("This page is closed.")
            order.state = "approved" if self.captures else "captured"

    def taken(self) -> int:
        """What all payers were charged."""
        return sum(
            o.amount.minor for o in self.orders.values() if o.state == "captured"
        )

    def _point(self, hook: str, when: str) -> None:
        if when == "before":
            self.calls[hook] += 1
        self.at(f"{hook}:{when}")


def told(order: Order) -> list[Fact]:
    """What the provider says of an order."""
    about: dict[str, Any] = {
        "as_of": clock.now() - timedelta(seconds=1),
        "amount": order.amount,
        "match": Match(charge=order.charge, checkout=order.reference),
        "id": f"{order.reference}:{order.state}",
        "reference": f"CAP-{order.reference}",
    }
    kinds: dict[str, Any] = {
        "captured": PaymentReceived,
        "pending": PaymentPending,
        "declined": PaymentFailed,
        "closed": PaymentCancelled,
    }
    return [kinds[order.state](**about)] if order.state in kinds else []


def timeout(*points: str) -> Callable[[str], None]:
    """The provider is not heard of at these points, once each."""
    left = list(points)

    def at(point: str) -> None:
        if point in left:
            left.remove(point)
            raise UnavailableError("The desk doesn't answer.", outcome_unknown=True)

    return at


def opened(hub: Hub, *desks: Desk) -> tuple[Hub, list[Connection]]:
    """The same hub with these providers connected."""
    found = Hub(
        settings=hub.settings,
        database=hub.database,
        plugins=Plugins([*(desk.plugin() for desk in desks), plugin("ears", "notify")]),
        bell=hub.bell,
        keys=hub.keys,
    )
    with found.write() as session:
        session.add_all(PluginSwitch(name=desk.name, enabled=True) for desk in desks)
    return found, [connect(found, desk.name) for desk in desks]
