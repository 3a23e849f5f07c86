"""The OpenAPI document is true: what it promises is what the API does."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hub.api.contract import operations
from hub.boot import Hub
from hub.db import Database
from tests.api.client import Caller, caller, company, invoice, made

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
TRIES = 5
# What a made-up request names so that it can be done.
MEANINGFUL = {
    "currency": "EUR",
    "email": "ana@example.com",
    "phone": None,
    "country": "DE",
    "time_zone": "Europe/Berlin",
    "unit_price": "10.00",
    "tax_rate": "20",
    "quantity": "1",
    "amount": "1.00",
    "description": "Work",
    "channel": "sms",
    "title": "Printer",
    "type": "custom.test",
    "name": "Ana",
    "ticket_id": None,
    "number": "N-1",
    "due_date": "2999-01-01",
    "minutes": 5,
}
MADE = {"companies", "invoices", "credit-notes", "quotes", "events"}


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def document(app: Flask) -> Any:
    return app.test_client().get("/api/v1/openapi.json").get_json()


def test_the_document_is_valid(document: Any) -> None:
    validate(document)

    assert "3.1.0" == document["openapi"]


def test_every_address_is_documented(app: Flask, document: Any) -> None:
    served = {
        (rule.rule.replace("<string:", "{").replace("<int:", "{").replace(">", "}"), m)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and rule.rule != "/api/v1/openapi.json"
        for m in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    told = {(path, method.upper()) for path, method, _ in operations(document)}

    assert served == told


def test_every_operation_says_what_it_does(document: Any) -> None:
    for path, method, operation in operations(document):
        assert operation["summary"].endswith("."), (method, path)
        assert operation["x-roles"], (method, path)
        assert {"401", "403"} <= set(operation["responses"]), (method, path)
    names = [each["operationId"] for _, _, each in operations(document)]
    assert len(names) == len(set(names))


def test_the_roles_are_those_of_the_document(
    app: Flask, hub: Hub, document: Any
) -> None:
    """No token is 401 everywhere; a role that isn't named is 403."""
    callers = {role: caller(app, hub, role) for role in ("admin", "billing", "ingest")}
    stranger = Caller(app.test_client(), "hub_nobody")
    for path, method, operation in operations(document):
        address = path.removeprefix("/api/v1").replace("{id}", "7")
        address = address.replace("{slug}", "nope").replace("{name}", "nope")
        assert 401 == stranger.call(method, address).status_code, (method, path)
        for role, asking in callers.items():
            refused = asking.call(method, address).status_code == 403
            assert refused == (role not in operation["x-roles"]), (role, method, path)


def ledger(admin: Caller) -> dict[str, str]:
    """A thing of each kind, so that requests find what they name."""
    client = company(admin, contacts=[{"name": "Ana"}])
    bill = invoice(admin, client["id"])
    paid = admin.post(f"/invoices/{bill['id']}/payments", {"amount": "20.00"})
    line = {"description": "Firewall", "unit_price": "100"}
    quote = made(admin.post("/quotes", {"company_id": client["id"], "lines": [line]}))
    note = {"company_id": client["id"], "amount": "5.00"}
    device = made(admin.post("/devices", {"name": "PC-1"}))
    (told, *_) = admin.get("/events").get_json()["items"]
    return {
        "companies": client["id"],
        "contacts": client["contacts"][0]["id"],
        "invoices": bill["id"],
        "payments": made(paid)["id"],
        "quotes": quote["id"],
        "credit-notes": made(admin.post("/credit-notes", note))["id"],
        "devices": device["id"],
        "events": told["id"],
        "notifications": "1",
    }


def grounded(value: Any, known: dict[str, Any]) -> Any:
    """What fits the document's types, with values that also mean something."""
    if isinstance(value, list):
        return [grounded(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: known.get(name, grounded(each, known)) for name, each in value.items()
    }


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_any_request_gets_a_documented_answer(
    app: Flask, admin: Caller, mode: GenerationMode
) -> None:
    """Requests that fit the document, and such that don't."""
    ids = ledger(admin)
    known = {
        **MEANINGFUL,
        "company_id": ids["companies"],
        "invoice_id": ids["invoices"],
    }
    contract = openapi.from_wsgi("/api/v1/openapi.json", app)
    headers = {"Authorization": f"Bearer {admin.token}"}
    answered: set[tuple[str, int]] = set()
    for found in contract.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        id = ids.get(operation.path.split("/")[3], "nope")
        asked: Any = {"path_parameters": {"id": id}} if "{id}" in operation.path else {}

        @settings(
            max_examples=1 if operation.method == "get" else TRIES,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode, **asked))
        def ask(case: Any) -> None:
            if mode is GenerationMode.POSITIVE:
                case.body = grounded(case.body, known)
            answer = case.call_and_validate(headers=headers, checks=CHECKS)
            answered.add((case.operation.path, answer.status_code))

        ask()
    if mode is GenerationMode.POSITIVE:
        made = {path.split("/")[3] for path, status in answered if status == 201}
        assert MADE <= made, "requests that come to nothing show nothing"
    else:
        assert {400, 422} <= {status for _, status in answered}
