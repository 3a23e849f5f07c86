"""Tokens, roles, and one answer per Idempotency-Key."""

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from hub.boot import Hub
from hub.core.models import Company, IdempotencyKey
from hub.core.people import accounts
from tests.api.client import Caller, company, on_sqlite

READS = ("/companies", "/invoices", "/payments", "/refunds", "/disputes", "/payouts",
         "/credit-notes", "/mandates", "/quotes", "/time-entries", "/tickets",
         "/products", "/devices", "/events", "/notifications")  # fmt: skip
ADMIN_READS = ("/inbound-webhooks", "/deliveries", "/api-calls", "/sync-runs",
               "/plugins", "/connections", "/audit", "/tokens", "/users")  # fmt: skip
NEW = {"name": "Smith", "currency": "EUR"}


@on_sqlite
def test_no_token_no_answer(app: Flask) -> None:
    for path in READS + ADMIN_READS:
        answer = app.test_client().get(f"/api/v1{path}")

        assert 401 == answer.status_code, path
        assert "application/problem+json" == answer.content_type
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_token_is_refused(admin: Caller, hub: Hub) -> None:
    with hub.write() as session:
        token = accounts.find_token(session, admin.token)
        assert token is not None
        accounts.revoke_token(session, token.id)

    assert 401 == admin.get("/companies").status_code


def test_what_each_role_may_read(
    admin: Caller, billing: Caller, ingest: Caller
) -> None:
    for path in READS + ADMIN_READS:
        assert 200 == admin.get(path).status_code, path
        expected = 200 if path in READS else 403
        assert expected == billing.get(path).status_code, path
        assert 403 == ingest.get(path).status_code, path


def test_ingest_writes_the_ledger(ingest: Caller) -> None:
    assert 201 == ingest.post("/companies", NEW).status_code
    assert 403 == ingest.post("/connections", {"plugin": "slack"}).status_code


@on_sqlite
def test_a_session_cookie_is_no_way_in(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("hub", "whatever")

    assert 401 == client.get("/api/v1/companies").status_code


class TestIdempotencyKey:
    def test_the_same_request_is_done_once(self, admin: Caller, hub: Hub) -> None:
        key = {"Idempotency-Key": "once"}
        first = admin.post("/companies", NEW, headers=key)
        again = admin.post("/companies", NEW, headers=key)

        assert (201, first.get_json()) == (again.status_code, again.get_json())
        assert 1 == count(hub)

    def test_another_request_with_the_key_is_a_conflict(self, admin: Caller) -> None:
        key = {"Idempotency-Key": "once"}
        admin.post("/companies", NEW, headers=key)

        answer = admin.post("/companies", NEW | {"name": "Other"}, headers=key)

        assert 409 == answer.status_code

    def test_of_many_at_once_one_is_done(
        self, app: Flask, admin: Caller, hub: Hub
    ) -> None:
        key = {"Idempotency-Key": "race"}
        statuses: list[int] = []

        def ask() -> None:
            own = Caller(app.test_client(), admin.token)
            answer = own.post("/companies", NEW, headers=key)
            statuses.append(answer.status_code)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 1 == count(hub)
        assert {201, 409} >= set(statuses)
        assert 201 in statuses

    def test_a_refused_request_frees_the_key(self, admin: Caller, hub: Hub) -> None:
        key = {"Idempotency-Key": "retry"}
        assert 422 == admin.post("/companies", {}, headers=key).status_code

        assert 201 == admin.post("/companies", NEW, headers=key).status_code

    def test_keys_of_two_callers_are_two(self, admin: Caller, billing: Caller) -> None:
        key = {"Idempotency-Key": "same"}
        first = admin.post("/companies", NEW, headers=key)
        second = billing.post("/companies", NEW, headers=key)

        assert first.get_json()["id"] != second.get_json()["id"]

    @pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
    def test_absurd_keys_are_refused(self, admin: Caller, hub: Hub, key: str) -> None:
        answer = admin.post("/companies", NEW, headers={"Idempotency-Key": key})

        assert 422 == answer.status_code
        with hub.read() as session:
            assert not session.scalars(select(IdempotencyKey)).all()


def count(hub: Hub) -> Any:
    with hub.read() as session:
        return session.scalar(select(func.count(Company.id)))


def test_the_actor_is_in_the_audit(admin: Caller) -> None:
    company(admin)

    (entry,) = admin.get("/audit?action=company.created").get_json()["items"]
    assert "token:a admin" == entry["actor"]
