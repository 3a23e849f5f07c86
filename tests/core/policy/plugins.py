"""Plugins of each reach: a chat, a phone and a mailer that note what they are told."""

from typing import Any

from sqlalchemy import select

from hub.boot import Hub
from hub.core.ledger import companies
from hub.core.models import Connection, Delivery, Event, PluginSwitch
from hub.hookspecs import EVENT_HOOKS
from hub.plugins import Plugin, Plugins
from hub.sdk.events import Message
from hub.sdk.provider import Budget, Provider, SettingsSchema
from tests.parts.hub import connect


class Telling:
    """What the plugins of one hub were told: (plugin, target, event type or text)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    def plugin(self, name: str, *hooks: str, **options: Any) -> Plugin:
        """A plugin with `send_message` and these hooks; `options` of its provider."""
        provider = Provider(
            name=name,
            title=name.title(),
            category="notify",
            summary="For tests.",
            settings=SettingsSchema,
            budget=Budget(per_second=1000, concurrency=8),
            **options,
        )

        def hear(event, ctx) -> None:
            self.said.append((name, ctx.target, event.type))

        def send(message: Message, ctx) -> str:
            self.said.append((name, message.to or "", message.text))
            return f"msg-{len(self.said)}"

        told: dict[str, Any] = dict.fromkeys(hooks, hear)
        told |= {"describe_provider": lambda: provider, "send_message": send}
        return Plugin(name=name, provider=provider, hooks=told)


def cast(hub: Hub, **options: dict[str, Any]) -> Telling:
    """Install and enable `chat`, `phone` and `mail` beside `till` and `ears`; more
    options of their providers by name."""
    telling = Telling()
    chat = {"summarises": True, **options.get("chat", {})}
    phone = {"reach": "phone", **options.get("phone", {})}
    mail = {"reach": "email", **options.get("mail", {})}
    plugins = [
        telling.plugin("chat", *EVENT_HOOKS, **chat),
        telling.plugin("phone", **phone),
        telling.plugin("mail", **mail),
    ]
    names = {each.name for each in plugins}
    others = [each for each in hub.plugins.all() if each.name not in names]
    hub.plugins = Plugins([*others, *plugins])
    with hub.write() as session:
        for each in plugins:
            session.merge(PluginSwitch(name=each.name, enabled=True))
    return telling


def connected(hub: Hub, *plugins: str) -> list[Connection]:
    """A connection of each of these."""
    return [connect(hub, plugin) for plugin in plugins]


def add_contact(
    hub: Hub, company_id: str, *agreed: str, name: str = "Kim", **values: Any
) -> str:
    """Add a contact who agreed to these channels (sms, email); returns its id."""
    with hub.write() as session:
        contact = companies.add_contact(session, company_id, {"name": name, **values})
    for channel in agreed:
        consent(hub, contact.id, channel)
    return contact.id


def consent(hub: Hub, contact_id: str, channel: str, given: bool = True) -> None:
    with hub.write() as session:
        values = {"channel": channel, "given": given}
        companies.set_consent(session, contact_id, values)


def rows(hub: Hub, type: str) -> list[Delivery]:
    """All deliveries of events of this type, in their order."""
    with hub.read() as session:
        return list(
            session.scalars(
                select(Delivery)
                .join(Event, Event.id == Delivery.event_id)
                .where(Event.type == type)
                .order_by(Delivery.id)
            )
        )
