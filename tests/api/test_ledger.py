"""The ledger over HTTP: what comes in, what goes out, what is refused."""

from typing import Any

import pytest
from sqlalchemy import event

from hub.boot import Hub
from tests.api.client import Caller, company, invoice, made, on_sqlite


def test_an_invoice_is_open_and_totalled(admin: Caller) -> None:
    shown = invoice(admin, company(admin)["id"])

    assert "open" == shown["state"]
    assert ("100.00", "20.00", "120.00", "120.00") == tuple(
        shown[name] for name in ("net", "tax", "total", "open_amount")
    )
    assert shown["external_refs"] == []


def test_a_draft_is_issued(admin: Caller) -> None:
    draft = invoice(admin, company(admin)["id"], state="draft")
    assert "draft" == draft["state"]

    issued = admin.post(f"/invoices/{draft['id']}/issue")

    assert (200, "open") == (issued.status_code, issued.get_json()["state"])
    assert 409 == admin.post(f"/invoices/{draft['id']}/issue").status_code


def test_payments_make_it_paid(admin: Caller) -> None:
    bill = invoice(admin, company(admin)["id"])
    path = f"/invoices/{bill['id']}"
    half = {"amount": "50.00", "currency": "EUR", "method": "bank"}

    paid = made(admin.post(f"{path}/payments", half | {"reference": "one"}))
    assert ("confirmed", bill["id"]) == (paid["state"], paid["invoice_id"])
    assert ("partially_paid", "70.00") == state(admin, path)

    made(admin.post(f"{path}/payments", half | {"amount": "70.00"}))
    assert ("paid", "0.00") == state(admin, path)
    assert 409 == admin.post(f"{path}/void").status_code


def state(admin: Caller, path: str) -> tuple[str, str]:
    shown = admin.get(path).get_json()
    return shown["state"], shown["open_amount"]


@pytest.mark.parametrize(
    ("currency", "price", "total"),
    [("JPY", "1500", "3600"), ("BHD", "1.125", "2.700"), ("EUR", "0.005", "0.01")],
)
def test_each_currency_has_its_decimals(
    admin: Caller, currency: str, price: str, total: str
) -> None:
    client = company(admin, currency=currency)
    line = {"description": "x", "quantity": "2", "unit_price": price, "tax_rate": "20"}

    assert total == invoice(admin, client["id"], lines=[line])["total"]


@on_sqlite
@pytest.mark.parametrize(
    "line",
    [
        {"description": "x", "unit_price": "NaN"},
        {"description": "x", "unit_price": "1e400"},
        {"description": "x", "unit_price": True},
        {"description": "x", "unit_price": {"a": 1}},
        {"description": "x", "unit_price": "9" * 400},
        {"description": "x", "quantity": "-", "unit_price": "1"},
        {"description": "x\0", "unit_price": "1"},
        {"description": "x", "unit_price": "1", "surprise": 1},
        {"unit_price": "1"},
        "no line",
    ],
)
def test_a_hostile_line_is_named(admin: Caller, line: Any) -> None:
    given = {"company_id": company(admin)["id"], "lines": [line]}

    answer = admin.post("/invoices", given)

    assert 422 == answer.status_code
    assert "lines" in answer.get_json()["errors"]


@on_sqlite
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{bad", 400),
        (b"[" * 100_000, 400),
        (b'{"name": "\xff"}', 400),
        (b"[]", 422),
        (b"null", 422),
        (b'{"name": NaN, "currency": "EUR"}', 400),
        (b'{"name": "\\ud800", "currency": "EUR"}', 422),
        (b'{"name": "a\\u0000b", "currency": "EUR"}', 422),
        (b'{"name": 5, "currency": "EUR"}', 422),
        (b'{"name": "x", "currency": "XXQ"}', 422),
        (b"x" * 1_100_000, 413),
    ],
)
def test_a_hostile_body_gets_a_clear_error(
    admin: Caller, body: bytes, status: int
) -> None:
    answer = admin.post("/companies", data=body, content_type="application/json")

    assert status == answer.status_code
    assert "application/problem+json" == answer.content_type


@on_sqlite
def test_another_media_type_is_refused(admin: Caller) -> None:
    assert 415 == admin.post("/companies", data="a=b").status_code


@on_sqlite
@pytest.mark.parametrize(
    ("amount", "status"),
    [("130.00", 422), ("-1", 422), ("1.001", 422), ("0", 422), (1.5, 201)],
)
def test_amounts_of_payments(admin: Caller, amount: Any, status: int) -> None:
    bill = invoice(admin, company(admin)["id"])

    answer = admin.post(f"/invoices/{bill['id']}/payments", {"amount": amount})

    assert status == answer.status_code


def test_unknown_ids_and_filters(admin: Caller) -> None:
    assert 404 == admin.get("/invoices/inv_nope").status_code
    assert 404 == admin.get("/nothing").status_code
    assert 405 == admin.call("DELETE", "/invoices").status_code
    for query in ("surprise=1", "limit=0", "limit=201", "limit=x", "cursor=!!",
                  "due_date_from=soon", "state=a%00b"):  # fmt: skip
        answer = admin.get(f"/invoices?{query}")
        assert 400 == answer.status_code, query


def test_filters(admin: Caller) -> None:
    one, two = company(admin), company(admin, name="Other")
    first, second = invoice(admin, one["id"]), invoice(admin, two["id"])

    assert [first["id"]] == ids(admin, f"/invoices?company_id={one['id']}")
    assert [second["id"]] == ids(admin, f"/invoices?number={second['number']}")
    assert [] == ids(admin, "/invoices?state=paid")
    assert [second["id"], first["id"]] == ids(admin, "/invoices?state=open,paid")


def test_pages_hold_still_while_rows_are_added(admin: Caller) -> None:
    client = company(admin)["id"]
    known = [invoice(admin, client)["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = admin.get(f"/invoices?limit=2{cursor}").get_json()
        seen += [item["id"] for item in page["items"]]
        invoice(admin, client)
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert known[::-1] == seen


def ids(admin: Caller, path: str) -> list[str]:
    return [item["id"] for item in admin.get(path).get_json()["items"]]


@pytest.mark.parametrize("path", ["/invoices", "/companies", "/payments"])
def test_a_list_asks_no_query_per_row(admin: Caller, hub: Hub, path: str) -> None:
    client = company(admin, contacts=[{"name": "A"}])["id"]
    counts = []
    for _ in range(2):
        for _ in range(3):
            bill = invoice(admin, client)
            admin.post(f"/invoices/{bill['id']}/payments", {"amount": "10.00"})
            company(admin, contacts=[{"name": "A"}, {"name": "B"}])
        counts.append(queries(hub, lambda: admin.get(path)))

    assert counts[0] == counts[1]


def queries(hub: Hub, work: Any) -> int:
    seen: list[str] = []

    def note(*args: Any) -> None:
        seen.append(args[2])

    event.listen(hub.database.reader, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(hub.database.reader, "before_cursor_execute", note)
    return len([text for text in seen if text.startswith("SELECT")])


def test_contacts_and_consent(admin: Caller) -> None:
    client = company(admin)
    shown = made(admin.post(f"/companies/{client['id']}/contacts", {"name": "Ana"}))
    contact = shown["contacts"][0]["id"]
    given = {"channel": "sms", "given": True, "how": "by phone"}

    shown = made(admin.post(f"/contacts/{contact}/consent", given))

    (consent,) = shown["contacts"][0]["consents"]
    assert ("sms", True, "by phone") == tuple(
        consent[name] for name in ("channel", "given", "how")
    )
    assert 204 == admin.call("DELETE", f"/contacts/{contact}").status_code


def test_quotes_are_decided_once(admin: Caller) -> None:
    line = {"description": "Firewall", "unit_price": "100"}
    given = {"company_id": company(admin)["id"], "lines": [line]}
    quote = made(admin.post("/quotes", given))

    answer = admin.post(f"/quotes/{quote['id']}/accept", {"by": "Ana"})

    assert (200, "accepted", "Ana") == (
        answer.status_code,
        answer.get_json()["state"],
        answer.get_json()["decided_by"],
    )
    assert 409 == admin.post(f"/quotes/{quote['id']}/decline").status_code


def test_a_credit_note_lowers_what_is_open(admin: Caller) -> None:
    client = company(admin)["id"]
    bill = invoice(admin, client)
    note = made(admin.post("/credit-notes", {"company_id": client, "amount": "20.00"}))

    shown = made(
        admin.post(
            f"/credit-notes/{note['id']}/allocations", {"invoice_id": bill["id"]}
        )
    )

    assert ["20.00"] == [each["amount"] for each in shown["allocations"]]
    assert ("open", "100.00") == state(admin, f"/invoices/{bill['id']}")


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/products", {"code": "A", "name": "A", "unit_price": "5", "currency": "EUR"}),
        ("/devices", {"name": "PC-1", "kind": "workstation"}),
    ],
)
def test_the_catalogue_is_kept(admin: Caller, path: str, values: Any) -> None:
    kept = made(admin.post(path, values))
    changed = admin.patch(f"{path}/{kept['id']}", {"name": "Other"})

    assert (200, "Other") == (changed.status_code, changed.get_json()["name"])
    assert 422 == admin.post(path, {}).status_code


def test_tickets_and_time(admin: Caller) -> None:
    client = company(admin)["id"]
    ticket = made(admin.post("/tickets", {"company_id": client, "title": "Printer"}))
    entry = {
        "company_id": client,
        "ticket_id": ticket["id"],
        "person": "Ana",
        "started_at": "2026-03-02T10:00:00+01:00",
        "minutes": 45,
        "hourly_rate": "85.00",
        "currency": "EUR",
    }

    kept = made(admin.post("/time-entries", entry))

    assert ("2026-03-02T09:00:00Z", "85.00") == (
        kept["started_at"],
        kept["hourly_rate"],
    )
    assert 204 == admin.call("DELETE", f"/time-entries/{kept['id']}").status_code
