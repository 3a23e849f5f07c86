"""Products, devices, tickets, time entries."""

from decimal import Decimal
from typing import Any

import pytest

from hub.boot import Hub
from hub.core.ledger import catalogue
from hub.core.models import AuditEntry, Device, Product, Ticket, TimeEntry
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from tests.parts.ledger import add_company, add_invoice, all_of, at

PRODUCT = {"code": "M365", "name": "Mail", "unit_price": "12.50", "currency": "EUR"}


def create(hub: Hub, model, /, **values) -> Any:
    with hub.write() as session:
        return catalogue.create(session, model, values, actor="user:1")


def update(hub: Hub, model, id: str, /, **changes):
    with hub.write() as session:
        return catalogue.update(session, model, id, changes, actor="user:1")


def entry(hub: Hub, **values) -> Any:
    given = {
        "company_id": add_company(hub, currency="GBP").id,
        "person": "Ann",
        "started_at": at(0),
        "minutes": 90,
    }
    return create(hub, TimeEntry, **{**given, **values})


def test_product_is_kept_and_changed(hub: Hub) -> None:
    product = create(hub, Product, **PRODUCT, tax_rate="19")
    update(hub, Product, product.id, active=False, unit_price="13", name="Mail")
    (found,) = all_of(hub, Product)

    assert (Decimal("13"), Decimal("19"), False) == (
        found.unit_price,
        found.tax_rate,
        found.active,
    )
    assert [
        ("product.created", {}),
        ("product.changed", {"changed": ["active", "unit_price"]}),
    ] == [(row.action, row.data) for row in all_of(hub, AuditEntry)]


def test_code_is_used_once(hub: Hub) -> None:
    create(hub, Product, **PRODUCT)
    other = create(hub, Product, **{**PRODUCT, "code": "X"})
    with pytest.raises(ConflictError):
        create(hub, Product, **PRODUCT)
    with pytest.raises(ConflictError):
        update(hub, Product, other.id, code="M365")
    update(hub, Product, other.id, code="X")

    assert ["M365", "X"] == [row.code for row in all_of(hub, Product)]


def test_device_may_belong_to_nobody_yet(hub: Hub) -> None:
    device = create(hub, Device, name="srv-01", kind="server")
    company = add_company(hub)
    update(hub, Device, device.id, company_id=company.id, state="retired")

    assert [(company.id, "retired")] == [
        (row.company_id, row.state) for row in all_of(hub, Device)
    ]


def test_ticket_is_kept(hub: Hub) -> None:
    create(hub, Ticket, company_id=add_company(hub).id, title="Printer")

    assert [("Printer", "open")] == [(t.title, t.state) for t in all_of(hub, Ticket)]


def test_time_is_in_the_companys_currency(hub: Hub) -> None:
    made = entry(hub, hourly_rate="95.00")

    assert ("GBP", Decimal("95.00"), True, 90) == (
        made.currency,
        made.hourly_rate,
        made.billable,
        made.minutes,
    )


def test_time_on_an_invoice_must_stay(hub: Hub) -> None:
    free, billed = entry(hub), entry(hub, invoice_id=add_invoice(hub).id)
    with hub.write() as session:
        catalogue.delete_time_entry(session, free.id)
        with pytest.raises(ConflictError):
            catalogue.delete_time_entry(session, billed.id)

    assert [billed.id] == [row.id for row in all_of(hub, TimeEntry)]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"company_id": "com_none"}, "company_id"),
        ({"ticket_id": "tic_none"}, "ticket_id"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": "90"}, "minutes"),
        ({"started_at": "2026-03-02T10:00:00"}, "started_at"),
        ({"hourly_rate": -1}, "hourly_rate"),
        ({"hourly_rate": 1.5}, "hourly_rate"),
        ({"person": ""}, "person"),
        ({"billable": "no"}, "billable"),
    ],
)
def test_wrong_value_is_named(hub: Hub, values, field) -> None:
    with pytest.raises(InvalidError) as caught:
        entry(hub, **values)

    assert [field] == list(caught.value.fields)


@pytest.mark.parametrize("kind", [Product, Device, Ticket, TimeEntry])
def test_all_that_is_needed_is_asked_for_at_once(hub: Hub, kind) -> None:
    with pytest.raises(InvalidError) as caught:
        create(hub, kind)

    assert set(caught.value.fields) >= {"name"} or "company_id" in caught.value.fields


@pytest.mark.parametrize("kind", [Product, Device, Ticket, TimeEntry])
def test_what_is_not_there_is_not_found(hub: Hub, kind) -> None:
    with pytest.raises(NotFoundError):
        update(hub, kind, "none")
