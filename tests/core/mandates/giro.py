"""A provider of direct debits in memory, to be told when to fail."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hub.boot import Hub
from hub.core.ledger import companies, mandate_owners, mandates
from hub.core.models import Company, Connection, PluginSwitch
from hub.plugins import Plugin, Plugins
from hub.sdk import clock, ledger
from hub.sdk.context import Context
from hub.sdk.facts import (
    Fact,
    MandateSeen,
    Match,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
)
from hub.sdk.money import Money
from hub.sdk.provider import Provider, SettingsSchema
from tests.core.checkouts.desk import Desk, nothing
from tests.parts.hub import connect, plugin
from tests.parts.ledger import add_company, tell

HOOKS = (
    *("start_mandate", "finish_mandate", "cancel_mandate"),
    *("collect_payment", "check_payment"),
)


@dataclass
class Debit:
    """One payment at the provider. States: pending, received, failed."""

    charge: str
    reference: str
    amount: Money
    mandate: str
    state: str = "pending"
    reason: str = ""


@dataclass(eq=False)
class Giro:
    """The provider's books. `at` is run at each point of a call (`collect:before`,
    `collect:after`, …) and may raise there."""

    at: Callable[[str], None] = nothing
    debits: dict[str, Debit] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)  # by our id
    given: dict[str, str] = field(default_factory=dict)  # our id: mandate
    calls: Counter[str] = field(default_factory=Counter)

    def plugin(self) -> Plugin:
        provider = Provider(
            name="giro",
            title="Giro",
            category="payment",
            summary="For tests.",
            settings=SettingsSchema,
        )
        hooks: dict[str, Callable[..., Any]] = {
            name: getattr(self, name) for name in HOOKS
        }
        hooks["describe_provider"] = lambda: provider
        return Plugin(name="giro", provider=provider, hooks=hooks)

    def start_mandate(
        self, *, company: ledger.Company, request: ledger.MandateRequest, ctx: Context
    ) -> ledger.Checkout:
        self._point("start", "before")
        reference = self.requests.setdefault(request.id, f"RQ-{len(self.requests) + 1}")
        self._point("start", "after")
        return ledger.Checkout(
            reference=reference, url=f"https://giro.test/{reference}"
        )

    def finish_mandate(
        self, *, request: ledger.MandateRequest, params: Mapping[str, str], ctx: Context
    ) -> list[Fact]:
        self._point("finish", "before")
        given = self.given.get(request.id)
        return [mandate(given, request=request.id)] if given else []

    def cancel_mandate(self, *, mandate: ledger.Mandate, ctx: Context) -> list[Fact]:
        self._point("cancel", "before")
        return [seen(mandate.reference, "cancelled", clock.now())]

    def collect_payment(
        self,
        *,
        invoice: ledger.Invoice,
        charge: ledger.Charge,
        mandate: ledger.Mandate,
        ctx: Context,
    ) -> list[Fact]:
        self._point("collect", "before")
        reference = f"DD-{len(self.debits) + 1}"
        made = self.debits.setdefault(
            charge.id, Debit(charge.id, reference, charge.amount, mandate.reference)
        )
        self._point("collect", "after")
        return told(made)

    def check_payment(self, *, attempt: ledger.Charge, ctx: Context) -> list[Fact]:
        self._point("check", "before")
        made = self.debits.get(attempt.id)
        return told(made) if made else []

    def _point(self, hook: str, when: str) -> None:
        if when == "before":
            self.calls[hook] += 1
        self.at(f"{hook}:{when}")


def mandate(
    reference: str, state: Any = "active", *, minute: int = 0, **values: Any
) -> MandateSeen:
    """What the provider says of a mandate so many minutes from now."""
    at = clock.now() - timedelta(days=1) + timedelta(minutes=minute)
    return seen(reference, state, at, **values)


def seen(reference: str, state: Any, at: datetime, **values: Any) -> MandateSeen:
    values.setdefault("id", f"{reference}:{state}:{clock.iso(at)}")
    values.setdefault("currency", "EUR")
    return MandateSeen(reference=reference, state=state, as_of=at, **values)


def told(debit: Debit) -> list[Fact]:
    """What the provider says of a debit."""
    kinds: dict[str, Any] = {
        "pending": PaymentPending,
        "received": PaymentReceived,
        "failed": PaymentFailed,
    }
    more = {"reason": debit.reason} if debit.state == "failed" else {}
    return [
        kinds[debit.state](
            id=f"{debit.reference}:{debit.state}",
            as_of=clock.now(),
            reference=debit.reference,
            amount=debit.amount,
            match=Match(charge=debit.charge),
            **more,
        )
    ]


def opened(hub: Hub, giro: Giro, desk: Desk) -> tuple[Hub, Connection]:
    """The same hub with `giro` and a `desk` connected."""
    found = Hub(
        settings=hub.settings,
        database=hub.database,
        plugins=Plugins(
            [
                giro.plugin(),
                desk.plugin(),
                plugin("ears", "notify", "on_mandate_changed"),
            ]
        ),
        bell=hub.bell,
        keys=hub.keys,
    )
    with found.write() as session:
        names = ("giro", desk.name)
        session.add_all(PluginSwitch(name=name, enabled=True) for name in names)
    connect(found, desk.name)
    return found, connect(found, "giro")


def client(hub: Hub, connection: Connection, **values: Any) -> Company:
    """A company with autobill and an active mandate `MD-1`."""
    company = add_company(hub, currency=values.pop("currency", "EUR"))
    with hub.write() as session:
        companies.update(session, company.id, {"autobill": True})
    reference = values.pop("reference", "MD-1")
    tell(hub, connection, mandate(reference, **values))
    with hub.write() as session:
        found = mandate_owners.find(session, "giro", reference)
        assert found is not None
        mandates.assign(session, found.id, company.id)
    with hub.read() as session:
        return session.get_one(Company, company.id)
