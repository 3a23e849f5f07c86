"""A stage for deliveries: plugins that do as they are told, connections, events."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from sqlalchemy import select

from hub.boot import Hub
from hub.core import deliver
from hub.core.models import (
    Attempt,
    Connection,
    Delivery,
    Event,
    Outage,
    PluginSwitch,
    new_id,
)
from hub.hookspecs import hookimpl
from hub.plugins import Plugins, check
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.events import Event as SdkEvent
from hub.sdk.events import Message
from hub.sdk.provider import Budget, Provider, SettingsSchema

Act = Callable[[SdkEvent, Context], object]
HOST = "api.example.com"


class Actor:
    """A plugin that notes what it hears and does what `acts` say, one each time.

    `options` go into its Provider. `after` is what it does when `acts` are used up.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self.options = options
        self.heard: list[str] = []
        self.keys: list[str] = []
        self.acts: list[Act] = []
        self.after: Act = lambda event, ctx: None
        self._lock = Lock()

    @hookimpl
    def describe_provider(self) -> Provider:
        options = {"budget": Budget(per_second=1000, concurrency=8), **self.options}
        return Provider(
            name=self.name,
            title=self.name.title(),
            category="notify",
            summary="For tests.",
            settings=SettingsSchema,
            hosts=(HOST,),
            **options,
        )

    @hookimpl
    def on_payment_received(self, event: SdkEvent, ctx: Context) -> None:
        self._act(event, ctx)

    @hookimpl
    def on_invoice_created(self, event: SdkEvent, ctx: Context) -> None:
        self._act(event, ctx)

    @hookimpl
    def on_connection_failing(self, event: SdkEvent, ctx: Context) -> None:
        self._act(event, ctx)

    def _act(self, event: SdkEvent, ctx: Context) -> None:
        with self._lock:
            self.heard.append(event.data.get("name", event.type))
            self.keys.append(ctx.idempotency_key())
            act = self.acts.pop(0) if self.acts else self.after
        act(event, ctx)


class Looker(Actor):
    """One that can look for what was made."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self.made: dict[str, str] = {}
        self.looked: list[str] = []

    @hookimpl
    def find_made(self, reference: str, ctx: Context) -> str | None:
        self.looked.append(reference)
        return self.made.get(reference)


class Speaker(Actor):
    """One that can send messages too."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self.said: list[Message] = []

    @hookimpl
    def send_message(self, message: Message, ctx: Context) -> str | None:
        self.said.append(message)
        return f"msg-{len(self.said)}"


def failing(error: BaseException) -> Act:
    """An act that raises."""

    def act(event: SdkEvent, ctx: Context) -> None:
        raise error

    return act


def posting(event: SdkEvent, ctx: Context) -> None:
    """An act that calls the provider."""
    ctx.http.post(f"https://{HOST}/things", json={"name": event.data["name"]})


class Stage:
    """Puts plugins, connections and events into a hub, and reads what came of it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._names = itertools.count(1)
        self._ids = itertools.count(1)

    def cast(self, *actors: Actor) -> None:
        """Install and enable these plugins."""
        self.hub.plugins = Plugins([check(each.name, each) for each in actors])
        with self.hub.write() as session:
            for each in actors:
                session.merge(PluginSwitch(name=each.name, enabled=True))

    def connect(self, plugin: str, slug: str = "", **columns: Any) -> str:
        """Add a connection; returns its id."""
        id = new_id("cnn")
        values = {"state": "active", **columns}
        with self.hub.write() as session:
            session.add(Connection(id=id, plugin=plugin, slug=slug or plugin, **values))
        return id

    def deliver(
        self,
        connection_id: str,
        name: str = "",
        *,
        subject: str = "",
        type: str = "payment.received",
        **columns: Any,
    ) -> str:
        """Add an event with one delivery of it; returns the delivery's id."""
        number = next(self._names)
        name = name or f"event {number}"
        subject = subject or f"payment:pay_{number}"
        born = columns.pop("born", now())
        with self.hub.write() as session:
            event = Event(
                type=type,
                subject=subject,
                key=new_id("key"),
                data={"name": name},
                url="http://localhost/",
                occurred_at=born,
                created_at=born,
            )
            session.add(event)
            session.flush()
            delivery = Delivery(
                **{
                    "id": new_id("dlv"),
                    "event_id": event.id,
                    "connection_id": connection_id,
                    "hook": "on_" + type.replace(".", "_"),
                    "subject": subject,
                    "position": event.id,
                    "state": "pending",
                    "next_attempt_at": born,
                    "created_at": born,
                    **columns,
                }
            )
            session.add(delivery)
        return delivery.id

    def run(self, **options: Any) -> int:
        """Deliver what can be delivered now, and wait for the results."""
        return deliver.drain_all(self.hub, **options)

    def delivery(self, id: str) -> Delivery:
        with self.hub.read() as session:
            return session.get_one(Delivery, id)

    def states(self) -> Mapping[str, int]:
        with self.hub.read() as session:
            return Counter(session.scalars(select(Delivery.state)))

    def attempts(self, id: str) -> list[Attempt]:
        with self.hub.read() as session:
            found = select(Attempt).where(Attempt.delivery_id == id)
            return list(session.scalars(found.order_by(Attempt.number)))

    def outages(self) -> list[Outage]:
        with self.hub.read() as session:
            return list(session.scalars(select(Outage).order_by(Outage.started_at)))

    def connection(self, id: str) -> Connection:
        with self.hub.read() as session:
            return session.get_one(Connection, id)

    def change(self, model: type[Any], id: str, **values: Any) -> None:
        """Change a row behind everybody's back."""
        with self.hub.write() as session:
            row = session.get_one(model, id)
            for name, value in values.items():
                setattr(row, name, value)

    def events(self, type: str) -> list[Event]:
        with self.hub.read() as session:
            found = select(Event).where(Event.type == type).order_by(Event.id)
            return list(session.scalars(found))
