"""What is asked again at the claim of a message to a person, and what a refusal of
the provider leaves behind."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from hub.boot import Hub
from hub.core import deliver, messages
from hub.core.deliveries import outages
from hub.core.ledger import companies
from hub.core.models import (
    AddressBlock,
    Company,
    Connection,
    DailySend,
    Delivery,
    Event,
    Invoice,
)
from hub.core.policy import asking, blocks
from hub.plugins import Plugin, Plugins
from hub.sdk.clock import now
from hub.sdk.errors import GoneError, InvalidError, RateLimitError, RecipientError
from hub.sdk.events import Message
from tests.core.policy.plugins import add_contact, cast, connected, consent
from tests.parts.ledger import add_company, add_invoice

NUMBER, ME = "+4930123456", "user:usr_1"
MORNING = datetime(2026, 6, 1, 9, tzinfo=UTC)
NIGHT = datetime(2026, 6, 1, 21, tzinfo=UTC)


class Clinic:
    """A client with a contact who agreed to texts, and an open invoice."""

    def __init__(self, hub: Hub, traveller: time_machine.Traveller) -> None:
        self.time = traveller
        self.hub = hub
        self.telling = cast(hub, phone={"max_age": {"*": timedelta(hours=2)}})
        (self.phone,) = connected(hub, "phone")
        self.company = add_company(hub, "Acme Clinic")
        self.change(sms_notifications_enabled=True, time_zone="UTC")
        self.contact = add_contact(hub, self.company.id, "sms", phone=NUMBER)
        self.invoice = add_invoice(hub, company=self.company)

    def change(self, **values: object) -> None:
        with self.hub.write() as session:
            companies.update(session, self.company.id, values)

    def remind(self, key: str = "") -> list[str]:
        with self.hub.write() as session:
            made = asking.remind(session, self.invoice.id, ME, key=key)
            return [each.id for each in made]

    def write(self, text: str = "Hello", to: str = NUMBER) -> str:
        with self.hub.write() as session:
            return messages.send(session, "phone", Message(text=text, to=to), ME).id

    def run(self) -> None:
        deliver.drain_all(self.hub, size=4)

    def of(self, id: str) -> Delivery:
        with self.hub.read() as session:
            return session.get_one(Delivery, id)

    def why(self, id: str) -> tuple[str, str]:
        row = self.of(id)
        assert "skipped" == row.state
        assert row.finished_at is not None
        return row.reason, row.explanation

    @property
    def texts(self) -> list[str]:
        return [to for _, to, _ in self.telling.said]

    def answer(self, error: Exception) -> None:
        """The provider says this from now on."""

        def send(message: Message, ctx: object) -> None:
            raise error

        found = {each.name: each for each in self.hub.plugins.all()}
        known = found["phone"]
        hooks = {**known.hooks, "send_message": send}
        found["phone"] = Plugin(name="phone", provider=known.provider, hooks=hooks)
        self.hub.plugins = Plugins(list(found.values()))


@pytest.fixture
def clinic(hub: Hub):
    with time_machine.travel(MORNING, tick=True) as traveller:
        yield Clinic(hub, traveller)


def test_what_is_in_order_goes(clinic: Clinic) -> None:
    (id,) = clinic.remind()

    clinic.run()

    assert [NUMBER] == clinic.texts
    row = clinic.of(id)
    assert ("delivered", "") == (row.state, row.explanation)
    assert row.message is not None
    assert clinic.invoice.number in row.message["text"]


def test_who_took_consent_back_meanwhile_is_not_texted(clinic: Clinic) -> None:
    id = clinic.write()
    consent(clinic.hub, clinic.contact, "sms", given=False)

    clinic.run()

    assert ("no consent",) == clinic.why(id)[:1]
    assert (
        f"Not sent to {NUMBER}: the contact has not agreed to it." == clinic.why(id)[1]
    )
    assert [] == clinic.texts


def test_texts_switched_off_meanwhile_stay_off(clinic: Clinic) -> None:
    id = clinic.write()
    clinic.change(sms_notifications_enabled=False)

    clinic.run()

    said = f"Not sent to {NUMBER}: texts to Acme Clinic are switched off."
    assert ("policy", said) == clinic.why(id)


def test_who_opted_out_is_not_texted_and_it_says_when(clinic: Clinic) -> None:
    id, strange = clinic.write(), clinic.write(to="+4930999999")
    with clinic.hub.write() as session:
        for to in (NUMBER, "+4930999999"):
            at = datetime(2026, 3, 3, tzinfo=UTC)
            blocks.block(
                session,
                connection_id=clinic.phone.id,
                sender="",
                address=to,
                kind="opt_out",
                how="STOP",
                at=at,
            )
    clinic.run()

    said = f"Not sent to {NUMBER}: opted out on 3 March 2026 by STOP."
    assert ("opt-out", said) == clinic.why(id)
    assert "opt-out" == clinic.why(strange)[0]
    assert [] == clinic.texts


def test_another_number_meanwhile_is_another_address(clinic: Clinic) -> None:
    id = clinic.write()
    with clinic.hub.write() as session:
        companies.update_contact(session, clinic.contact, {"phone": "+4930654321"})

    clinic.run()

    assert "no address" == clinic.why(id)[0]


def test_contact_removed_meanwhile_is_not_texted(clinic: Clinic) -> None:
    id = clinic.write()
    with clinic.hub.write() as session:
        companies.remove_contact(session, clinic.contact)

    clinic.run()

    assert ("no address", "Not sent: the contact was removed.") == clinic.why(id)


def test_nobody_is_reminded_of_what_was_paid_meanwhile(clinic: Clinic) -> None:
    (id,) = clinic.remind()
    with clinic.hub.write() as session:
        session.execute(update(Invoice).values(state="paid"))

    clinic.run()

    said = f"Not sent: {clinic.invoice.number} was paid meanwhile."
    assert ("stale", said) == clinic.why(id)


def test_second_text_of_a_day_is_not_sent(clinic: Clinic) -> None:
    first, second = clinic.write(), clinic.write()

    clinic.run()

    said = f"Not sent to {NUMBER}: Acme Clinic had a text on that day already."
    assert ("daily cap", said) == clinic.why(second)
    assert "delivered" == clinic.of(first).state
    assert [NUMBER] == clinic.texts


def test_one_text_a_day_by_all_connections_together(clinic: Clinic) -> None:
    with clinic.hub.write() as session:
        session.add(Connection(plugin="phone", slug="phone-2", state="active"))

    ids = clinic.remind()
    clinic.run()

    assert 2 == len(ids)
    assert ["delivered", "skipped"] == sorted(clinic.of(id).state for id in ids)
    assert [NUMBER] == clinic.texts


def test_at_night_it_waits_for_the_morning_and_says_so(clinic: Clinic) -> None:
    clinic.time.move_to(NIGHT)
    id = clinic.write()

    clinic.run()

    row = clinic.of(id)
    assert ("pending", 0, None) == (row.state, row.attempts, row.deadline)
    assert datetime(2026, 6, 2, 8, tzinfo=UTC) == row.next_attempt_at
    assert "Waits for 08:00 (the client's time)" in row.explanation
    assert [] == clinic.texts
    clinic.time.move_to(row.next_attempt_at)
    clinic.run()
    assert ("delivered", "") == (clinic.of(id).state, clinic.of(id).explanation)


def test_news_does_not_age_at_night(clinic: Clinic) -> None:
    """ROAD 19: two hours old is too old, but not for having waited for the morning."""
    clinic.time.move_to(NIGHT)
    news = _news(clinic)
    clinic.run()
    clinic.time.move_to(datetime(2026, 6, 2, 8, 5, tzinfo=UTC))

    clinic.run()

    assert "delivered" == clinic.of(news).state


def test_news_ages_by_day(clinic: Clinic) -> None:
    """ROAD 19."""
    news = _news(clinic)
    clinic.time.move_to(MORNING + timedelta(hours=3))

    clinic.run()

    assert "stale" == clinic.why(news)[0]
    assert clinic.why(news)[1].startswith("Not sent: ")


def _news(clinic: Clinic) -> str:
    with clinic.hub.write() as session:
        event = Event(
            type="payment.received",
            subject="payment:pay_1",
            key="k",
            data={"company": {"id": clinic.company.id, "name": "Acme Clinic"}},
            url="http://localhost/",
            occurred_at=now(),
            created_at=now(),
        )
        session.add(event)
        session.flush()
        row = Delivery(
            event_id=event.id,
            connection_id=clinic.phone.id,
            hook="send_message",
            target=NUMBER,
            subject=event.subject,
            audience="contact",
            kind="payment.received",
            company_id=clinic.company.id,
            contact_id=clinic.contact,
            message={"text": "Thank you."},
            state="pending",
            next_attempt_at=now(),
            created_at=now(),
        )
        session.add(row)
    return row.id


def test_what_is_claimed_before_midnight_does_not_leave_after_it(
    clinic: Clinic,
) -> None:
    from hub.core.policy import rules

    with clinic.hub.write() as session:
        rules.set_policy(session, quiet_from="00:00", quiet_until="00:00")
    clinic.time.move_to(datetime(2026, 6, 1, 23, 58, tzinfo=UTC))
    id = clinic.write()

    clinic.run()

    row = clinic.of(id)
    assert datetime(2026, 6, 2, tzinfo=UTC) == row.next_attempt_at
    assert "midnight" in row.explanation
    assert [] == clinic.texts


def test_held_text_is_no_probe(clinic: Clinic) -> None:
    """ROAD 21: it would be taken up again and again until the morning."""
    clinic.answer(RateLimitError("Later.", retry_after=60))
    clinic.time.move_to(datetime(2026, 6, 1, 19, 50, tzinfo=UTC))
    id = clinic.write()
    clinic.run()
    assert "retrying" == clinic.of(id).state

    clinic.time.move_to(NIGHT)
    clinic.run()

    row = clinic.of(id)
    assert ("pending", 1) == (row.state, row.attempts)
    assert row.deadline is not None
    assert row.deadline > NIGHT + timedelta(hours=72)


def test_refusal_of_an_address_blocks_it(clinic: Clinic) -> None:
    clinic.answer(RecipientError("They opted out.", opted_out=True))
    id = clinic.write()

    clinic.run()

    said = f"Not sent to {NUMBER}: They opted out."
    assert ("opt-out", said) == clinic.why(id)
    with clinic.hub.read() as session:
        found = session.scalars(select(AddressBlock)).one()
        state = session.scalars(select(Connection.state)).first()
    assert (NUMBER, "opt_out", "active") == (found.address, found.kind, state)
    again = clinic.write()
    clinic.run()
    assert "opted out on 1 June 2026" in clinic.why(again)[1]


def test_address_that_does_not_exist_is_dead_and_blocked(clinic: Clinic) -> None:
    clinic.answer(RecipientError("No such number.", opted_out=False))
    id = clinic.write()

    clinic.run()

    assert ("dead", "No such number.") == (clinic.of(id).state, clinic.of(id).reason)
    again = clinic.write()
    clinic.run()
    assert "no address" == clinic.why(again)[0]


def test_endpoint_that_is_gone_is_disabled_and_admins_hear(clinic: Clinic) -> None:
    clinic.answer(GoneError("It is gone for good.", status=410))
    first, second = clinic.write(to="+4930777777"), clinic.write(to="+4930888888")

    clinic.run()
    outages.tell(clinic.hub)

    with clinic.hub.read() as session:
        row = session.get_one(Connection, clinic.phone.id)
        told = session.scalars(select(Event.type).order_by(Event.id)).all()
    assert ("disabled", "It is gone for good.") == (row.state, row.problem)
    assert "connection.failing" in told
    states = {clinic.of(first).state, clinic.of(second).state}
    assert states <= {"pending", "retrying"}


def test_template_that_can_not_be_rendered_takes_nobodys_day(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.core.policy import rendering

    def fail(*about: object) -> dict[str, str]:
        raise InvalidError("The text of Invoice overdue can't be written.")

    monkeypatch.setattr(rendering, "render", fail)
    (id,) = clinic.remind()
    free = clinic.write()

    clinic.run()

    assert "dead" == clinic.of(id).state
    assert "can't be written" in clinic.of(id).reason
    assert "delivered" == clinic.of(free).state
    with clinic.hub.read() as session:
        assert {free} == set(session.scalars(select(DailySend.delivery_id)))


def test_text_is_written_once(clinic: Clinic) -> None:
    clinic.answer(RateLimitError("Later.", retry_after=60))
    (id,) = clinic.remind()
    clinic.run()
    said = clinic.of(id).message
    with clinic.hub.write() as session:
        session.execute(update(Company).values(name="Another name"))
        session.execute(update(Connection).values(retry_at=None))
        session.execute(update(Delivery).values(next_attempt_at=now()))

    clinic.run()

    assert 2 == clinic.of(id).attempts
    assert said == clinic.of(id).message
