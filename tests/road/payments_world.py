"""A hub with the real payment plugins, their simulators over real HTTP, and somebody
in between who delivers webhooks as they please, or loses them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import requests
import time_machine
from sqlalchemy import select
from werkzeug.test import Client

from hub.boot import Hub
from hub.core import janitor, process, sync
from hub.core.checkouts import checkout, leases
from hub.core.ledger import companies
from hub.core.mandates import requests as mandate_requests
from hub.core.models import Charge, Invoice, Movement, Payment, PluginSwitch
from hub.db import Database
from hub.hookspecs import EVENT_HOOKS
from hub.jobs import Bell
from hub.plugins import Plugins
from hub.sdk.clock import now
from hub.sdk.serving import Simulators, serve
from hub.sdk.simulated_webhooks import SentWebhook
from hub.settings import Settings
from tests.parts.bank import serving
from tests.parts.hub import KEY, connect, plugin
from tests.parts.ledger import add_company, add_invoice
from tests.road.payments_bank import NAME, Bank, books_of_pages

PROVIDERS = ("paypal", "stripe", "gocardless")
BACK = "https://hub.test/pay/token"


class Killed(BaseException):
    """The process is gone."""


@dataclass
class World:
    """All of it. `waiting` are webhooks on their way, by provider."""

    hub: Hub
    client: Client
    sims: dict[str, Any]
    urls: dict[str, str]
    clock: Any
    patch: pytest.MonkeyPatch
    invoices: list[Invoice] = field(default_factory=list)
    begun: list[tuple[str, checkout.Begun]] = field(default_factory=list)
    waiting: list[tuple[str, SentWebhook]] = field(default_factory=list)
    kill_at: str = ""

    def __post_init__(self) -> None:
        self.bank = Bank(self.sims[NAME], self.urls[NAME])
        self.company = add_company(self.hub)
        with self.hub.write() as session:
            companies.update(session, self.company.id, {"autobill": True})
        sync.run(self.hub, NAME)
        call, settle = self.hub.plugins.call, leases.settle

        def called(name: str, hook: str, **arguments: Any) -> Any:
            self._point("before")
            made = call(name, hook, **arguments)
            made = made if hook == "start_checkout" else _read(made)
            self._point("after")
            return made

        def settled(*arguments: Any, **values: Any) -> bool:
            if self.kill_at == "dead":
                raise Killed
            return settle(*arguments, **values)

        self.patch.setattr(self.hub.plugins, "call", called)
        self.patch.setattr(leases, "settle", settled)
        # Who was killed holds its lease by a clock that only we move.
        for module in (checkout, mandate_requests):
            self.patch.setattr(module, "_PATIENCE", 0.0)

    def _point(self, here: str) -> None:
        if self.kill_at == here:
            self.kill_at = "dead"
        if self.kill_at == "dead":
            raise Killed

    @contextmanager
    def killed(self, at: str) -> Iterator[None]:
        """What runs here is killed at its next call of a plugin, if it makes one:
        nothing is written after that, not even the end of its lease."""
        self.kill_at = at
        try:
            yield
        except Killed:
            pass
        finally:
            self.kill_at = ""

    def add(self, total: str = "100.00", days: int = 14) -> Invoice:
        due = now().date() + timedelta(days=days)
        self.invoices.append(add_invoice(self.hub, total, self.company, due_date=due))
        return self.invoices[-1]

    def begin(self, invoice: Invoice, slug: str, **options: Any) -> checkout.Begun:
        found = checkout.begin(self.hub, invoice.id, slug, back=BACK, **options)
        self.begun.append((slug, found))
        return found

    def choose(self, slug: str, begun: checkout.Begun, choice: str) -> None:
        """The payer decides on the provider's page; a closed one refuses him."""
        if slug == NAME:
            self.bank.choose(begun.url, choice)
        else:
            pages = {"paypal": "/checkoutnow", "stripe": f"/c/pay/{begun.reference}"}
            requests.post(
                self.urls[slug] + pages[slug],
                data={"token": begun.reference, "choice": choice},
                allow_redirects=False,
                timeout=30,
            )
        self.collect()

    def begin_mandate(self) -> mandate_requests.Begun:
        return mandate_requests.begin(self.hub, self.company.id, NAME, back=BACK)

    def fault(self, slug: str, kind: str) -> None:
        """The next call of the provider's API goes wrong."""
        path = {"paypal": "/v2", "stripe": "/v1", NAME: "/"}[slug]
        given = {"kind": kind, "count": 1, "seconds": 0, "path": path}
        requests.post(f"{self.urls[slug]}/_sim/faults", json=given, timeout=30)

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        for url in self.urls.values():
            requests.delete(f"{url}/_sim/faults", timeout=30)

    def end_pending(self, event: str) -> None:
        """The banks decide about all that is pending."""
        for slug, key, pending in self._pending():
            requests.post(
                f"{self.urls[slug]}/_sim/event",
                json={key: pending, "event": event},
                timeout=30,
            )
        self.bank.end_pending(event)
        self.collect()

    def _pending(self) -> list[tuple[str, str, str]]:
        captures = self.sims["paypal"].captures.values()
        intents = self.sims["stripe"].intents.values()
        return [
            ("paypal", "capture_id", c["id"])
            for c in captures
            if c["status"] == "PENDING"
        ] + [
            ("stripe", "payment_intent", i["id"])
            for i in intents
            if i["status"] == "processing"
        ]

    def collect(self) -> None:
        """Take what the simulators sent."""
        for slug, sim in self.sims.items():
            with sim.lock:
                sent = list(sim.webhooks.sent)
                sim.webhooks.sent.clear()
            self.waiting += [(slug, webhook) for webhook in sent]

    def deliver(self, at: int = 0, *, keep: bool = False) -> None:
        """One of the webhooks on their way arrives; if kept, it will come again."""
        slug, webhook = self.waiting[at]
        if not keep:
            del self.waiting[at]
        answer = self.client.post(
            f"/webhooks/{slug}",
            data=webhook.body,
            content_type=webhook.content_type,
            headers=dict(self.sims[slug].sign(webhook)),
        )
        assert answer.status_code == 200, answer.get_data(as_text=True)

    def hear(self) -> None:
        """The workers process what arrived."""
        process.drain_all(self.hub)

    def pass_time(self, **time: float) -> None:
        self.clock.shift(timedelta(**time))

    def settle_down(self) -> None:
        """Nothing new happens, no webhook comes: the janitor alone finds out what
        becomes of all that is under way, and a sync what came after that."""
        self.calm()
        for hours in (0.2, 0.5, 2, 6, 12, 24, 24, 24):
            self.pass_time(hours=hours)
            janitor.check_due(self.hub)
            self.collect()
            self.end_pending("completed")
        assert [] == [row.id for row in self.rows(Charge) if row.state == "open"]
        assert "done" == sync.run(self.hub, NAME).state

    def books(self) -> dict[str, tuple[int, int]]:
        """What the providers took and gave back, by the reference of the money."""
        pages = books_of_pages(self.sims["paypal"], self.sims["stripe"])
        return self.bank.books() | pages

    def ledger(self) -> dict[str, tuple[int, int]]:
        """The same as the hub has it."""
        with self.hub.read() as session:
            rows = session.scalars(
                select(Payment).where(
                    Payment.provider.in_(PROVIDERS),
                    Payment.state.not_in(("pending", "failed", "cancelled")),
                )
            ).all()
        return {
            row.reference: (
                row.amount_minor,
                row.refunded_minor + row.charged_back_minor,
            )
            for row in rows
        }

    def rows(self, model: Any) -> list[Any]:
        with self.hub.read() as session:
            return list(session.scalars(select(model)))

    def check_books(self) -> None:
        """The hub's ledger is the providers' books, and nobody paid twice; but where
        money came in behind the hub's back, a person is told."""
        assert self.books() == self.ledger()
        paid, told = self._paid()
        for invoice in self.rows(Invoice):
            if invoice.id in told and invoice.number in self.bank.behind:
                continue
            assert invoice.id not in told, invoice.number
            assert paid[invoice.id] <= invoice.total_minor, invoice.number
            assert paid[invoice.id] == invoice.paid_minor, invoice.number
        captured = {m.reference for m in self.rows(Movement) if m.kind == "capture"}
        assert captured >= self.books().keys()

    def _paid(self) -> tuple[Counter[str], set[str]]:
        """What was kept of each invoice's money, and which of them need a person."""
        paid: Counter[str] = Counter()
        told = set()
        for row in self.rows(Payment):
            if row.attention:
                told.add(row.invoice_id)
            if row.state not in ("pending", "failed", "cancelled"):
                gone = row.refunded_minor + row.charged_back_minor
                paid[row.invoice_id] += row.amount_minor - gone
        return paid, told


def _read(made: Any) -> Any:
    """Run a hook that yields to its end: a kill comes before or after all of it."""
    return list(made) if hasattr(made, "__next__") else made


@contextmanager
def world(
    database: Database, settings: Settings, patch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Serve the simulators and connect the hub with them."""
    installed = Plugins.load()
    sims = {name: installed.call(name, "simulator")() for name in PROVIDERS}
    with (
        serve(Simulators(sims)) as served,
        time_machine.travel(now(), tick=True) as clock,
    ):
        urls = {name: f"{served.url}/{name}" for name in PROVIDERS}
        environ = {
            f"{name}_{key}".upper(): value
            for name in PROVIDERS
            for key, value in sims[name].settings(urls[name]).items()
        } | {f"{name.upper()}_RATE_LIMIT": "10000" for name in PROVIDERS}
        patch.delenv("PAYPAL_API_BASE_URL", raising=False)
        hub = Hub(
            settings=replace(settings, environ=environ),
            database=database,
            plugins=Plugins(
                [
                    *(installed.get(name) for name in PROVIDERS),
                    plugin("ears", "notify", *EVENT_HOOKS),
                ]
            ),
            bell=Bell(settings.redis_url or ""),
            keys=(KEY,),
        )
        with hub.write() as session:
            session.add_all(PluginSwitch(name=n, enabled=True) for n in PROVIDERS)
        for name in PROVIDERS:
            connect(hub, name)
        yield World(hub, serving(hub), sims, urls, clock, patch)
