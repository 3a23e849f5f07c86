"""Who is told what, my notifications, a message in own words, and what became of each:
what people see and decide there."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from hub.core import process
from hub.core.configuration.live import live
from hub.core.ledger import companies, invoices
from hub.core.models import (
    AddressBlock,
    Connection,
    Delivery,
    Digest,
    Notification,
    SendingRule,
    SentMessage,
    User,
    new_id,
)
from hub.core.policy import preferences, rules
from hub.sdk.clock import now
from hub.sdk.facts import MessageReceived
from hub.sdk.webhooks import Heard
from tests.core.policy.plugins import cast, connected
from tests.parts.bank import Bank, body_of, event
from tests.web.conftest import CANARY, Browse, Browser, Things

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
NUMBER = "+4930123456"
ADMINS_ONLY = (
    *("/settings/sending", "/settings/sending/phone", "/settings/sending/chat"),
    "/settings/connections/phone/message",
)


@pytest.fixture
def reached(bank: Bank, things: Things) -> dict[str, Connection]:
    """Connections to a chat, phones and mailboxes; by plugin."""
    cast(bank.hub, chat={"channel_help": "Such as #money."})
    chat, phone, mail = connected(bank.hub, "chat", "phone", "mail")
    return {"chat": chat, "phone": phone, "mail": mail}


def tell(bank: Bank, connection: Connection, **values: Any) -> str:
    """A delivery to a client's contact; returns its id."""
    row = Delivery(
        **{
            "id": new_id("dlv"),
            "connection_id": connection.id,
            "hook": "send_message",
            "target": NUMBER,
            "kind": "invoice.overdue",
            "audience": "contact",
            "created_at": now(),
            "state": "skipped",
            **values,
        }
    )
    with bank.hub.write() as session:
        session.add(row)
    return row.id


def about(things: Things, **values: Any) -> dict[str, Any]:
    subject = f"invoice:{things.invoice}"
    return {"subject": subject, "company_id": things.company, **values}


def test_what_was_not_sent_and_why_is_said_wherever_people_look(
    admin: Browser, bank: Bank, things: Things, reached: dict[str, Connection]
) -> None:
    """ "not sent to +44…: opted out on 3 March" (the sending policy)."""
    why = f"Not sent to {NUMBER}: opted out on 3 March 2026. {CANARY}"
    id = tell(
        bank,
        reached["phone"],
        **about(things, event_id=things.event, contact_id=things.contact),
        reason="opt-out",
        explanation=why,
    )

    for url in (
        f"/events/{things.event}",
        f"/deliveries/{id}",
        f"/invoices/{things.invoice}",
        f"/companies/{things.company}",
    ):
        text = admin.get(url).text
        assert f"Not sent to {NUMBER}: opted out on 3 March 2026." in text, url
        assert CANARY not in text, url


def test_a_text_that_waits_says_for_what(
    admin: Browser, bank: Bank, things: Things, reached: dict[str, Connection]
) -> None:
    id = tell(
        bank,
        reached["phone"],
        **about(things, state="pending", next_attempt_at=now() + timedelta(hours=9)),
        explanation="Waits for 08:00 at the client's (quiet hours).",
    )

    text = admin.get(f"/deliveries/{id}").text

    assert "Waits for 08:00 at the client&#39;s (quiet hours)." in text
    assert "Goes out" in text


def test_what_a_digest_told_leads_to_it_and_back(
    admin: Browser, bank: Bank, things: Things, reached: dict[str, Connection]
) -> None:
    chat = reached["chat"]
    summary = tell(
        bank, chat, subject="digest:1", audience="channel", target="", state="delivered"
    )
    due = datetime(2026, 3, 3, 14, tzinfo=UTC)
    digest = Digest(
        id=new_id("dig"),
        connection_id=chat.id,
        target="",
        event_type="payment.received",
        due_at=due,
        closed_at=due,
        delivery_id=summary,
    )
    with bank.hub.write() as session:
        session.add(digest)
    item = tell(
        bank,
        chat,
        event_id=things.event,
        subject="payment:1",
        audience="channel",
        hook="on_payment_received",
        target="",
        kind="",
        reason="digest",
        digest_id=digest.id,
    )

    event = admin.get(f"/events/{things.event}").text
    whole = admin.get(f"/deliveries/{summary}").text

    assert "In a digest" in event
    assert f'href="/deliveries/{summary}">digest of ' in event
    assert "Told in this digest" in whole
    assert f"/deliveries/{item}" in whole


def test_what_became_of_a_text_at_the_phone_is_shown(
    admin: Browser, bank: Bank, things: Things, reached: dict[str, Connection]
) -> None:
    phone = reached["phone"]
    id = tell(
        bank,
        phone,
        **about(things, state="delivered", sent_at=now()),
        message={"text": f"Invoice INV-1 is overdue. {CANARY}", "unsubscribe_url": "u"},
    )
    with bank.hub.write() as session:
        session.add(
            SentMessage(
                connection_id=phone.id,
                reference="SM1",
                delivery_id=id,
                state="undelivered",
                error_code="30003",
                error=f"The phone is off. {CANARY}",
                segments=2,
                price=Decimal("0.0150"),
                currency="USD",
                updated_at=now(),
            )
        )

    single = admin.get(f"/deliveries/{id}").text
    invoice = admin.get(f"/invoices/{things.invoice}").text

    for text in (single, invoice):
        assert "The phone is off." in text
        assert "30003" in text
        assert "Invoice INV-1 is overdue." in text
        assert CANARY not in text
    assert "0.0150 USD" in single
    assert "Did not arrive" in invoice


def test_billing_reads_what_clients_were_told_without_links_to_the_road(
    browse: Browse, bank: Bank, things: Things, reached: dict[str, Connection]
) -> None:
    id = tell(bank, reached["phone"], **about(things, reason="daily cap"))
    billing = browse("billing")

    for url in (f"/invoices/{things.invoice}", f"/companies/{things.company}"):
        text = billing.get(url).text
        assert "The client had a text that day already." in text
        assert f"/deliveries/{id}" not in text


def test_only_admins_decide_who_is_told_what(
    browse: Browse, reached: dict[str, Connection]
) -> None:
    billing, admin = browse("billing"), browse("admin")

    assert {200} == {admin.get(url).status_code for url in ADMINS_ONLY}
    assert {403} == {billing.get(url).status_code for url in ADMINS_ONLY}
    assert {403} == {
        billing.post(url, "/preferences", quiet_from="20:00").status_code
        for url in ADMINS_ONLY
    }
    assert 404 == admin.get("/settings/sending/bank").status_code


def test_quiet_hours_are_set_and_wrong_ones_explained(
    admin: Browser, bank: Bank, reached: dict[str, Connection]
) -> None:
    page = "/settings/sending"

    wrong = admin.post(page, quiet_from="late", quiet_until="08:00")
    admin.post(page, quiet_from="21:30", quiet_until="07:00")

    assert 422 == wrong.status_code
    assert "Write a time of day as HH:MM" in wrong.text
    with bank.hub.read() as session:
        policy = rules.policy(session)
    assert ("21:30", "07:00") == (
        f"{policy.quiet_from:%H:%M}",
        f"{policy.quiet_until:%H:%M}",
    )
    assert 'value="21:30"' in admin.get(page).text


def test_a_channel_is_told_by_the_day_in_other_channels_or_not_at_all(
    admin: Browser, bank: Bank, reached: dict[str, Connection]
) -> None:
    page = "/settings/sending/chat"

    answer = admin.post(
        page,
        **{
            "when:invoice.overdue:channel": "daily",
            "targets:invoice.overdue:channel": "#money, #sales,",
            "when:invoice.created:channel": "off",
            "when:payment.received:channel": "now",
        },
    )

    assert 302 == answer.status_code
    with bank.hub.read() as session:
        found = session.scalars(
            select(SendingRule).order_by(SendingRule.event_type)
        ).all()
    assert [
        ("invoice.created", "off", []),
        ("invoice.overdue", "daily", ["#money", "#sales"]),
    ] == [(row.event_type, row.when, row.targets) for row in found]
    shown = admin.get(page).text
    assert 'value="#money, #sales"' in shown
    assert "Always shown in the hub" in shown


def test_what_was_unticked_is_shown_as_off_and_can_be_wanted_again(
    admin: Browser, bank: Bank, reached: dict[str, Connection]
) -> None:
    with bank.hub.write() as session:
        row = session.get_one(Connection, reached["mail"].id)
        row.hooks_off = ["on_invoice_overdue", "on_invoice_sent"]
    live(bank.hub).refresh()
    name = "when:invoice.overdue"

    admin.post(
        "/settings/sending/mail",
        **{f"{name}:contact": "now", f"{name}:staff": "off"},
    )

    mail = live(bank.hub).by_slug("mail", fresh=True)
    assert {"on_invoice_sent"} == mail.hooks_off
    with bank.hub.read() as session:
        whens = {
            audience: rules.effective(
                session, mail.id, "invoice.overdue", audience
            ).when
            for audience in ("contact", "staff")
        }
    assert {"contact": "now", "staff": "off"} == whens


def test_a_choice_that_is_not_offered_is_refused_in_words(
    admin: Browser, reached: dict[str, Connection]
) -> None:
    answer = admin.post(
        "/settings/sending/phone", **{"when:invoice.overdue:contact": "hourly"}
    )

    assert 422 == answer.status_code
    assert "when" in answer.text


def test_everybody_chooses_what_they_hear_of(
    browse: Browse, bank: Bank, reached: dict[str, Connection]
) -> None:
    billing = browse("billing")
    shown = billing.get("/preferences").text

    billing.post(
        "/preferences",
        in_app=["payment.received", "invoice.overdue"],
        phone="+49 30 123456",
        quiet_from="22:00",
        quiet_until="06:00",
        time_zone="Europe/Berlin",
        **{
            "when:phone:payment.received": "now",
            "when:mail:payment.received": "daily",
            "when:mail:invoice.overdue": "off",
        },
    )

    mine = of(bank, "billing@example.com")
    assert {"payment.received", "invoice.overdue"}.isdisjoint(mine.muted)
    assert "quote.accepted" in mine.muted
    assert "payment.disputed" not in mine.muted
    assert {
        "phone": {"payment.received": "now"},
        "mail": {"payment.received": "daily"},
    } == mine.channels
    assert ("+4930123456", "Europe/Berlin") == (mine.phone, mine.time_zone)
    assert "Payment disputed or charged back, in the hub: always" in shown
    # Connections are admins' business.
    assert "Connection failing" not in shown


def test_wrong_preferences_are_explained_and_nothing_typed_is_lost(
    admin: Browser, bank: Bank, reached: dict[str, Connection]
) -> None:
    answer = admin.post(
        "/preferences",
        time_zone=f"Mars/{CANARY}",
        phone="12",
        **{"when:phone:payment.received": "now"},
    )

    assert 422 == answer.status_code
    assert "Write a time zone such as Europe/Berlin." in answer.text
    assert "Write a phone number with country code" in answer.text
    assert "Mars/&lt;script&gt;" in answer.text
    assert CANARY not in answer.text
    assert {} == of(bank, "admin@example.com").channels


def test_what_an_admin_ruled_out_cannot_be_chosen(
    admin: Browser, bank: Bank, reached: dict[str, Connection]
) -> None:
    with bank.hub.write() as session:
        rules.set_rule(
            session, reached["phone"].id, "payment.received", "staff", when="off"
        )

    text = admin.get("/preferences").text

    assert "An admin switched this off" in text
    assert 'name="when:phone:payment.received"' not in text
    assert 'name="when:phone:invoice.overdue"' in text


def of(bank: Bank, email: str) -> preferences.Preferences:
    with bank.hub.read() as session:
        return preferences.of(
            session.scalars(select(User).where(User.email == email)).one()
        )


def blocked(bank: Bank, things: Things, connection: Connection, kind: str) -> str:
    with bank.hub.write() as session:
        companies.update_contact(session, things.contact, {"phone": NUMBER})
        block = AddressBlock(
            id=new_id("blk"),
            connection_id=connection.id,
            sender=CANARY,
            address=NUMBER,
            kind=kind,
            how=f"by STOP {CANARY}",
            since=datetime(2026, 3, 3, 9, tzinfo=UTC),
        )
        session.add(block)
    return block.id


def test_an_opt_out_is_shown_and_nobody_here_can_end_it(
    admin: Browser, bank: Bank, things: Things, reached: dict[str, Connection]
) -> None:
    id = blocked(bank, things, reached["phone"], "opt_out")
    page = f"/contacts/{things.contact}"

    text = admin.get(page).text
    admin.post(f"{page}/blocks/{id}/lift")

    assert "3 Mar 2026" in text
    assert "by writing START" in text
    assert f"/blocks/{id}/lift" not in text
    assert CANARY not in text
    with bank.hub.read() as session:
        assert session.get_one(AddressBlock, id).ended_at is None


def test_an_admin_lifts_a_bounce_and_billing_does_not(
    browse: Browse, bank: Bank, things: Things, reached: dict[str, Connection]
) -> None:
    id = blocked(bank, things, reached["phone"], "bounced")
    page = f"/contacts/{things.contact}"
    billing, admin = browse("billing"), browse("admin")

    assert f"/blocks/{id}/lift" not in billing.get(page).text
    assert 403 == billing.post(f"{page}/blocks/{id}/lift").status_code
    assert 404 == admin.post(f"{page}/blocks/nope/lift").status_code
    admin.post(f"{page}/blocks/{id}/lift")

    assert "Over" in admin.get(page).text
    with bank.hub.read() as session:
        assert session.get_one(AddressBlock, id).ended_at is not None


def test_consent_to_e_mail_is_noted_beside_that_to_texts(
    browse: Browse, bank: Bank, things: Things
) -> None:
    billing = browse("billing")
    url = f"/contacts/{things.contact}"

    nothing = billing.post(f"{url}/consent", channel="email", given="yes", how="")
    billing.post(f"{url}/consent", channel="email", given="yes", how="by the order")

    assert 422 == nothing.status_code
    with bank.hub.read() as session:
        assert companies.has_consent(session, things.contact, "email")
    text = billing.get(url).text
    assert "by the order" in text
    assert "to get invoices, reminders and receipts by e-mail" in text


def test_a_message_is_looked_at_once_more_before_it_goes(
    admin: Browser, bank: Bank, things: Things, reached: dict[str, Connection]
) -> None:
    page = "/settings/connections/phone/message"
    said = {"to": NUMBER, "text": f"Hello {CANARY} ☎"}

    nothing = admin.post(page, to="", text=" ")
    wrong = admin.post(page, to="12", text="Hello")
    looked = admin.post(page, **said)
    changed = admin.post(page, **said, change="yes")
    with bank.hub.read() as session:
        before = session.scalars(
            select(Delivery).where(Delivery.hook == "send_message")
        ).all()
    sent = admin.post(page, **said, send="yes")

    assert 422 == nothing.status_code
    assert "Write what it says." in nothing.text
    for text in (looked.text, changed.text):
        assert "Hello &lt;script&gt;" in text
        assert CANARY not in text
    assert "1 part" in looked.text
    assert 422 == wrong.status_code
    assert "Write a phone number with country code" in wrong.text
    assert [] == list(before)
    with bank.hub.read() as session:
        row = session.scalars(
            select(Delivery).where(Delivery.hook == "send_message")
        ).one()
    assert f"/deliveries/{row.id}" == sent.location
    assert NUMBER == row.target
    assert f"Hello {CANARY} ☎" == (row.message or {})["text"]


def test_a_message_sent_by_two_presses_goes_once(
    admin: Browser, bank: Bank, reached: dict[str, Connection]
) -> None:
    """A form that comes twice is one message."""
    page = "/settings/connections/phone/message"
    said = {"to": NUMBER, "text": "Hello"}
    looked = admin.post(page, **said)
    key = looked.text.split('name="key" value="')[1].split('"')[0]

    first = admin.post(page, **said, key=key, send="yes")
    second = admin.post(page, **said, key=key, send="yes")

    with bank.hub.read() as session:
        rows = session.scalars(
            select(Delivery).where(Delivery.hook == "send_message")
        ).all()
    assert [f"/deliveries/{row.id}" for row in rows] == [first.location]
    assert first.location == second.location


def test_a_message_that_would_not_be_sent_says_so_before(
    admin: Browser, bank: Bank, things: Things, reached: dict[str, Connection]
) -> None:
    page = "/settings/connections/phone/message"
    with bank.hub.write() as session:
        companies.update_contact(session, things.contact, {"phone": NUMBER})

    looked = admin.post(page, to="+49 30 123456", text="Hello").text

    assert f"Not sent to {NUMBER}" in looked
    assert 'name="send"' not in looked


def test_a_connection_that_takes_no_messages_has_no_form(
    admin: Browser, bank: Bank, reached: dict[str, Connection]
) -> None:
    assert 404 == admin.get("/settings/connections/bank/message").status_code


def test_an_invoice_leads_to_its_credit_note(
    admin: Browser, bank: Bank, things: Things
) -> None:
    admin.post(f"/invoices/{things.draft}/issue")

    text = admin.get(f"/invoices/{things.draft}").text

    assert f'href="/credit-notes/new?invoice={things.draft}"' in text


def test_these_pages_hold_nothing_inline_and_no_script_of_others(
    admin: Browser, things: Things, reached: dict[str, Connection]
) -> None:
    for url in (*ADMINS_ONLY, "/preferences", "/contacts/{contact}"):
        text = admin.get(url.format(**asdict(things))).text
        for forbidden in (CANARY, " style=", "<style", " onclick=", "hx-on"):
            assert forbidden not in text, (url, forbidden)


def test_without_connections_the_pages_say_what_to_do_next(admin: Browser) -> None:
    assert "Connect a text message service" in admin.get("/preferences").text


@pytest.fixture
def agreed(bank: Bank, things: Things, reached: dict[str, Connection]) -> str:
    """An open invoice of a client whose contact agreed to both; no quiet hours."""
    with bank.hub.write() as session:
        invoice = invoices.issue(session, things.draft)
        companies.update(session, things.company, {"sms_notifications_enabled": True})
        known = {"phone": NUMBER, "email": "kim@example.com"}
        companies.update_contact(session, things.contact, known)
        for channel in ("sms", "email"):
            said = {"channel": channel, "given": True, "how": "by the order"}
            companies.set_consent(session, things.contact, said)
        rules.set_policy(session, quiet_from="00:00", quiet_until="00:00")
    return invoice.id


def asked(bank: Bank, kind: str) -> list[Delivery]:
    """The deliveries of this kind that somebody asked for."""
    by_hand = Delivery.event_id.is_(None), Delivery.kind == kind
    with bank.hub.read() as session:
        return list(session.scalars(select(Delivery).where(*by_hand)))


def test_a_reminder_is_shown_before_it_goes_and_goes_once(
    browse: Browse, bank: Bank, agreed: str
) -> None:
    billing = browse("billing")
    page = f"/invoices/{agreed}/remind"

    shown = billing.get(page).text
    before = asked(bank, "invoice.overdue")
    answers = [billing.post(page, key="once") for _ in range(2)]

    assert [] == before
    for text in (
        NUMBER,
        "kim@example.com",
        "Goes at once",
        "Each part is paid",
        "Send all 2",
    ):
        assert text in shown
    assert CANARY not in shown
    assert {f"/invoices/{agreed}#told"} == {each.location for each in answers}
    assert [NUMBER, "kim@example.com"] == sorted(
        row.target for row in asked(bank, "invoice.overdue")
    )
    told = billing.get(f"/invoices/{agreed}").text
    assert NUMBER in told
    assert f'href="{page}"' in told


def test_a_reminder_that_nobody_would_get_says_why(
    admin: Browser, bank: Bank, things: Things, agreed: str
) -> None:
    with bank.hub.write() as session:
        for channel in ("sms", "email"):
            said = {"channel": channel, "given": False, "how": "on the phone"}
            companies.set_consent(session, things.contact, said)

    shown = admin.get(f"/invoices/{agreed}/remind").text

    assert "Nothing would be sent" in shown
    assert "no contact of" in shown
    assert "Send it" not in shown
    assert "Send all" not in shown


def test_a_reminder_in_the_night_says_when_it_goes_out(
    admin: Browser, bank: Bank, agreed: str
) -> None:
    with bank.hub.write() as session:
        at = now()
        around = [f"{at + timedelta(hours=hours):%H:%M}" for hours in (-2, 2)]
        rules.set_policy(session, quiet_from=around[0], quiet_until=around[1])
        zone = {"time_zone": "Etc/UTC"}
        companies.update(session, invoices.get(session, agreed).company_id, zone)

    shown = admin.get(f"/invoices/{agreed}/remind").text

    assert "Waits for" in shown
    assert "It goes out" in shown


def test_a_statement_goes_by_e_mail_to_who_agreed(
    admin: Browser, bank: Bank, things: Things, agreed: str
) -> None:
    page = f"/companies/{things.company}/statement"

    shown = admin.get(page).text
    admin.post(page, key="once")

    assert "kim@example.com" in shown
    assert NUMBER not in shown
    assert ["kim@example.com"] == [row.target for row in asked(bank, "statement")]
    assert f'href="{page}"' in admin.get(f"/companies/{things.company}").text


def test_nobody_is_reminded_of_what_is_paid(
    admin: Browser, bank: Bank, things: Things, agreed: str
) -> None:
    for answer in (
        admin.get(f"/invoices/{things.invoice}/remind"),
        admin.post(f"/invoices/{things.invoice}/remind", key="k"),
    ):
        assert f"/invoices/{things.invoice}" == answer.location

    assert "nothing is owed" in admin.get(f"/invoices/{things.invoice}").text
    assert [] == asked(bank, "invoice.overdue")


def test_these_forms_need_their_token(
    admin: Browser, things: Things, agreed: str
) -> None:
    for url in (
        *("/settings/sending", "/settings/sending/chat", "/preferences"),
        *(f"/invoices/{agreed}/remind", f"/companies/{things.company}/statement"),
        f"/contacts/{things.contact}/blocks/nope/lift",
        "/settings/connections/phone/message",
    ):
        assert 400 == admin.client.post(url).status_code, url


def test_an_inbound_text_leads_to_its_company(
    admin: Browser, bank: Bank, things: Things, agreed: str
) -> None:
    text = MessageReceived(
        id="text",
        as_of=now(),
        address=NUMBER,
        sender="+15550100",
        text=f"When do you come? {CANARY}",
    )
    told = Heard(event_id="e9", event_type="text", facts=(text,))
    bank.plugin.results = lambda webhook, ctx: (told,)
    bank.post(body_of("w9", event("e9")))
    process.drain_all(bank.hub)
    with bank.hub.read() as session:
        wanted = Notification.type == "message.received"
        row = session.scalars(select(Notification).where(wanted)).first()
    assert row is not None

    shown = admin.get("/notifications").text
    answer = admin.get(f"/notifications/{row.id}")

    assert "When do you come?" in shown
    assert CANARY not in shown
    assert f"/companies/{things.company}" == answer.location
