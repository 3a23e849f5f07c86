"""Quotes, accepted or declined once."""

from datetime import UTC, date, datetime

import pytest
from time_machine import travel

from hub.boot import Hub
from hub.core.ledger import quotes
from hub.core.ledger.quotes import NewQuote
from hub.core.models import Event, Quote
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from tests.parts.ledger import add_company, add_user, all_of, lines, notes, told


def quote(hub: Hub, **values) -> Quote:
    company = add_company(hub, "Northgate")
    with hub.write() as session:
        new = NewQuote(**{"company_id": company.id, "lines": lines("500.00"), **values})
        return quotes.create(session, new)


def test_accepted_quote_is_told(hub: Hub) -> None:
    add_user(hub)
    made = quote(hub, title="New firewall")
    with hub.write() as session:
        quotes.accept(session, made.id, by="Ann at Northgate", note="go")
    event = all_of(hub, Event)[-1]

    assert ("quote.accepted", f"quote:{made.id}") == (event.type, event.subject)
    assert {
        "quote_id": made.id,
        "number": "QUO-000001",
        "title": "New firewall",
        "state": "accepted",
        "total": "500.00",
        "currency": "EUR",
        "company": {"id": made.company_id, "name": "Northgate"},
        "decided_by": "Ann at Northgate",
    } == event.data
    assert event.url.endswith(f"/quotes/{made.id}")
    assert [("quote.accepted", "Northgate accepted quote QUO-000001")] == notes(hub)


@pytest.mark.parametrize("first", [quotes.accept, quotes.decline])
@pytest.mark.parametrize("second", [quotes.accept, quotes.decline])
def test_quote_is_decided_once(hub: Hub, first, second) -> None:
    made = quote(hub)
    with hub.write() as session:
        first(session, made.id, by="Ann")
    with pytest.raises(ConflictError, match="already"), hub.write() as session:
        second(session, made.id, by="Bob")

    assert "Ann" == all_of(hub, Quote)[0].decided_by
    assert 1 == len(told(hub))


def test_quote_no_longer_valid_can_only_be_declined(hub: Hub) -> None:
    made = quote(hub, valid_until=date(2026, 3, 1))
    with travel(datetime(2026, 3, 1, 23, tzinfo=UTC), tick=False), hub.read() as s:
        assert not quotes.is_expired(s, made)
    with travel(datetime(2026, 3, 2, 1, tzinfo=UTC), tick=False):
        with pytest.raises(ConflictError, match="valid until"), hub.write() as s:
            quotes.accept(s, made.id, by="Ann")
        with hub.write() as session:
            quotes.decline(session, made.id, by="Ann")

    assert ["quote.declined"] == told(hub)


def test_open_quote_may_change(hub: Hub) -> None:
    made = quote(hub)
    with hub.write() as session:
        changed = quotes.update(
            session, made.id, {"lines": lines("9.00"), "title": "Less"}
        )
        assert (900, "Less") == (changed.total_minor, changed.title)
        with pytest.raises(InvalidError):
            quotes.update(session, made.id, {"state": "accepted"})
        quotes.decline(session, made.id, by="Ann")
        with pytest.raises(ConflictError):
            quotes.update(session, made.id, {"title": "More"})


def test_empty_quote_is_refused(hub: Hub) -> None:
    with pytest.raises(InvalidError):
        quote(hub, lines=[])


def test_number_is_used_once(hub: Hub) -> None:
    quote(hub, number="Q")
    with pytest.raises(ConflictError):
        quote(hub, number="Q")


def test_what_is_not_there_is_not_found(hub: Hub) -> None:
    with pytest.raises(NotFoundError):
        quote(hub, company_id="com_none")
    with pytest.raises(NotFoundError), hub.write() as session:
        quotes.accept(session, "quo_none", by="Ann")
