"""Companies, contacts, consent."""

import pytest
from time_machine import travel

from hub.boot import Hub
from hub.core.ledger import companies
from hub.core.models import Connection, Consent, Contact, Event
from hub.sdk.errors import InvalidError, NotFoundError
from tests.parts.ledger import add_company, all_of, at

GIVEN = {
    "name": " Northgate ",
    "currency": "GBP",
    "country": "GB",
    "time_zone": "Europe/London",
    "email": "ap@northgate.example",
    "phone": "+44 20 7946 0000",
    "sms_notifications_enabled": True,
    "autobill": False,
}


def test_company_is_kept_and_told(hub: Hub) -> None:
    with hub.write() as session:
        company = companies.create(session, GIVEN)
    event = all_of(hub, Event)[-1]

    assert ("Northgate", "+442079460000", True) == (
        company.name,
        company.phone,
        company.sms_notifications_enabled,
    )
    assert ("company.changed", f"company:{company.id}") == (event.type, event.subject)
    assert {"id": company.id, "name": "Northgate"} == event.data["company"]
    assert sorted(GIVEN) == event.data["changed"]


@pytest.mark.parametrize(
    ("country", "phone", "kept"),
    [
        ("GB", "020 7946 0000", "+442079460000"),
        ("DE", "030/12 34 56", "+4930123456"),
        ("US", "(212) 555-0100", "+12125550100"),
        ("US", "+49 30 123456", "+4930123456"),
    ],
)
def test_number_is_read_as_the_company_s_country_writes_it(
    hub: Hub, country: str, phone: str, kept: str
) -> None:
    with hub.write() as session:
        given = {**GIVEN, "country": country, "phone": phone}
        company = companies.create(session, given)
        contact = companies.add_contact(
            session, company.id, {"name": "Ann", "phone": phone}
        )
        companies.update_contact(session, contact.id, {"phone": f" {phone}"})
    assert (kept, kept) == (company.phone, contact.phone)


def test_number_of_no_country_needs_its_code(hub: Hub) -> None:
    with pytest.raises(InvalidError, match="phone"), hub.write() as session:
        companies.create(session, {**GIVEN, "country": None, "phone": "020 7946 0000"})


def test_texts_are_off_until_switched_on(hub: Hub) -> None:
    assert add_company(hub).sms_notifications_enabled is False


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", 7),
        ("name", "x" * 201),
        ("currency", "EURO"),
        ("country", "Germany"),
        ("time_zone", "Berlin"),
        ("time_zone", "../../etc/passwd"),
        ("email", "nobody"),
        ("email", "a b@example.com"),
        ("phone", "555"),
        ("phone", "not a number"),
        ("phone", "+999 1"),
        ("autobill", "yes"),
        ("colour", "red"),
    ],
)
def test_wrong_value_is_named(hub: Hub, field, value) -> None:
    with pytest.raises(InvalidError) as caught, hub.write() as session:
        companies.create(session, {**GIVEN, field: value})

    assert [field] == list(caught.value.fields)


def test_change_is_told_and_no_change_is_not(hub: Hub) -> None:
    """ROAD 8."""
    company = add_company(hub)
    for _ in range(2):
        with hub.write() as session:
            companies.update(session, company.id, {"email": "a@example.com"})
    changes = [event.data["changed"] for event in all_of(hub, Event)]

    assert [["currency", "name"], ["email"]] == changes


def test_value_can_be_taken_away(hub: Hub) -> None:
    with hub.write() as session:
        company = companies.create(session, GIVEN)
        companies.update(session, company.id, {"email": None, "phone": ""})

        assert (None, None) == (company.email, company.phone)


def test_change_read_from_a_connection_is_not_told_back(
    hub: Hub, ears: Connection
) -> None:
    """ROAD 8."""
    with hub.write() as session:
        companies.create(session, GIVEN, origin_id=ears.id)

    assert ears.id == all_of(hub, Event)[0].origin_id


@pytest.fixture
def contact(hub: Hub) -> Contact:
    company = add_company(hub)
    with hub.write() as session:
        return companies.add_contact(session, company.id, {"name": "Ann"})


def test_contact_is_changed_and_removed(hub: Hub, contact: Contact) -> None:
    with hub.write() as session:
        companies.update_contact(session, contact.id, {"phone": "+49 30 123456"})
    phones = [row.phone for row in all_of(hub, Contact)]
    with hub.write() as session:
        consent = {"channel": "sms", "given": True}
        companies.set_consent(session, contact.id, consent)
        companies.remove_contact(session, contact.id)

    assert ["+4930123456"] == phones
    assert [] == [*all_of(hub, Contact), *all_of(hub, Consent)]


def consent(hub: Hub, contact: Contact, given: bool, channel: str = "sms") -> None:
    with hub.write() as session:
        values = {"channel": channel, "given": given, "how": "by phone"}
        companies.set_consent(session, contact.id, values, actor="user:1")


def test_newest_word_counts_and_all_are_kept(hub: Hub, contact: Contact) -> None:
    said = []
    for minute, given in enumerate([True, False, True]):
        with travel(at(minute), tick=False):
            consent(hub, contact, given)
        with hub.read() as session:
            said.append(companies.has_consent(session, contact.id, "sms"))
            assert not companies.has_consent(session, contact.id, "email")

    assert [True, False, True] == said
    assert [("by phone", "user:1")] * 3 == [(c.how, c.by) for c in all_of(hub, Consent)]


@pytest.mark.parametrize("switch", [True, False])
@pytest.mark.parametrize("given", [True, False])
def test_text_needs_both(hub: Hub, contact: Contact, switch, given) -> None:
    consent(hub, contact, given)
    with hub.write() as session:
        changes = {"sms_notifications_enabled": switch}
        companies.update(session, contact.company_id, changes)
        found = companies.get_contact(session, contact.id)

        assert (switch and given) == companies.may_text(session, found)


def test_what_is_not_there_is_not_found(hub: Hub) -> None:
    with hub.write() as session:
        for action in (companies.update, companies.add_contact):
            with pytest.raises(NotFoundError):
                action(session, "com_none", {"name": "x"})
        for change in (companies.update_contact, companies.set_consent):
            with pytest.raises(NotFoundError):
                change(session, "con_none", {"name": "x"})
        with pytest.raises(NotFoundError):
            companies.remove_contact(session, "con_none")
