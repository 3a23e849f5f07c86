"""Events that others report."""

import pytest

from hub.boot import Hub
from hub.core.emit import emit
from hub.core.models import AuditEntry, Event
from hub.sdk.errors import InvalidError
from tests.parts.ledger import add_company, add_invoice, add_user, all_of, notes


def report(hub: Hub, type: str, data) -> Event:
    with hub.write() as session:
        return emit(session, type, data, actor="token:1")


@pytest.mark.parametrize("type", ["alert.raised", "alert.resolved", "custom.a.b_1"])
def test_free_event_is_published_as_it_is(hub: Hub, type) -> None:
    company = add_company(hub)
    event = report(hub, type, {"company_id": company.id, "title": "Disk", "n": [1]})

    assert (type, f"company:{company.id}") == (event.type, event.subject)
    assert {
        "company_id": company.id,
        "title": "Disk",
        "n": [1],
        "company": {"id": company.id, "name": "Acme"},
    } == event.data
    assert ("token:1", "event.emitted") in {
        (row.actor, row.action) for row in all_of(hub, AuditEntry)
    }


def test_each_report_is_an_event_of_its_own(hub: Hub) -> None:
    events = [report(hub, "custom.x", {"a": 1}) for _ in range(2)]

    assert 2 == len(all_of(hub, Event)) == len({event.subject for event in events})
    assert {"a": 1, "company": None} == events[0].data


@pytest.mark.parametrize("score", [0.5, "0.5", 1, 0])
def test_reported_anomaly_shows_on_its_invoice(hub: Hub, score) -> None:
    add_user(hub)
    invoice = add_invoice(hub)
    data = {"invoice_id": invoice.id, "score": score, "reason": "Odd hours."}
    event = report(hub, "invoice.anomaly", data)

    assert f"invoice:{invoice.id}" == event.subject
    assert (str(score), "Odd hours.", invoice.number) == (
        event.data["score"],
        event.data["reason"],
        event.data["number"],
    )
    assert [("invoice.anomaly", "Invoice INV-000001 looks unusual")] == notes(hub)


@pytest.mark.parametrize(
    ("type", "data", "field"),
    [
        ("payment.received", {}, "type"),
        ("invoice.paid", {}, "type"),
        ("alert.changed", {}, "type"),
        ("custom", {}, "type"),
        ("custom.", {}, "type"),
        ("custom.A", {}, "type"),
        ("custom.x\n", {}, "type"),
        ("custom.x", {"company_id": "com_none"}, "company_id"),
        ("custom.x", {"text": "x" * 20_000}, "data"),
        ("custom.x", {"n": float("nan")}, "data"),
        ("custom.x", {"n": object()}, "data"),
        ("invoice.anomaly", {"invoice_id": "none", "score": 1, "reason": "x"},
         "invoice_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_reported_is_refused(hub: Hub, type, data, field) -> None:
    with pytest.raises(InvalidError) as caught:
        report(hub, type, data)

    assert [field] == list(caught.value.fields)
    assert [] == all_of(hub, Event)


@pytest.mark.parametrize("score", [1.1, -0.1, "high", None, float("nan"), True])
def test_score_is_between_nothing_and_one(hub: Hub, score) -> None:
    invoice = add_invoice(hub)
    data = {"invoice_id": invoice.id, "score": score, "reason": "x"}
    with pytest.raises(InvalidError) as caught:
        report(hub, "invoice.anomaly", data)

    assert ["score"] == list(caught.value.fields)
