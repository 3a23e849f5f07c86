"""Who is told of an event, and why others are not: the rows that publish adds."""

from collections.abc import Callable

import pytest
from sqlalchemy import event as hook
from sqlalchemy.orm import Session

from hub.boot import Hub
from hub.core import deliver
from hub.core.models import Company, Connection, Delivery, User
from hub.core.policy import preferences, rules
from hub.core.publish import publish
from hub.plugins import Plugin, Plugins
from tests.core.policy.plugins import add_contact, cast, connected, consent, rows
from tests.parts.hub import connect
from tests.parts.ledger import add_company, add_user, all_of

FAILING = {"connection": "till", "title": "Till", "problem": "It is down."}


def overdue(company: Company | None, number: str = "INV-1") -> dict[str, object]:
    named = {"id": company.id, "name": company.name} if company else None
    return {
        "number": number,
        "open_amount": "100.00",
        "currency": "EUR",
        "days_overdue": 3,
        "company": named,
    }


def tell(
    session: Session,
    company: Company | None,
    key: str = "1",
    type: str = "invoice.overdue",
    **values,
) -> None:
    subject, data = f"invoice:inv_{key}", overdue(company, f"INV-{key}")
    publish(session, type, subject=subject, key=f"{type}:{key}", data=data, **values)


def told(hub: Hub, company: Company | None, type: str = "invoice.overdue", **values):
    """Publish one event and return its deliveries."""
    with hub.write() as session:
        tell(session, company, type=type, **values)
    return rows(hub, type)


def texting(hub: Hub, company: Company, switched_on: bool = True) -> None:
    with hub.write() as session:
        row = session.get_one(Company, company.id)
        row.sms_notifications_enabled = switched_on


def rule(hub: Hub, connection: Connection, type: str, audience: str, when: str, *to):
    with hub.write() as session:
        rules.set_rule(session, connection.id, type, audience, when=when, targets=to)


def choose(hub: Hub, role: str = "admin", number: str = "", **channels) -> str:
    user = add_user(hub, role)
    with hub.write() as session:
        values = {"channels": channels, "phone": number}
        preferences.change(session, user.id, values)
    return user.id


def test_a_text_goes_to_the_first_who_agreed_and_has_a_number(hub: Hub) -> None:
    cast(hub)
    (phone,) = connected(hub, "phone")
    acme = add_company(hub)
    texting(hub, acme)
    add_contact(hub, acme.id, phone="+4930000001")
    add_contact(hub, acme.id, "sms")
    chosen = add_contact(hub, acme.id, "sms", phone="+4930000002")
    add_contact(hub, acme.id, "sms", phone="+4930000003")
    (delivery,) = told(hub, acme)

    assert (
        "pending",
        "send_message",
        "+4930000002",
        chosen,
        acme.id,
        "contact",
        "invoice.overdue",
        "invoice:inv_1",
        phone.id,
    ) == (
        delivery.state,
        delivery.hook,
        delivery.target,
        delivery.contact_id,
        delivery.company_id,
        delivery.audience,
        delivery.kind,
        delivery.subject,
        delivery.connection_id,
    )
    assert delivery.event_id == delivery.position


def test_a_mail_goes_to_each_who_agreed(hub: Hub) -> None:
    """ROAD 15: each has a delivery of their own."""
    cast(hub)
    connected(hub, "mail")
    acme = add_company(hub)
    add_contact(hub, acme.id, "email", email="a@example.com")
    add_contact(hub, acme.id, "sms", email="b@example.com")
    add_contact(hub, acme.id, "email", email="c@example.com")

    assert ["a@example.com", "c@example.com"] == [
        each.target for each in told(hub, acme)
    ]


def off(hub: Hub, acme: Company) -> None:
    texting(hub, acme, switched_on=False)
    add_contact(hub, acme.id, "sms", phone="+4930000001")


def nobody(hub: Hub, acme: Company) -> None:
    texting(hub, acme)


def withdrawn(hub: Hub, acme: Company) -> None:
    texting(hub, acme)
    contact = add_contact(hub, acme.id, "sms", phone="+4930000001")
    consent(hub, contact, "sms", given=False)


def numberless(hub: Hub, acme: Company) -> None:
    texting(hub, acme)
    add_contact(hub, acme.id, "sms")
    add_contact(hub, acme.id, "sms")


@pytest.mark.parametrize(
    ("arrange", "reason", "explanation"),
    [
        (off, "policy", "Not sent: texts to Acme are switched off."),
        (
            nobody,
            "no consent",
            "Not sent: no contact of Acme agreed to be told by text message.",
        ),
        (
            withdrawn,
            "no consent",
            "Not sent: no contact of Acme agreed to be told by text message.",
        ),
        (
            numberless,
            "no address",
            "Not sent: who agreed at Acme to be told by text message has no number.",
        ),
    ],
)
def test_who_is_not_told_has_one_row_that_says_why(
    hub: Hub, arrange: Callable[[Hub, Company], None], reason: str, explanation: str
) -> None:
    cast(hub)
    connected(hub, "phone")
    acme = add_company(hub)
    arrange(hub, acme)
    (delivery,) = told(hub, acme)

    assert ("skipped", reason, explanation, acme.id, "") == (
        delivery.state,
        delivery.reason,
        delivery.explanation,
        delivery.company_id,
        delivery.target,
    )
    assert delivery.finished_at is not None
    assert delivery.next_attempt_at is None


def test_what_an_admin_switched_off_says_so(hub: Hub) -> None:
    cast(hub)
    mail, chat, ears = connected(hub, "mail", "chat", "ears")
    acme = add_company(hub)
    add_contact(hub, acme.id, "email", email="a@example.com")
    for connection, audience in (
        (mail, "contact"),
        (chat, "channel"),
        (ears, "channel"),
    ):
        rule(hub, connection, "invoice.overdue", audience, "off")

    assert {
        ("skipped", "policy", "Not sent: an admin switched this off for Mail."),
        ("skipped", "policy", "Not sent: an admin switched this off for Chat."),
        ("skipped", "policy", "Not sent: an admin switched this off for Ears."),
    } == {(each.state, each.reason, each.explanation) for each in told(hub, acme)}


def test_nothing_stands_where_nothing_was_decided(hub: Hub) -> None:
    """Clients never hear of these, so that they don't is no news; nor is there a
    client at all for the last."""
    cast(hub)
    connected(hub, "mail", "phone")
    acme = add_company(hub)

    assert [] == told(hub, acme, "invoice.updated")
    assert [] == told(hub, acme, "invoice.lost")
    assert [] == told(hub, None)


def test_an_admin_may_tell_clients_of_more(hub: Hub) -> None:
    cast(hub)
    (mail,) = connected(hub, "mail")
    acme = add_company(hub)
    add_contact(hub, acme.id, "email", email="a@example.com")
    rule(hub, mail, "invoice.paid", "contact", "now")

    assert ["a@example.com"] == [
        each.target for each in told(hub, acme, "invoice.paid")
    ]


def test_connection_that_is_not_in_use_tells_nobody(hub: Hub) -> None:
    """ROAD 12, for people as for channels; what is broken is told nothing at all."""
    cast(hub)
    for state in ("active", "degraded", "needs_reauth", "setup", "disabled"):
        connect(hub, "mail", state, state)
    acme = add_company(hub)
    add_contact(hub, acme.id, "email", email="a@example.com")

    assert 3 == len(told(hub, acme))

    others = [each for each in hub.plugins.all() if each.name != "mail"]
    hub.plugins = Plugins([*others, Plugin(name="mail", error="It can't be imported.")])
    assert [] == told(hub, acme, "invoice.sent")


def test_staff_are_told_of_what_they_chose(hub: Hub) -> None:
    cast(hub)
    connected(hub, "mail", "phone")
    ann = choose(hub, mail={"invoice.overdue": "now", "invoice.paid": "now"})
    number = "+4930000009"
    bob = choose(hub, "billing", number, phone={"invoice.overdue": "now"})
    add_user(hub)
    found = {each.user_id: each for each in told(hub, None)}

    assert {ann, bob} == set(found)
    assert [("pending", "staff", True), ("pending", "staff", True)] == [
        (each.state, each.audience, each.next_attempt_at is not None)
        for each in found.values()
    ]
    assert number == found[bob].target
    assert found[ann].target.endswith("@example.com")


def test_member_without_a_number_and_client_without_consent_both_have_their_row(
    hub: Hub,
) -> None:
    """Each decision not to send is kept, also where nobody has an address."""
    cast(hub)
    connected(hub, "phone")
    user = add_user(hub)
    chosen = {"channels": {"phone": {"invoice.overdue": "now"}}}
    with hub.write() as session:
        session.get_one(User, user.id).preferences = chosen
    found = {each.audience: each.reason for each in told(hub, add_company(hub))}
    assert {"contact": "policy", "staff": "no address"} == found


def test_only_admins_are_told_of_connections(hub: Hub) -> None:
    cast(hub)
    connected(hub, "mail")
    ann = choose(hub, mail={"connection.failing": "now"})
    choose(hub, "billing", mail={"connection.failing": "now"})
    with hub.write() as session:
        type, subject = "connection.failing", "connection:1"
        publish(session, type, subject=subject, key="a", data=FAILING)

    assert [ann] == [each.user_id for each in rows(hub, "connection.failing")]


def test_staff_who_are_not_told_after_all_see_why(hub: Hub) -> None:
    cast(hub)
    mail, _ = connected(hub, "mail", "phone")
    choose(hub, mail={"invoice.overdue": "now"})
    bob = choose(hub, number="+4930000009", mail={"invoice.overdue": "off"})
    found = told(hub, None)
    rule(hub, mail, "invoice.overdue", "staff", "off")
    with hub.write() as session:
        tell(session, None, "2")

    assert bob not in {each.user_id for each in found}
    assert [("pending", ""), ("skipped", "policy")] == [
        (each.state, each.reason) for each in rows(hub, "invoice.overdue")
    ]


def test_one_address_is_told_once(hub: Hub) -> None:
    """A client's contact may work here too."""
    cast(hub)
    connected(hub, "mail")
    ann = choose(hub, mail={"invoice.overdue": "now"})
    acme = add_company(hub)
    with hub.read() as session:
        email = session.get_one(User, ann).email
    add_contact(hub, acme.id, "email", email=email)

    assert ["contact"] == [each.audience for each in told(hub, acme)]


def test_an_untick_is_kept_for_all_audiences(hub: Hub) -> None:
    """The older promise: what an admin unticked is not told, whatever a rule says."""
    cast(hub)
    chat, mail = connected(hub, "chat", "mail")
    acme = add_company(hub)
    add_contact(hub, acme.id, "email", email="a@example.com")
    rule(hub, chat, "invoice.overdue", "channel", "now")
    with hub.write() as session:
        for each in (chat, mail):
            row = session.get_one(Connection, each.id)
            row.hooks_off = ["on_invoice_overdue"]

    assert [(mail.id, "skipped", "policy")] == [
        (each.connection_id, each.state, each.reason) for each in told(hub, acme)
    ]


def test_each_channel_of_a_rule_has_its_delivery(hub: Hub) -> None:
    """ROAD 15; and ROAD 8: an echo is none the more for it."""
    cast(hub)
    (chat,) = connected(hub, "chat")
    rule(hub, chat, "invoice.overdue", "channel", "now", "C1", "C2")
    first = told(hub, None)
    with hub.write() as session:
        tell(session, None, "2", origin_id=chat.id)
    echo = rows(hub, "invoice.overdue")[2:]

    assert ["C1", "C2"] == [each.target for each in first]
    assert [("", "skipped", "echo")] == [
        (each.target, each.state, each.reason) for each in echo
    ]


def test_targets_of_the_settings_are_told_one_by_one(hub: Hub) -> None:
    """ROAD 15: expanded before any is sent, however often that is looked at."""
    telling = cast(hub, chat={"targets": lambda settings: ("a", "b", "c", "a")})
    connected(hub, "chat")
    told(hub, None)
    deliver.drain_all(hub)
    with hub.write() as session:
        tell(session, None, "2")
    deliver.drain_all(hub)

    assert 6 == len(telling.said)
    assert {"a": 2, "b": 2, "c": 2} == {
        name: sum(target == name for _, target, _ in telling.said) for name in "abc"
    }
    assert {"delivered"} == {each.state for each in all_of(hub, Delivery)}


def test_settings_that_cannot_be_read_are_the_hooks_to_complain_of(hub: Hub) -> None:
    def broken(settings: object) -> tuple[str, ...]:
        raise KeyError("urls")

    telling = cast(hub, chat={"targets": broken})
    connected(hub, "chat")
    told(hub, None)
    deliver.drain_all(hub)

    assert [("chat", "", "invoice.overdue")] == telling.said


def test_what_hangs_at_one_target_holds_up_no_other(hub: Hub) -> None:
    """ROAD 15, 18: order holds for each target."""
    telling = cast(hub)
    (chat,) = connected(hub, "chat")
    rule(hub, chat, "invoice.overdue", "channel", "now", "C1", "C2")
    hanging, _ = told(hub, None)
    with hub.write() as session:
        row = session.get_one(Delivery, hanging.id)
        row.state, row.next_attempt_at = "in_doubt", None
        publish(
            session,
            "invoice.overdue",
            subject="invoice:inv_1",
            key="again",
            data=overdue(None),
        )
    deliver.drain_all(hub)

    assert ["C2", "C2"] == [target for _, target, _ in telling.said]


def statements(hub: Hub, count: int, company: Company) -> list[str]:
    """What is asked of the database to publish so many events."""
    found: list[str] = []

    def note(*arguments: object) -> None:
        found.append(str(arguments[2]))

    with hub.write() as session:
        for number in range(count):
            tell(session, company, f"{count}-{number}")
        hook.listen(hub.database.writer, "before_cursor_execute", note)
    hook.remove(hub.database.writer, "before_cursor_execute", note)
    return [text for text in found if text.startswith("SELECT")]


def test_many_events_take_no_more_queries_than_one(hub: Hub) -> None:
    cast(hub)
    chat, *_ = connected(hub, "chat", "mail", "phone", "ears")
    acme = add_company(hub)
    add_contact(hub, acme.id, "email", email="a@example.com")
    choose(hub, mail={"invoice.overdue": "hourly"})
    rule(hub, chat, "invoice.overdue", "channel", "hourly")
    statements(hub, 1, acme)

    assert len(statements(hub, 2, acme)) == len(statements(hub, 200, acme))


def test_who_tells_no_people_pays_nothing_for_it(hub: Hub) -> None:
    cast(hub)
    connected(hub, "chat", "ears")
    asked = " ".join(statements(hub, 10, add_company(hub)))

    assert "sending_rules" in asked
    for table in ("contacts", "consents", "companies", "digests"):
        assert f"FROM {table}" not in asked
