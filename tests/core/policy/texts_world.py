"""A small world that is texted: clients in odd time zones, two numbers of ours, a
network that answers as it likes, people who look, and three workers."""

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import time_machine
from sqlalchemy import select, update

from hub.boot import Hub
from hub.core import deliver, messages, sweep
from hub.core.deliveries import claims, readiness, retry, settle
from hub.core.deliveries.claims import Claimed
from hub.core.deliveries.sending import Sending
from hub.core.ledger import companies, invoices, overdue, payments
from hub.core.ledger.invoices import NewInvoice
from hub.core.ledger.payments import NewPayment
from hub.core.models import (
    Company,
    Connection,
    Delivery,
    Invoice,
    PluginSwitch,
    new_id,
)
from hub.core.policy import asking, blocks, rules
from hub.plugins import Plugin, Plugins
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.errors import RecipientError, RejectedError, UserError
from hub.sdk.events import Message
from hub.sdk.money import Money
from hub.sdk.provider import Budget, Provider, SettingsSchema, text
from tests.core.deliveries.server import Request, Server
from tests.parts.ledger import lines

ME = "user:usr_1"
SENDERS = ("+15005550006", "+15005550007")
STRANGER = "+493012345600"
# The night before a change of the clocks somewhere, or just a night.
STARTS = (
    "2026-03-07T15:00", "2026-03-28T09:00", "2026-04-03T20:00", "2026-04-23T10:00",
    "2026-09-25T20:00", "2026-10-02T20:00", "2026-10-24T09:00", "2026-10-29T10:00",
    "2026-10-31T18:00", "2026-06-30T00:00",
)  # fmt: skip
ZONES = (
    "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati",
    "Europe/Berlin", "America/New_York", "America/Havana", "America/St_Johns",
    "Africa/Cairo", "Asia/Kathmandu", "Antarctica/Troll",
)  # fmt: skip
# Of clients: as by default, through the change of the clocks, at noon, never.
HOURS = (
    ("20:00", "08:00"), ("20:00", "08:00"), ("21:30", "06:15"), ("01:30", "03:30"),
    ("00:00", "00:00"), ("12:00", "13:00"),
)  # fmt: skip
FATES = ("sent",) * 6 + ("429", "503", "500", "500 sent", "cut sent")
OFFERED_AGAIN = 423  # the network's answer for who wrote STOP to it


@dataclass(frozen=True)
class Call:
    """The network was asked to carry a text; `sent` if it did."""

    at: datetime
    sender: str
    to: str
    delivery: str
    sent: bool


@dataclass
class Client:
    """A client as the world knows it: what the hub was told, and when."""

    id: str
    zone: ZoneInfo
    texts: bool
    contacts: dict[str, str]  # id → number
    agreed: set[str]  # contacts
    invoices: list[str] = field(default_factory=list)


class Network:
    """Carries texts, or not, and never tells a lie about it to a person who looks."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.chance = chance
        self.calls: list[Call] = []
        self.stopped: set[tuple[str, str]] = set()
        self.wrong: list[str] = []
        self.judge: Callable[[Call], str] = lambda call: ""
        self._lock = threading.Lock()
        server.answer(self._answer)

    def has(self, delivery: str) -> bool:
        return any(call.sent for call in self.calls if call.delivery == delivery)

    def _answer(self, request: Request) -> tuple[int, bytes, dict[str, str]]:
        asked = json.loads(request.body)
        with self._lock:
            fate = self.chance.choice(FATES)
            if (asked["sender"], asked["to"]) in self.stopped:
                fate = "stopped"
            call = Call(now(), sent="sent" in fate, **asked)
            self.calls.append(call)
            wrong = self.judge(call)
            self.wrong += [f"{wrong}: {call}"] if wrong else []
        if fate == "cut sent":
            raise ConnectionAbortedError
        status = {"sent": 201, "stopped": OFFERED_AGAIN, "500 sent": 500}.get(fate)
        return (
            status or int(fate),
            b"{}",
            {"Retry-After": "40"} if fate == "429" else {},
        )


class Settings(SettingsSchema):
    from_number = text("From")


def send_message(message: Message, ctx: Context) -> str:
    """What the toy plugin does: one call, without any key."""
    sender = ctx.settings["from_number"]
    about = {"sender": sender, "to": message.to, "delivery": ctx.delivery}
    assert message.text.strip()
    try:
        ctx.http.post("https://texts.example.com/texts", json=about)
    except RejectedError as error:
        if error.status != OFFERED_AGAIN:
            raise
        said = "They opted out."
        raise RecipientError(said, opted_out=True, status=error.status) from error
    return f"text-{ctx.delivery}"


PHONE = Provider(
    name="phone",
    title="Phone",
    category="notify",
    summary="For tests.",
    settings=Settings,
    hosts=("texts.example.com",),
    budget=Budget(per_second=1000, concurrency=2),
    max_age={"*": timedelta(hours=24)},
    after_unknown_outcome="person",
    reach="phone",
    sender_keys=("from_number",),
)
_HOOKS: Mapping[str, Callable[..., Any]] = {
    "describe_provider": lambda: PHONE,
    "send_message": send_message,
}


@dataclass
class World:
    """What happens in it is chosen by `chance`, and told in `told`."""

    hubs: list[Hub]
    network: Network
    chance: random.Random
    traveller: time_machine.Traveller
    hours: tuple[time, time]
    slugs: list[str]
    clients: list[Client]
    threads: bool
    told: list[str] = field(default_factory=list)
    stopped: set[tuple[str, str]] = field(default_factory=set)  # as the hub knows
    strangers: set[str] = field(default_factory=set)
    _asked: int = 0

    @property
    def hub(self) -> Hub:
        return self.hubs[0]

    def go_on(self) -> None:
        """One more thing happens, and often the workers get to work."""
        actions = (
            *(self.remind, self.remind, self.free_text, self.free_text, self.pay),
            *(self.becomes_overdue, self.stop, self.start, self.stop_at_the_network),
            *(self.agree_or_not, self.switch, self.new_number, self.new_invoice),
            *(self.crash, self.kill, self.again, self.write_to_a_stranger),
        )
        for _ in range(self.chance.randint(1, 3)):
            action = self.chance.choice(actions)
            self.told.append(f"{now():%d %H:%M:%S} {action.__name__}")
            action()
        if self.chance.random() < 0.8:
            self.work()
        self.pass_time()

    # What people do

    def remind(self) -> None:
        client = self._client()
        self._asked += 1
        with suppress(UserError), self.hub.write() as session:
            invoice = self.chance.choice(client.invoices)
            asking.remind(session, invoice, ME, key=f"asked-{self._asked}")

    def free_text(self) -> None:
        number = self.chance.choice(list(self._client().contacts.values()))
        self._write_to(number)

    def write_to_a_stranger(self) -> None:
        self._write_to(STRANGER)

    def _write_to(self, number: str) -> None:
        message = Message(text="Your laptop is ready.", to=number)
        with self.hub.write() as session:
            messages.send(session, self.chance.choice(self.slugs), message, ME)

    def pay(self) -> None:
        with suppress(UserError), self.hub.write() as session:
            invoice = invoices.get(session, self.chance.choice(self._client().invoices))
            minor = self.chance.choice((100, 100, invoice.open_minor))
            paid = NewPayment(amount=Money(min(minor, invoice.open_minor), "EUR"))
            payments.record_payment(session, invoice.id, paid, actor=ME)

    def becomes_overdue(self) -> None:
        overdue.scan(self.hub)

    def new_invoice(self) -> None:
        client = self._client()
        due = now().date() - timedelta(days=self.chance.randint(1, 9))
        new = NewInvoice(
            company_id=client.id, lines=lines("50.00"), issue_date=due, due_date=due
        )
        with self.hub.write() as session:
            client.invoices.append(invoices.create(session, new).id)

    def stop(self) -> None:
        sender, number, connection = self._pair()
        self.network.stopped.add((sender, number))
        self.stopped.add((sender, number))
        with self.hub.write() as session:
            blocks.block(
                session,
                connection_id=connection,
                sender=sender,
                address=number,
                kind="opt_out",
                how="STOP",
                at=now(),
            )

    def stop_at_the_network(self) -> None:
        sender, number, _ = self._pair()
        self.network.stopped.add((sender, number))

    def start(self) -> None:
        sender, number, connection = self._pair()
        self.network.stopped.discard((sender, number))
        self.stopped.discard((sender, number))
        with self.hub.write() as session:
            known = blocks.current(session, connection, sender, number)
            if known is not None:
                blocks.lift(session, known)

    def agree_or_not(self) -> None:
        client = self._client()
        contact = self.chance.choice(list(client.contacts))
        self._consent(client, contact, self.chance.random() < 0.8)

    def _consent(self, client: Client, contact: str, given: bool) -> None:
        (client.agreed.add if given else client.agreed.discard)(contact)
        values = {"channel": "sms", "given": given}
        with self.hub.write() as session:
            companies.set_consent(session, contact, values)

    def switch(self) -> None:
        client = self._client()
        client.texts = self.chance.random() < 0.8
        with self.hub.write() as session:
            changes = {"sms_notifications_enabled": client.texts}
            companies.update(session, client.id, changes)

    def new_number(self) -> None:
        client = self._client()
        contact = self.chance.choice(list(client.contacts))
        client.contacts[contact] = a_number()
        with self.hub.write() as session:
            values = {"phone": client.contacts[contact]}
            companies.update_contact(session, contact, values)

    def again(self) -> None:
        """Someone presses a button at any delivery that has one."""
        for act in (retry.retry, retry.replay):
            with self.hub.read() as session:
                wanted = select(Delivery.id).where(
                    Delivery.connection_id.in_(self._connections),
                    Delivery.state.in_(("dead", "skipped", "delivered")),
                )
                ids = session.scalars(wanted.order_by(Delivery.id)).all()
            if ids:
                with suppress(UserError), self.hub.write() as session:
                    act(session, self.chance.choice(ids), ME)

    # What machines do

    def work(self) -> None:
        """Three workers look at once for what is due."""
        if self.threads:
            busy = [threading.Thread(target=self._drain, args=(h,)) for h in self.hubs]
            for each in busy:
                each.start()
            for each in busy:
                each.join()
        else:
            self._drain(self.chance.choice(self.hubs))

    def _drain(self, hub: Hub) -> None:
        deliver.drain_all(hub, size=4)

    def crash(self) -> None:
        """A worker dies between the claim and the call."""
        self._claim()
        self._lose()

    def kill(self) -> None:
        """A worker dies after the call, before it could write what came of it."""
        for claimed in self._claim():
            Sending(self.hub, claimed, self._mark).run()
        self._lose()

    def _claim(self) -> list[Claimed]:
        with self.hub.read() as session:
            ready = readiness.look(session, self.hub)
        wanted = {each.connection_id: 1 for each in ready}
        with self.hub.write() as session:
            taken = claims.claim(session, self.hub, ready, wanted, worker="dead")
        return list(taken.claimed)

    def _mark(self, mark: settle.Mark) -> bool:
        with self.hub.write() as session:
            return mark.claimed.id in settle.mark(session, [mark])

    def _lose(self) -> None:
        self.traveller.shift(timedelta(minutes=2))
        sweep.run(self.hub)
        self._people_look()

    def _people_look(self) -> None:
        """Whoever decides about what is in doubt has asked the network."""
        with self.hub.read() as session:
            doubtful = session.scalars(
                select(Delivery.id)
                .where(Delivery.state == "in_doubt")
                .where(Delivery.connection_id.in_(self._connections))
            ).all()
        for id in doubtful:
            if self.chance.random() < 0.5:
                act = retry.confirm if self.network.has(id) else retry.retry
                with self.hub.write() as session:
                    act(session, id, ME)

    def pass_time(self) -> None:
        """Some minutes or hours; or up to a moment that matters to somebody."""
        if self.chance.random() < 0.5:
            self.traveller.shift(timedelta(minutes=self.chance.randint(1, 500)))
        else:
            zone = self._client().zone
            clocks = (*self.hours, time(0))
            reading = self.chance.choice(clocks)
            before = timedelta(seconds=self.chance.choice((0, 0.4, 1, 240, 310)))
            self.traveller.move_to(_next_time(zone, reading) - before)
        sweep.run(self.hub)
        self._people_look()

    # What must hold

    def judge(self, call: Call) -> str:
        """What is wrong with a call, if anything; said at the moment of the call."""
        if (call.sender, call.to) in self.stopped:
            return "to an opted-out number"
        if call.to == STRANGER:
            return ""
        found = [
            (client, contact)
            for client in self.clients
            for contact, number in client.contacts.items()
            if number == call.to
        ]
        if not any(c.texts and contact in c.agreed for c, contact in found):
            return "without consent"
        if self._quiet(call.at, found[0][0].zone):
            return "in quiet hours"
        return ""

    def check(self) -> None:
        """The whole course of events was right."""
        assert not self.network.wrong, self.network.wrong
        rows = self.rows()
        owners = {row.id: row.company_id for row in rows}
        zones = {client.id: client.zone for client in self.clients}
        days: dict[tuple[str, date], list[Call]] = {}
        for call in self.network.calls:
            owner = owners[call.delivery]
            if call.sent and call.to != STRANGER:
                assert owner is not None, f"to no client: {call}"
                day = call.at.astimezone(zones[owner]).date()
                days.setdefault((owner, day), []).append(call)
                days.setdefault((call.to, day), []).append(call)
        twice = {key: calls for key, calls in days.items() if len(calls) > 1}
        assert not twice, twice
        for row in rows:
            self._check_row(row)

    def _check_row(self, row: Delivery) -> None:
        about = (row.id, row.state, row.reason, row.explanation)
        if row.state == "skipped":
            assert row.reason in REASONS, about
            assert row.explanation.endswith("."), about
            assert row.finished_at is not None, about
        if row.state == "dead":
            assert row.reason, about
        held = row.next_attempt_at is not None and row.next_attempt_at > now()
        if row.state == "pending" and held:
            assert row.explanation, about

    def rows(self) -> list[Delivery]:
        with self.hub.read() as session:
            mine = Delivery.connection_id.in_(self._connections)
            return list(session.scalars(select(Delivery).where(mine)))

    def _quiet(self, at: datetime, zone: ZoneInfo) -> bool:
        start, end = self.hours
        reading = at.astimezone(zone).time()
        if start <= end:
            return start <= reading < end
        return reading >= start or reading < end

    def _client(self) -> Client:
        return self.chance.choice(self.clients)

    def _pair(self) -> tuple[str, str, str]:
        """One of our numbers, one of theirs, and the connection it is about."""
        which = self.chance.randrange(len(SENDERS))
        numbers = [STRANGER, *self._client().contacts.values()]
        return SENDERS[which], self.chance.choice(numbers), self._connections[which]

    @property
    def _connections(self) -> list[str]:
        return self._ids

    def connect(self, server: Server) -> None:
        """Our two numbers."""
        self._ids = [new_id("cnn") for _ in SENDERS]
        with self.hub.write() as session:
            for id, slug, sender in zip(self._ids, self.slugs, SENDERS, strict=True):
                settings = {"api_base_url": server.url, "from_number": sender}
                row = Connection(id=id, plugin="phone", slug=slug, settings=settings)
                row.state = "active"
                session.add(row)

    def populate(self, count: int) -> None:
        """Clients in different places; two of one place share a person."""
        zones = [ZoneInfo(name) for name in self.chance.sample(ZONES, count - 1)]
        shared = a_number()
        for zone in (*zones, zones[0]):
            own = {"name": zone.key, "currency": "EUR", "time_zone": zone.key}
            with self.hub.write() as session:
                made = companies.create(
                    session, own | {"sms_notifications_enabled": True}
                )
                numbers = [a_number(), shared if zone is zones[0] else a_number()]
                people = {
                    companies.add_contact(
                        session, made.id, {"name": "Kim", "phone": number}
                    ).id: number
                    for number in self.chance.sample(numbers, 2)
                }
            client = Client(made.id, zone, True, people, set())
            self.clients.append(client)
            for contact in people:
                self._consent(client, contact, True)
        for _ in range(2 * count):
            self.new_invoice()
        for client in self.clients:
            while not client.invoices:
                self.new_invoice()


REASONS = {
    *("policy", "opt-out", "daily cap", "stale", "no address", "no consent"),
}


@contextmanager
def world(hub: Hub, server: Server, seed: int) -> Iterator[World]:
    """A world on an empty database, some day before the clocks change."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    start = datetime.fromisoformat(STARTS[seed % len(STARTS)]).replace(tzinfo=UTC)
    quiet_from, quiet_until = chance.choice(HOURS)
    with time_machine.travel(start, tick=True) as traveller:
        made = World(
            hubs=[_worker(hub) for _ in range(3)],
            network=Network(server, random.Random(seed)),  # noqa: S311
            chance=chance,
            traveller=traveller,
            hours=(time.fromisoformat(quiet_from), time.fromisoformat(quiet_until)),
            slugs=[f"phone-{seed}-{number}" for number in range(len(SENDERS))],
            clients=[],
            threads=not hub.database.sqlite,
        )
        with made.hub.write() as session:
            session.merge(PluginSwitch(name="phone", enabled=True))
            rules.set_policy(session, quiet_from=quiet_from, quiet_until=quiet_until)
        made.connect(server)
        made.populate(3)
        made.network.judge = made.judge
        yield made
        with made.hub.write() as session:  # the next story begins anew
            session.execute(update(Connection).values(state="disabled"))
            session.execute(update(Company).values(sms_notifications_enabled=False))
            session.execute(update(Invoice).values(state="void"))


def _worker(hub: Hub) -> Hub:
    """The same hub as another process would have it, with the toy phone."""
    phone = Plugin(name="phone", provider=PHONE, hooks=_HOOKS)
    return Hub(
        settings=replace(hub.settings),
        database=hub.database,
        plugins=Plugins([phone]),
        bell=hub.bell,
        keys=hub.keys,
    )


_numbers = iter(range(10_000_000, 99_999_999))


def a_number() -> str:
    return f"+4930{next(_numbers)}"


def _next_time(zone: ZoneInfo, reading: time) -> datetime:
    """When a clock there shows this next."""
    local = now().astimezone(zone)
    then = local.replace(
        hour=reading.hour, minute=reading.minute, second=0, microsecond=0
    )
    while then.astimezone(UTC) <= now() + timedelta(minutes=6):
        then += timedelta(days=1)
    return then.astimezone(UTC)
