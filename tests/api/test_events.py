"""Events, notifications, connections and the trail over HTTP."""

import pytest

from hub.boot import Hub
from tests.api.client import Caller, company, invoice, made, on_sqlite

CANARY = "xoxb-canary-0123456789abcdef"


def test_events_are_told_newest_first(admin: Caller) -> None:
    invoice(admin, company(admin)["id"])

    items = admin.get("/events?type=invoice.created").get_json()["items"]

    assert ["invoice.created"] == [item["type"] for item in items]
    assert isinstance(items[0]["id"], str)


def test_custom_events_are_taken(ingest: Caller, admin: Caller) -> None:
    answer = ingest.post("/events", {"type": "custom.backup", "data": {"ok": True}})

    assert made(answer)["type"] == "custom.backup"
    assert (
        422
        == ingest.post("/events", {"type": "payment.received", "data": {}}).status_code
    )


def test_notifications_are_read(admin: Caller) -> None:
    bill = invoice(admin, company(admin)["id"])
    admin.post(f"/invoices/{bill['id']}/payments", {"amount": "120.00"})
    page = admin.get("/notifications?unread=true").get_json()
    (first, *_) = page["items"]
    assert page["unread"] == len(page["items"])
    assert isinstance(first["id"], int)

    assert 200 == admin.post(f"/notifications/{first['id']}/read").status_code
    assert page["unread"] - 1 == admin.get("/notifications").get_json()["unread"]
    admin.post("/notifications/read-all")
    assert 0 == admin.get("/notifications").get_json()["unread"]
    assert 404 == admin.post("/notifications/999999/read").status_code


def test_a_notification_of_another_is_none(admin: Caller, billing: Caller) -> None:
    bill = invoice(admin, company(admin)["id"])
    admin.post(f"/invoices/{bill['id']}/payments", {"amount": "120.00"})
    (first, *_) = admin.get("/notifications").get_json()["items"]

    assert 404 == billing.post(f"/notifications/{first['id']}/read").status_code


def test_secrets_go_in_and_never_come_out(admin: Caller) -> None:
    given = {"plugin": "slack", "settings": {"bot_token": CANARY}}
    answers = [
        admin.post("/connections", given),
        admin.get("/connections"),
        admin.get("/connections/slack"),
        admin.patch("/connections/slack", {"settings": {"channel": "#ops"}}),
        admin.post("/connections", given),
        admin.get("/audit"),
        admin.post("/connections/slack/disable"),
    ]

    assert [201, 200, 200, 200] == [each.status_code for each in answers[:4]]
    assert "stored" == answers[2].get_json()["secrets"]["bot_token"]
    assert "#ops" == answers[3].get_json()["settings"]["channel"]
    for each in answers:
        assert CANARY not in each.get_data(as_text=True)


@on_sqlite
@pytest.mark.parametrize(
    "given",
    [
        {"plugin": "nope"},
        {"plugin": "slack", "settings": {"surprise": "1"}},
        {"plugin": "slack", "slug": "No Slug!"},
        {"plugin": "slack", "settings": {"api_base_url": "http://169.254.169.254/"}},
    ],
)
def test_a_wrong_connection_is_refused(admin: Caller, given: dict[str, object]) -> None:
    assert admin.post("/connections", given).status_code in (404, 422)


def test_connections_are_switched(admin: Caller, hub: Hub) -> None:
    admin.post("/connections", {"plugin": "slack", "settings": {"bot_token": CANARY}})

    assert "disabled" == admin.post("/connections/slack/disable").get_json()["state"]
    assert "active" == admin.post("/connections/slack/enable").get_json()["state"]
    assert "disabled" == admin.post("/plugins/slack/disable").get_json()["state"]
    assert "enabled" == admin.post("/plugins/slack/enable").get_json()["state"]
    assert 200 == admin.call("DELETE", "/connections/slack").status_code
    assert 404 == admin.get("/connections/slack").status_code


@on_sqlite
def test_the_contract_is_served(admin: Caller) -> None:
    from openapi_spec_validator import validate

    document = admin.get("/openapi.json").get_json()

    validate(document)
    assert "/api/v1/invoices/{id}/payments" in document["paths"]
