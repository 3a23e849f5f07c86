"""A caller of the API with a token, over WSGI."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.boot import Hub
from hub.core.people import accounts

# For what is refused before any database is asked: one of them is enough.
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@dataclass
class Caller:
    """One token's calls."""

    client: FlaskClient
    token: str

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.client.open(
            f"/api/v1{path}", method=method, headers=headers, **options
        )

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        if json is not None:
            options["json"] = json
        return self.call("POST", path, **options)

    def patch(self, path: str, json: Any) -> TestResponse:
        return self.call("PATCH", path, json=json)


def caller(app: Flask, hub: Hub, role: str) -> Caller:
    """Make a token of a role and call with it."""
    with hub.write() as session:
        _, plain = accounts.create_token(session, f"a {role}", role)
    return Caller(app.test_client(), plain)


def made(answer: TestResponse) -> Any:
    """The object a POST made."""
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return answer.get_json()


def company(admin: Caller, **values: Any) -> Any:
    return made(admin.post("/companies", {"name": "Smith", "currency": "EUR"} | values))


def invoice(admin: Caller, company_id: str, **values: Any) -> Any:
    line = {"description": "Work", "quantity": 2, "unit_price": "50.00", "tax_rate": 20}
    given = {"company_id": company_id, "lines": [line]} | values
    return made(admin.post("/invoices", given))
