"""Who is told what, and reminders, over HTTP."""

from typing import Any

import pytest
from flask import Flask

from hub.app import create_app
from hub.boot import Hub
from hub.core.policy import rules
from tests.api.client import Caller, caller, company, invoice, on_sqlite
from tests.core.policy.plugins import add_contact, cast, connected

pytestmark = on_sqlite


@pytest.fixture
def app(hub: Hub) -> Flask:
    cast(hub)
    connected(hub, "chat", "phone", "mail")
    return create_app(hub)


def of(answer: Any, type: str, audience: str) -> Any:
    return next(
        rule
        for rule in answer.get_json()["rules"]
        if (type, audience) == (rule["event_type"], rule["audience"])
    )


def test_rules_are_shown_and_set_and_the_others_stay(admin: Caller) -> None:
    path = "/connections/chat/sending-rules"
    wish = {"event_type": "invoice.overdue", "audience": "channel", "when": "daily"}
    before = admin.get(path)

    after = admin.patch(path, {"rules": [wish | {"targets": ["#money"]}]})
    kept = admin.patch(path, {"rules": [wish | {"when": "hourly"}]})

    assert "now" == of(before, "invoice.overdue", "channel")["when"]
    assert ["off", "now", "hourly", "daily"] == (
        of(before, "invoice.overdue", "channel")["choices"]
    )
    assert of(before, "payment.disputed", "channel")["critical"]
    assert ("daily", ["#money"]) == tuple(
        of(after, "invoice.overdue", "channel")[name] for name in ("when", "targets")
    )
    assert ("hourly", ["#money"]) == tuple(
        of(kept, "invoice.overdue", "channel")[name] for name in ("when", "targets")
    )
    assert kept.get_json() == admin.get(path).get_json()


@pytest.mark.parametrize(
    "wish",
    [
        {"event_type": "invoice.overdue", "audience": "contact", "when": "daily"},
        {"event_type": "company.changed", "audience": "contact", "when": "now"},
        {"event_type": "invoice.overdue", "audience": "channel", "when": "now"},
        {"event_type": "no.such", "audience": "staff", "when": "now"},
        {"event_type": "invoice.overdue", "audience": "staff"},
    ],
)
def test_what_cannot_be_is_refused(admin: Caller, wish: dict[str, str]) -> None:
    path = "/connections/phone/sending-rules"

    assert 422 == admin.patch(path, {"rules": [wish]}).status_code
    assert 422 == admin.patch(path, {"rules": []}).status_code
    assert 404 == admin.get("/connections/nope/sending-rules").status_code


def test_quiet_hours_are_shown_and_set(admin: Caller) -> None:
    hours = {"quiet_from": "21:00", "quiet_until": "07:30"}

    before = admin.get("/sending-policy").get_json()
    wrong = admin.patch("/sending-policy", hours | {"quiet_from": "9pm"})
    after = admin.patch("/sending-policy", hours)

    assert {"quiet_from": "20:00", "quiet_until": "08:00"} == before
    assert 422 == wrong.status_code
    assert hours == after.get_json() == admin.get("/sending-policy").get_json()


def test_only_admins_decide_and_billing_may_remind(
    app: Flask, hub: Hub, admin: Caller
) -> None:
    billing, ingest = caller(app, hub, "billing"), caller(app, hub, "ingest")
    client = company(admin, sms_notifications_enabled=True)
    owed = invoice(admin, client["id"])
    add_contact(hub, client["id"], "sms", phone="+4930901820")
    with hub.write() as session:
        rules.set_policy(session, quiet_from="00:00", quiet_until="00:00")
    path = f"/invoices/{owed['id']}/remind"

    made = billing.post(path)

    assert 202 == made.status_code
    found = {each["connection"]: each for each in made.get_json()["deliveries"]}
    assert ("pending", "+4930901820", "contact") == tuple(
        found["phone"][name] for name in ("state", "target", "audience")
    )
    assert ("skipped", "no consent") == tuple(
        found["mail"][name] for name in ("state", "reason")
    )
    assert "Not sent" in found["mail"]["explanation"]
    assert 202 == billing.post(f"/companies/{client['id']}/statement").status_code
    assert 403 == ingest.post(path).status_code
    assert 404 == billing.post("/invoices/nope/remind").status_code
    for other in (billing, ingest):
        assert 403 == other.get("/sending-policy").status_code
        assert 403 == other.get("/connections/chat/sending-rules").status_code


def test_nobody_is_reminded_of_nothing(admin: Caller) -> None:
    client = company(admin)

    answer = admin.post(f"/companies/{client['id']}/statement")

    assert 409 == answer.status_code
