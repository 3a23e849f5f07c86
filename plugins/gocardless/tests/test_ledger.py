"""From the mandate's page to the ledger, through the hub itself: the simulator over
real HTTP, its webhooks in any order, twice, or lost."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
from sqlalchemy import select
from werkzeug.test import Client

from hub.boot import Hub
from hub.core import process, sync
from hub.core.checkouts import refunds
from hub.core.mandates import debits
from hub.core.mandates import requests as mandate_requests
from hub.core.models import (
    Charge,
    Company,
    Invoice,
    Mandate,
    MandateRequest,
    Payment,
    PluginSwitch,
)
from hub.db import Database
from hub.hookspecs import EVENT_HOOKS
from hub.jobs import Bell
from hub.plugins import Plugins
from hub.sdk.serving import Simulators, serve
from hub.settings import Settings
from hub_gocardless.simulator import Simulator
from tests.parts.bank import serving
from tests.parts.hub import KEY, connect, plugin
from tests.parts.ledger import add_company, add_invoice

NAME = "gocardless"


@dataclass
class World:
    """The hub and the simulator, with a client who gave a mandate."""

    hub: Hub
    client: Client
    sim: Simulator
    url: str
    invoice: Invoice

    def happen(self, **what: Any) -> None:
        answer = requests.post(f"{self.url}/_sim/event", json=what, timeout=30)
        assert answer.ok, answer.text

    def live(self, *events: str) -> None:
        """These happen to the payment, one after the other."""
        for event in events:
            self.happen(payment=self.payment, event=event)

    @property
    def payment(self) -> str:
        (id,) = self.sim.payments
        return id

    def taken(self) -> list[Any]:
        with self.sim.lock:
            sent = list(self.sim.webhooks.sent)
            self.sim.webhooks.sent.clear()
        return sent

    def deliver(self, *, backwards: bool = False, times: int = 1) -> None:
        """All webhooks on their way arrive and are processed."""
        sent = self.taken()
        for webhook in (sent[::-1] if backwards else sent) * times:
            answer = self.client.post(
                f"/webhooks/{NAME}",
                data=webhook.body,
                content_type=webhook.content_type,
                headers=dict(self.sim.sign(webhook)),
            )
            assert answer.status_code == 200, answer.get_data(as_text=True)
        process.drain_all(self.hub)

    def catch_up(self) -> None:
        self.taken()
        assert "done" == sync.run(self.hub, NAME).state

    def row(self, model: Any) -> Any:
        with self.hub.read() as session:
            return session.scalars(select(model)).one()

    @property
    def states(self) -> tuple[str, str]:
        return self.row(Payment).state, self.row(Invoice).state


@pytest.fixture
def there(database: Database, settings: Settings) -> Iterator[World]:
    sim, installed = Simulator(), Plugins.load()
    with serve(Simulators({NAME: sim})) as served:
        url = f"{served.url}/{NAME}"
        given = {**sim.settings(url), "rate_limit": "10000"}
        environ = {f"{NAME}_{key}".upper(): text for key, text in given.items()}
        ears = plugin("ears", "notify", *EVENT_HOOKS)
        hub = Hub(
            settings=replace(settings, environ=environ),
            database=database,
            plugins=Plugins([installed.get(NAME), ears]),
            bell=Bell(settings.redis_url or ""),
            keys=(KEY,),
        )
        with hub.write() as session:
            session.add(PluginSwitch(name=NAME, enabled=True))
        connect(hub, NAME)
        company = add_company(hub, currency="GBP")
        invoice = add_invoice(hub, "100.00", company)
        yield World(hub, serving(hub), sim, url, invoice)


def give_mandate(there: World, choice: str = "approve") -> mandate_requests.Begun:
    begun = mandate_requests.begin(
        there.hub, there.invoice.company_id, NAME, back="https://hub.test/pay/token"
    )
    page, _, id = begun.url.partition("?id=")
    requests.post(
        page, data={"id": id, "choice": choice}, allow_redirects=False, timeout=30
    )
    return begun


@pytest.fixture
def collected(there: World) -> World:
    mandate_requests.finish(there.hub, give_mandate(there).request_id, {})
    debits.collect(there.hub, there.invoice.id)
    there.deliver()
    assert ("pending", "open") == there.states
    return there


@pytest.mark.parametrize("way", ["return", "webhook", "backwards", "sync"])
def test_a_mandate_reaches_its_company_by_every_way(there: World, way: str) -> None:
    begun = give_mandate(there, "approve" if way == "return" else "leave")
    if way == "return":
        mandate_requests.finish(there.hub, begun.request_id, {"id": "forged"})
    elif way == "sync":
        there.catch_up()
    else:
        there.deliver(backwards=way == "backwards", times=2)
    mandate = there.row(Mandate)
    assert ("active", "GBP", "bacs") == (
        mandate.state,
        mandate.currency,
        mandate.scheme,
    )
    assert mandate.id == there.row(Company).mandate_id
    assert "finished" == there.row(MandateRequest).state
    assert mandate.next_charge_date is not None


def test_a_replaced_mandate_is_followed(there: World) -> None:
    mandate_requests.finish(there.hub, give_mandate(there).request_id, {})
    (old,) = there.sim.mandates
    there.happen(mandate=old, event="replaced")
    there.deliver(backwards=True)
    company = there.row(Company)
    with there.hub.read() as session:
        now = session.get_one(Mandate, company.mandate_id)
        states = {m.reference: m.state for m in session.scalars(select(Mandate))}
    assert ("active", "replaced") == (now.state, states[old])
    assert now.reference != old


LIVES = {
    ("submitted", "confirmed"): ("confirmed", "paid"),
    ("confirmed", "paid_out"): ("paid_out", "paid"),
    ("submitted", "failed"): ("failed", "open"),
    ("will_retry",): ("pending", "open"),
    ("failed", "retried"): ("pending", "open"),
    ("failed", "retried", "confirmed"): ("confirmed", "paid"),
    ("confirmed", "paid_out", "late_failure"): ("failed", "open"),
    ("confirmed", "paid_out", "charged_back"): ("charged_back", "open"),
    ("confirmed", "paid_out", "charged_back", "chargeback_cancelled"): (
        "paid_out",
        "paid",
    ),
    ("cancelled",): ("cancelled", "open"),
}


@pytest.mark.parametrize("way", ["each", "backwards", "sync"])
@pytest.mark.parametrize(("life", "end"), LIVES.items(), ids="-".join)
def test_a_debit_ends_in_the_ledger_as_at_gocardless(
    collected: World, life: tuple[str, ...], end: tuple[str, str], way: str
) -> None:
    """ROAD 2, 3: whatever came when, how often, or not at all."""
    for event in life:
        collected.live(event)
        if way == "each":
            collected.deliver()
    if way == "sync":
        collected.catch_up()
    else:
        collected.deliver(backwards=way == "backwards", times=2)
    assert end == collected.states
    assert 1 == len(collected.sim.payments)


def test_a_payout_tells_what_a_payment_cost(collected: World) -> None:
    collected.live("confirmed", "paid_out")
    collected.deliver()
    payment = collected.row(Payment)
    (payout,) = collected.sim.payouts.values()
    assert payout["deducted_fees"] == payment.fee_minor
    assert payout["amount"] == payment.net_minor


def test_a_debit_whose_answer_was_lost_is_found_and_not_sent_again(
    there: World,
) -> None:
    mandate_requests.finish(there.hub, give_mandate(there).request_id, {})
    fault = {"kind": "timeout_after", "path": "/payments", "seconds": 0}
    requests.post(f"{there.url}/_sim/faults", json=fault, timeout=30)
    charge = debits.collect(there.hub, there.invoice.id)
    assert ("open", 1) == (charge.state, len(there.sim.payments))
    debits.check(there.hub, charge.id)
    debits.check(there.hub, charge.id)
    assert 1 == len(there.sim.payments)
    there.live("confirmed")
    there.deliver()
    assert ("confirmed", "paid") == there.states
    assert "finished" == there.row(Charge).state


def test_without_any_webhook_the_janitor_finds_the_money(collected: World) -> None:
    collected.live("confirmed")
    collected.taken()
    debits.check(collected.hub, collected.row(Charge).id)
    assert ("confirmed", "paid") == collected.states


def test_a_refund_is_done_when_gocardless_has_paid_it(collected: World) -> None:
    collected.live("confirmed")
    collected.deliver()
    asked = refunds.ask(collected.hub, collected.row(Payment).id, None, actor="test")
    refunds.run(collected.hub, asked.id)
    (refund,) = collected.sim.refunds
    collected.happen(refund=refund, event="paid")
    collected.deliver(times=2)
    assert ("refunded", "open") == collected.states
    assert 1 == len(collected.sim.refunds)
