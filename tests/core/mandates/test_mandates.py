"""Whose a mandate is, how it stands and what is told of it."""

from itertools import permutations

import pytest

from hub.core.ledger import mandates
from hub.core.mandates import cancelling, requests
from hub.core.models import Company, Event, FactRow, Mandate, MandateRequest
from hub.sdk.errors import ConflictError, UnavailableError
from tests.core.checkouts.desk import timeout
from tests.core.mandates.conftest import Counter
from tests.core.mandates.giro import client, mandate
from tests.parts.ledger import add_company, all_of, notes, tell, told

BACK = "https://hub.test/pay/token"


def states(counter: Counter) -> list[tuple[str, bool]]:
    """Each mandate's state, and if its company pays by it."""
    with counter.hub.read() as session:
        rows = session.query(Mandate).order_by(Mandate.reference).all()
        return [
            (
                row.state,
                row.company_id is not None
                and session.get_one(Company, row.company_id).mandate_id == row.id,
            )
            for row in rows
        ]


def begin(counter: Counter, company: Company) -> requests.Begun:
    return requests.begin(counter.hub, company.id, "giro", back=BACK)


def test_a_client_gives_a_mandate_on_the_page(counter: Counter) -> None:
    company = add_company(counter.hub)
    begun = begin(counter, company)
    assert "https://giro.test/RQ-1" == begun.url
    assert "open" == requests.finish(counter.hub, begun.request_id, {}).state
    counter.giro.given[begun.request_id] = "MD-1"

    assert "finished" == requests.finish(counter.hub, begun.request_id, {}).state
    assert [("active", True)] == states(counter)
    assert ["mandate.changed"] == told(counter.hub)


def test_begun_again_it_is_the_same_page(counter: Counter) -> None:
    company = add_company(counter.hub)
    assert begin(counter, company) == begin(counter, company)
    assert 1 == len(counter.giro.requests)


def test_unknown_outcome_of_the_page_is_repeated_under_the_same_id(
    counter: Counter,
) -> None:
    """ROAD 16."""
    company = add_company(counter.hub)
    counter.giro.at = timeout("start:after")
    with pytest.raises(UnavailableError):
        begin(counter, company)
    assert "RQ-1" == begin(counter, company).reference
    assert 1 == len(all_of(counter.hub, MandateRequest))


def test_the_janitor_finds_a_mandate_nobody_came_back_from(counter: Counter) -> None:
    begun = begin(counter, add_company(counter.hub))
    counter.giro.given[begun.request_id] = "MD-1"
    requests.check(counter.hub, begun.request_id)
    assert [("active", True)] == states(counter)


def test_order_of_news_does_not_matter(counter: Counter) -> None:
    """ROAD 3: the newest `as_of` wins."""
    news = [
        ("pending", 0),
        ("active", 1),
        ("cancelled", 2),
    ]
    for number, order in enumerate(permutations(news)):
        company = add_company(counter.hub)
        begun = begin(counter, company)
        for state, minute in order:
            heard = mandate(
                f"MD-{number}", state, minute=minute, request=begun.request_id
            )
            tell(counter.hub, counter.connection, heard)
    assert [("cancelled", False)] * 6 == states(counter)


def test_a_mandate_heard_of_before_its_request_is_adopted(counter: Counter) -> None:
    """ROAD 6."""
    company = add_company(counter.hub)
    early = mandate("MD-1", checkout="RQ-1")
    tell(counter.hub, counter.connection, early)
    assert [("active", False)] == states(counter)
    assert [] == told(counter.hub)
    assert ["parked"] == [row.state for row in all_of(counter.hub, FactRow)]

    begun = begin(counter, company)

    assert [("active", True)] == states(counter)
    assert ["mandate.changed"] == told(counter.hub)
    assert "finished" == requests.get(counter.hub, begun.request_id).state
    assert ["recorded"] == [row.state for row in all_of(counter.hub, FactRow)]


def test_heard_again_nothing_is_told(counter: Counter) -> None:
    """ROAD 2, 8."""
    client(counter.hub, counter.connection)
    again = mandate("MD-1", minute=5)
    tell(counter.hub, counter.connection, again, again)
    assert ["mandate.changed"] == told(counter.hub)


@pytest.mark.parametrize("new_first", [True, False])
def test_the_company_moves_to_the_mandate_that_took_its_place(
    counter: Counter, new_first: bool
) -> None:
    client(counter.hub, counter.connection)
    news = [
        mandate("MD-1", "replaced", minute=2, replaced_by="MD-2"),
        mandate("MD-2", minute=1),
    ]
    for fact in reversed(news) if new_first else news:
        tell(counter.hub, counter.connection, fact)
    assert [("replaced", False), ("active", True)] == states(counter)
    assert 3 == told(counter.hub).count("mandate.changed")


def test_a_cancelled_mandate_is_told_to_people(counter: Counter) -> None:
    from tests.parts.ledger import add_user

    add_user(counter.hub)
    client(counter.hub, counter.connection)
    tell(
        counter.hub,
        counter.connection,
        mandate("MD-1", "cancelled", minute=9, reason="by the bank"),
    )
    assert ("mandate.changed", "The mandate of Acme is cancelled") == notes(
        counter.hub
    )[-1]
    event = all_of(counter.hub, Event)[-1]
    assert ("active", "cancelled", "by the bank", None, True) == tuple(
        event.data[name]
        for name in ("was", "state", "reason", "current_mandate_id", "autobill")
    )


def test_a_person_cancels_it_once(counter: Counter) -> None:
    company = client(counter.hub, counter.connection)
    assert company.mandate_id is not None
    for _ in range(2):
        row = cancelling.cancel(counter.hub, company.mandate_id)
        assert "cancelled" == row.state
    assert 1 == counter.giro.calls["cancel"]


def test_a_mandate_is_assigned_once(counter: Counter) -> None:
    company = client(counter.hub, counter.connection)
    other = add_company(counter.hub, "Other")
    with counter.hub.write() as session, pytest.raises(ConflictError):
        mandates.assign(session, company.mandate_id or "", other.id)


def test_a_replay_that_finds_no_mandate_stops_collecting(counter: Counter) -> None:
    """ROAD 13."""
    client(counter.hub, counter.connection)
    (heard,) = [r for r in all_of(counter.hub, FactRow) if r.kind == "MandateSeen"]
    moved = mandate("MD-9", id=heard.fact_id)
    tell(counter.hub, counter.connection, moved, revision=1)
    assert ("cancelled", False) == states(counter)[0]
