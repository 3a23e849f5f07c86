"""May this message to a person go now? Asked at the claim, in its transaction.

What was planned when the event was published may be hours old: since then a client
may have paid, written STOP, changed the number, or gone to bed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core.models import AddressBlock, Company, Delivery, Event, Invoice, User
from hub.core.policy import blocks, caps, kinds, preferences, quiet, recipients, rules
from hub.core.policy.recipients import Client, Reached
from hub.core.policy.verdict import Verdict, Wait
from hub.sdk.errors import InvalidError, PluginError
from hub.sdk.provider import Provider

SEND = "send_message"
_UNPAID = ("open", "partially_paid")
_AGREED = {"phone": "sms", "email": "email"}


Answer = Verdict | Wait | None


def skipped(reason: str, explanation: str) -> Verdict:
    """Never to be sent, for this reason."""
    return Verdict("skipped", reason, explanation)


class Channel(Protocol):
    """What of a live connection matters here."""

    @property
    def id(self) -> str: ...
    @property
    def provider(self) -> Provider | None: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...


@dataclass
class Screen:
    """Some messages of one connection that were claimed together. What they need is
    read once for all of them."""

    session: Session
    hub: Hub
    connection: Channel
    taken: Sequence[Delivery]
    at: datetime

    def of(self, delivery: Delivery, event: Event | None) -> Answer:
        """None if it may go now, with its text written and its day taken."""
        if self._reach == "channel" or delivery.hook != SEND:
            return None
        return (
            self._blocked(delivery)
            or self._unwanted(delivery)
            or self._gone(delivery)
            or self._settled(delivery, event)
            or self._quiet(delivery)
            or self._midnight(delivery)
            or self._capped(delivery)
            or self._write(delivery, event)
        )

    def slept(self, delivery: Delivery, since: datetime) -> timedelta:
        """For how long since then it had to wait for somebody's night to end."""
        found = self._hours(delivery)
        return quiet.spent(since, self.at, *found[:2]) if found else timedelta()

    @property
    def _reach(self) -> str:
        provider = self.connection.provider
        return provider.reach if provider is not None else "channel"

    @property
    def sender(self) -> str:
        """The sender these go out from."""
        provider = self.connection.provider
        if provider is None:
            return ""
        return blocks.sender_of(provider, self.connection.settings)

    def _blocked(self, delivery: Delivery) -> Answer:
        known = self._blocks.get(blocks.fold(delivery.target))
        if known is None:
            return None
        reason = "opt-out" if known.kind == blocks.OPT_OUT else "no address"
        said = f"Not sent to {delivery.target}: {blocks.words(known)}."
        return skipped(reason, said)

    def _unwanted(self, delivery: Delivery) -> Answer:
        """Consent as it is now, and the address as it is now."""
        if delivery.audience != "contact":
            return None
        client, contact = self._client(delivery), self._contact(delivery)
        if client is None or contact is None:
            return skipped("no address", "Not sent: the contact was removed.")
        to = f"Not sent to {delivery.target}: "
        if self._reach == "phone" and not client.texts:
            said = f"{to}texts to {client.name} are switched off."
            return skipped("policy", said)
        if _AGREED[self._reach] not in contact.agreed:
            return skipped("no consent", f"{to}the contact has not agreed to it.")
        address = contact.phone if self._reach == "phone" else contact.email
        if address.lower() != delivery.target.lower():
            return skipped("no address", f"{to}the contact has another address now.")
        return None

    def _gone(self, delivery: Delivery) -> Answer:
        """Nobody is told of clients after they left."""
        if delivery.audience != "staff":
            return None
        user = self._users.get(delivery.user_id or "")
        if user is not None and user.active:
            return None
        said = f"Not sent to {delivery.target}: their account is switched off."
        return skipped("policy", said)

    def _settled(self, delivery: Delivery, event: Event | None) -> Answer:
        """Nobody is reminded of what is paid."""
        if delivery.kind != "invoice.overdue" or delivery.audience != "contact":
            return None
        invoice = self._invoices.get(_invoice_id(delivery, event))
        if invoice is None or invoice.state in _UNPAID:
            return None
        word = "cancelled" if invoice.state == "void" else "paid"
        return skipped("stale", f"Not sent: {invoice.number} was {word} meanwhile.")

    def _quiet(self, delivery: Delivery) -> Answer:
        found = self._hours(delivery)
        if found is None:
            return None
        zone, hours, whose = found
        until = quiet.end(self.at, zone, hours)
        if until is None:
            return None
        local = f"{until.astimezone(zone):%H:%M}"
        return Wait(until, f"Waits for {local} ({whose}): these are quiet hours.")

    def _hours(self, delivery: Delivery) -> tuple[ZoneInfo, quiet.Hours, str] | None:
        if delivery.audience == "staff":
            return self._staff_hours(delivery)
        if delivery.audience != "contact" or self._reach != "phone":
            return None
        hours = quiet.Hours(self._policy.quiet_from, self._policy.quiet_until)
        return self._zone(delivery), hours, "the client's time"

    def _staff_hours(
        self, delivery: Delivery
    ) -> tuple[ZoneInfo, quiet.Hours, str] | None:
        user = self._users.get(delivery.user_id or "")
        if user is None or delivery.kind in kinds.CRITICAL:
            return None
        chosen = preferences.of(user)
        if chosen.quiet_from is None or chosen.quiet_until is None:
            return None
        zone = _zone(chosen.time_zone) or self.hub.settings.time_zone
        return zone, quiet.Hours(chosen.quiet_from, chosen.quiet_until), "their time"

    def _midnight(self, delivery: Delivery) -> Answer:
        if not self._is_capped(delivery):
            return None
        until = quiet.midnight(self.at, self._zone(delivery))
        said = (
            "Waits for midnight (the client's time): it counts for the day it leaves."
        )
        return Wait(until, said) if until else None

    def _is_capped(self, delivery: Delivery) -> bool:
        return self._reach == "phone" and delivery.audience == "contact"

    def _capped(self, delivery: Delivery) -> Answer:
        if not self._is_capped(delivery):
            return None
        if self._days.take(delivery.id) is None:
            self._days.write()
            return None
        client = self._client(delivery)
        name = client.name if client else "The client"
        said = f"Not sent to {delivery.target}: {name} had a text on that day already."
        return skipped("daily cap", said)

    def _write(self, delivery: Delivery, event: Event | None) -> Answer:
        """The text, written once: a retry says the same."""
        if delivery.message is not None:
            return None
        from hub.core.policy.rendering import render

        try:
            delivery.message = dict(render(self.session, delivery, event))
        except (InvalidError, PluginError) as error:
            if self._is_capped(delivery) and delivery.sent_at is None:
                self._days.give_up(delivery.id)
            return Verdict("dead", str(error))
        return None

    def _zone(self, delivery: Delivery) -> ZoneInfo:
        company = self._companies.get(delivery.company_id or "")
        own = _zone(company.time_zone or "") if company else None
        return own or self.hub.settings.time_zone

    def _client(self, delivery: Delivery) -> Client | None:
        return self._clients.get(delivery.company_id or "")

    def _contact(self, delivery: Delivery) -> Reached | None:
        client = self._client(delivery)
        found = client.contacts if client else ()
        return next((each for each in found if each.id == delivery.contact_id), None)

    @cached_property
    def _days(self) -> caps.Days:
        wants = {
            each.id: caps.Want(
                (f"company:{each.company_id}", f"phone:{each.target}"),
                quiet.local_day(self.at, self._zone(each)),
            )
            for each in self.taken
            if self._is_capped(each)
        }
        return caps.Days(self.session, wants)

    @cached_property
    def _policy(self) -> rules.Policy:
        return rules.policy(self.session)

    @cached_property
    def _blocks(self) -> Mapping[str, AddressBlock]:
        targets = {each.target for each in self.taken}
        return blocks.among(self.session, self.connection.id, self.sender, targets)

    @cached_property
    def _clients(self) -> Mapping[str, Client]:
        ids = {each.company_id for each in self.taken if each.company_id}
        return recipients.clients(self.session, ids)

    @cached_property
    def _companies(self) -> Mapping[str, Company]:
        ids = {each.company_id for each in self.taken if each.company_id}
        found = self.session.scalars(select(Company).where(Company.id.in_(ids)))
        return {each.id: each for each in found}

    @cached_property
    def _users(self) -> Mapping[str, User]:
        ids = {each.user_id for each in self.taken if each.user_id}
        found = self.session.scalars(select(User).where(User.id.in_(ids)))
        return {each.id: each for each in found}

    @cached_property
    def _invoices(self) -> Mapping[str, Invoice]:
        ids = {each.subject.partition(":")[2] for each in self.taken}
        found = self.session.scalars(select(Invoice).where(Invoice.id.in_(ids)))
        return {each.id: each for each in found}


def _invoice_id(delivery: Delivery, event: Event | None) -> str:
    subject = event.subject if event is not None else delivery.subject
    return subject.partition(":")[2]


def _zone(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name else None
