"""Hostile input at the API's edge: a clear refusal, on each database, never a 500."""

import base64
import json
from typing import Any

import pytest

from hub.boot import Hub
from tests.api.client import Caller, company, invoice, made, on_sqlite

NUL, HALF = "a%00b", "%ED%A0%80"
EARLIEST = "0001-01-01T00:00:00%2B14:00"


def test_ids_no_database_can_hold_are_nobodys(admin: Caller) -> None:
    for path in (
        *(f"/invoices/{NUL}", f"/invoices/{HALF}", f"/invoices/{'x' * 5000}"),
        *(f"/events/{NUL}", "/events/abc", f"/events/{10**30}", "/events/-1"),
        *(f"/connections/{NUL}", f"/plugins/{NUL}", f"/deliveries/{NUL}"),
    ):
        assert 404 == admin.get(path).status_code, path
    for path in (
        *(f"/invoices/{NUL}/void", f"/deliveries/{NUL}/retry"),
        *(f"/notifications/{10**30}/read", "/connections/a%00b/test"),
        *(f"/inbound-webhooks/{NUL}/replay", f"/contacts/{NUL}/consent"),
    ):
        body = {"channel": "sms", "given": True} if "consent" in path else None
        assert 404 == admin.post(path, body).status_code, path


def test_filters_no_database_can_read_are_refused(admin: Caller) -> None:
    for query in (
        *(f"/invoices?number={NUL}", f"/invoices?created_from={EARLIEST}"),
        *("/invoices?due_date_from=2026-13-01", "/invoices?company_id=" + "a," * 60),
        *(f"/api-calls?status={10**30}", "/api-calls?status=x"),
        *("/payments?disputed=perhaps", f"/deliveries?connection={NUL}"),
        *(f"/notifications?cursor={10**30}", "/notifications?unread=perhaps"),
    ):
        assert 400 == admin.get(query).status_code, query


def cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@on_sqlite
@pytest.mark.parametrize(
    "crafted",
    [
        cursor(),
        cursor(1),
        cursor("2026-01-01T00:00:00+00:00"),
        cursor("2026-01-01T00:00:00", "inv_1"),
        cursor("0001-01-01T00:00:00+14:00", "inv_1"),
        cursor("2026-01-01T00:00:00+00:00", "a\0b"),
        cursor("2026-01-01T00:00:00+00:00", "\ud800"),
        cursor("2026-01-01T00:00:00+00:00", {"a": 1}),
        base64.urlsafe_b64encode(b"[" * 50_000).decode(),
        "\u20ac",
    ],
)
def test_a_crafted_cursor_is_refused(admin: Caller, crafted: str) -> None:
    answer = admin.get("/invoices", query_string={"cursor": crafted})

    assert 400 == answer.status_code


@on_sqlite
@pytest.mark.parametrize("value", [10**30, True, "1", None, -(10**30)])
def test_a_crafted_cursor_of_numbers_is_refused(admin: Caller, value: Any) -> None:
    answer = admin.get("/events", query_string={"cursor": cursor(value)})

    assert 400 == answer.status_code


@on_sqlite
@pytest.mark.parametrize(
    "text",
    [
        '{"a": "\\u0000"}',
        '{"a": "\\ud800"}',
        '{"\\u0000": 1}',
        '{"a": 1e400}',
        '{"a": 1' + "0" * 400 + "}",
        '{"a": ' + "[" * 40 + "]" * 40 + "}",
        '{"a": "' + "x" * 20_000 + '"}',
        "[]",
        "null",
    ],
)
def test_free_json_has_its_limits(ingest: Caller, text: str) -> None:
    body = f'{{"type": "custom.x", "data": {text}}}'

    answer = ingest.post("/events", data=body, content_type="application/json")

    assert 422 == answer.status_code
    assert "data" in answer.get_json()["errors"]


def test_free_json_keeps_its_numbers(ingest: Caller, admin: Caller) -> None:
    data = {"half": 1.5, "whole": 3, "deep": {"list": [0.25, "x", None, True]}}

    event = made(ingest.post("/events", {"type": "custom.x", "data": data}))

    kept = admin.get(f"/events/{event['id']}").get_json()["data"]
    assert data == {name: kept[name] for name in data}


@on_sqlite
@pytest.mark.parametrize(
    "values",
    [
        {"started_at": "0001-01-01T00:00:00+14:00"},
        {"started_at": "2026-01-01T00:00:00"},
        {"started_at": 5},
        {"minutes": 10**30},
        {"minutes": 1.5},
        {"minutes": -1},
        {"minutes": "60"},
        {"hourly_rate": "1e9999"},
        {"hourly_rate": "-5"},
        {"hourly_rate": "\u0661"},
        {"currency": "XXQ"},
        {"currency": "\u0130\u0130\u0130"},
        {"person": "a\0b"},
        {"person": ["Ana"]},
        {"company_id": "com_nope"},
        {"ticket_id": {"id": 1}},
    ],
)
def test_absurd_values_are_named(admin: Caller, values: dict[str, Any]) -> None:
    entry = {
        "company_id": company(admin)["id"],
        "person": "Ana",
        "started_at": "2026-03-02T10:00:00Z",
        "minutes": 45,
        "hourly_rate": "85.00",
        "currency": "EUR",
    }

    answer = admin.post("/time-entries", entry | values)

    assert 422 == answer.status_code, answer.get_data(as_text=True)
    assert set(values) <= set(answer.get_json()["errors"])


def test_overdue_is_told(admin: Caller, hub: Hub) -> None:
    client = company(admin)["id"]
    late = {"issue_date": "2026-01-01", "due_date": "2026-01-31"}
    old, new = invoice(admin, client, **late), invoice(admin, client)

    assert old["overdue"]
    assert old["days_overdue"] > 200
    assert (False, 0) == (new["overdue"], new["days_overdue"])
    admin.post(f"/invoices/{old['id']}/payments", {"amount": old["total"]})
    paid = admin.get(f"/invoices/{old['id']}").get_json()
    assert (False, 0) == (paid["overdue"], paid["days_overdue"])


def test_sending_is_news_once(admin: Caller) -> None:
    bill = invoice(admin, company(admin)["id"])
    assert bill["sent_at"] is None

    first = admin.post(f"/invoices/{bill['id']}/send")
    again = admin.post(f"/invoices/{bill['id']}/send")

    assert first.get_json()["sent_at"] == again.get_json()["sent_at"] is not None
    assert 1 == len(admin.get("/events?type=invoice.sent").get_json()["items"])
