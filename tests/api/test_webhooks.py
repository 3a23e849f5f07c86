"""The table of answers to providers (docs/road.md, DESIGN.md section 6)."""

import io
import json
from typing import Any

import pytest
import time_machine
from sqlalchemy import update
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

from hub.core.accept import Writer
from hub.core.configuration.live import live
from hub.core.configuration.revision import bump
from hub.core.models import Connection, InboundWebhook, PluginSwitch
from hub.jobs import Bell
from hub.sdk.errors import UnavailableError, UnreadyError
from hub.sdk.redaction import HIDDEN
from hub.sdk.webhooks import Answer, Verified, WebhookRequest
from tests.parts.bank import SECRET, Bank, body_of, event, serving, signature

GOOD = body_of("1", event("a"))
NOT_NOW = "It can't be taken right now. Send it again later."


def told(answer: TestResponse) -> dict[str, str]:
    """The answer's JSON."""
    found: dict[str, str] = json.loads(answer.data)
    return found


def change(bank: Bank, **values: Any) -> None:
    """Change the connection as an admin in another process would."""
    with bank.hub.write() as session:
        session.execute(
            update(Connection)
            .where(Connection.id == bank.connection.id)
            .values(**values)
        )
        bump(session)


def test_accepted(bank: Bank) -> None:
    answer = bank.post(GOOD)

    (row,) = bank.kept()
    assert 200 == answer.status_code
    assert {"status": "accepted", "id": row.id} == answer.get_json()
    assert ("1", GOOD, "received") == (row.dedupe_key, row.body, row.state)
    assert b"Content-Type: application/json" in (row.headers or b"").split(b"\n")


def test_duplicate(bank: Bank) -> None:
    first = bank.post(GOOD)
    answer = bank.post(GOOD)

    assert 200 == answer.status_code
    assert {"status": "duplicate", "id": told(first)["id"]} == answer.get_json()
    assert 1 == len(bank.kept())


def test_failed_one_is_accepted_again(bank: Bank) -> None:
    """ROAD 11."""
    first = bank.post(GOOD)
    with bank.hub.write() as session:
        session.execute(update(InboundWebhook).values(state="failed"))

    assert {"status": "accepted", "id": told(first)["id"]} == bank.post(GOOD).json
    assert ["received"] == [row.state for row in bank.kept()]


def test_own_answer_of_the_plugin(bank: Bank) -> None:
    answer = bank.post(body_of("1", quiet=True))

    (row,) = bank.kept()
    assert (204, b"") == (answer.status_code, answer.data)
    assert row.id == answer.headers["X-Hub-Webhook-Id"]
    again = bank.post(body_of("1", quiet=True))
    assert (204, row.id) == (again.status_code, again.headers["X-Hub-Webhook-Id"])


def test_handshake_is_answered_and_not_kept(bank: Bank) -> None:
    answer = bank.post(body_of("1", challenge="say this"))

    assert (200, b"say this") == (answer.status_code, answer.data)
    assert "X-Hub-Webhook-Id" not in answer.headers
    assert [] == bank.kept()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Signature": signature(GOOD, "another secret")},
        {"X-Signature": ""},
        {"X-Signature": "ä\u00ff"},
        {"X-Signature": signature(GOOD + b" ")},
    ],
)
def test_forged_leaves_nothing(bank: Bank, headers: dict[str, str]) -> None:
    answer = bank.post(GOOD, headers=headers)

    assert 401 == answer.status_code
    assert "application/problem+json" == answer.content_type
    assert [] == bank.kept()


def test_provider_may_want_another_status_for_forgeries(bank: Bank) -> None:
    from dataclasses import replace

    plugin = bank.hub.plugins.get("bank")
    assert plugin.provider
    provider = replace(plugin.provider, refused_status=498)
    bank.hub.plugins._plugins["bank"] = replace(plugin, provider=provider)
    live(bank.hub).refresh()

    answer = bank.post(GOOD, headers={"X-Signature": "no"})

    assert "498" == answer.status.split()[0]


def test_connection_without_a_secret_refuses(bank: Bank) -> None:
    from dataclasses import replace

    bank.hub.settings = replace(bank.hub.settings, environ={})
    change(bank, state="setup")
    live(bank.hub).refresh()

    assert 401 == bank.post(GOOD).status_code


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, b'{"no": "id"}'])
def test_signed_but_without_a_key_is_400(bank: Bank, body: bytes) -> None:
    assert 400 == bank.post(body).status_code
    assert [] == bank.kept()


@pytest.mark.parametrize(
    "key", ["\x00", "\ud800", "x" * 300, "a b", "", "💶"], ids=range(6)
)
def test_strange_dedupe_keys_are_kept_and_told_apart(bank: Bank, key: str) -> None:
    body = json.dumps({"id": key, "events": []}).encode()

    assert ["accepted", "duplicate"] == [told(bank.post(body))["status"] for _ in "12"]


@pytest.mark.parametrize(
    "address",
    [
        *("/webhooks/nobody", "/webhooks/bank/", "/webhooks/bank/else", "/webhooks/"),
        *("/webhooks/%00", "/webhooks/BANK", "/webhooks/" + "x" * 3000, "/webhooks/ä"),
    ],
)
def test_unknown_address_is_404(bank: Bank, address: str) -> None:
    answer = bank.client.post(
        address,
        data=GOOD,
        content_type="application/json",
        headers={"X-Signature": signature(GOOD)},
    )

    assert 404 == answer.status_code


def test_declared_sub_path_is_kept_with_its_path(bank: Bank) -> None:
    assert 200 == bank.post(GOOD, path="/status").status_code
    assert ["status"] == [row.path for row in bank.kept()]


@pytest.mark.parametrize("state", ["active", "degraded", "needs_reauth", "setup"])
def test_connections_in_use_accept(bank: Bank, state: str) -> None:
    """ROAD 12."""
    change(bank, state=state)

    assert 200 == bank.post(GOOD).status_code


def test_disabled_connection_is_404(bank: Bank) -> None:
    """ROAD 12."""
    change(bank, state="disabled")
    live(bank.hub).refresh()

    assert 404 == bank.post(GOOD).status_code
    assert [] == bank.kept()


def test_table_is_asked_before_saying_disabled(bank: Bank) -> None:
    change(bank, state="disabled")
    live(bank.hub).refresh()
    change(bank, state="active")

    assert 200 == bank.post(GOOD).status_code


def test_table_is_asked_before_saying_unknown(bank: Bank) -> None:
    bank.post(GOOD)
    change(bank, slug="bank-2")
    answer = bank.client.post(
        "/webhooks/bank-2",
        data=GOOD,
        content_type="application/json",
        headers={"X-Signature": signature(GOOD)},
    )

    assert 404 != answer.status_code


def test_plugin_switched_off_is_404(bank: Bank) -> None:
    with bank.hub.write() as session:
        session.get_one(PluginSwitch, "bank").enabled = False
        bump(session)
    live(bank.hub).refresh()

    assert 404 == bank.post(GOOD).status_code


def test_plugin_without_webhooks_is_404(bank: Bank) -> None:
    assert 404 == bank.client.post("/webhooks/ears", data=b"").status_code


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_other_methods_are_405(bank: Bank, method: str) -> None:
    answer = bank.client.open("/webhooks/bank", method=method, data=GOOD)

    assert (405, "POST, GET") == (answer.status_code, answer.headers["Allow"])


def test_get_needs_no_media_type(bank: Bank) -> None:
    bank.plugin.verified = lambda request, ctx: Verified(
        dedupe_key=None, answer=Answer(body=request.query["c"].encode()), keep=False
    )

    answer = bank.client.get("/webhooks/bank?c=say%20this&c=too&d=")

    assert (200, b"say this") == (answer.status_code, answer.data)


def test_query_with_too_many_fields_is_400(bank: Bank) -> None:
    assert 400 == bank.client.get("/webhooks/bank?" + "a&" * 2000).status_code


@pytest.mark.parametrize("length", [1024 * 1024, 1024 * 1024 + 1])
def test_more_than_1_mib_is_413(bank: Bank, length: int) -> None:
    head, tail = b'{"id": "1", "events": [], "pad": "', b'"}'
    body = head + b"x" * (length - len(head + tail)) + tail

    expected = 200 if length == 1024 * 1024 else 413
    assert expected == bank.post(body).status_code


def sent(bank: Bank, stream: io.BytesIO, **environ: Any) -> int:
    """Send just this and return the answer's status."""
    given = create_environ("/webhooks/bank", method="POST")
    given |= {"wsgi.input": stream, "CONTENT_TYPE": "application/json", **environ}
    _, status, _ = run_wsgi_app(bank.client.application, given, buffered=True)
    return int(status.split()[0])


CHUNKED = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}


def test_declared_length_over_the_limit_is_not_read(bank: Bank) -> None:
    stream = io.BytesIO(b"x" * 4_000_000)

    assert 413 == sent(bank, stream, CONTENT_LENGTH="4000000")
    assert 0 == stream.tell()


def test_body_without_a_length_is_read_to_the_limit_only(bank: Bank) -> None:
    stream = io.BytesIO(b"x" * 4_000_000)

    assert 413 == sent(bank, stream, **CHUNKED)
    assert 1024 * 1024 + 1 == stream.tell()


def test_body_in_chunks_is_kept_whole(bank: Bank) -> None:
    class Pieces(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 10, 10))

    head = {"HTTP_X_SIGNATURE": signature(GOOD)}

    assert 200 == sent(bank, Pieces(GOOD), **CHUNKED, **head)
    assert [GOOD] == [row.body for row in bank.kept()]


@pytest.mark.parametrize("length", [{"CONTENT_LENGTH": "100"}, {}])
def test_body_that_breaks_off_is_400(bank: Bank, length: dict[str, str]) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise RuntimeError("no chunk")
            return super().read(size)

    assert 400 == sent(bank, Broken(b"{"), **{**CHUNKED, **length})
    assert 400 == sent(bank, io.BytesIO(b"{"), CONTENT_LENGTH="100")


@pytest.mark.parametrize("kind", ["text/plain", "", "application/xml", "\u00ff"])
def test_other_media_types_are_415(bank: Bank, kind: str) -> None:
    assert 415 == bank.post(GOOD, content_type=kind).status_code


@pytest.mark.parametrize(
    "kind",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;"],
)
def test_parameters_of_the_media_type_do_not_matter(bank: Bank, kind: str) -> None:
    assert 200 == bank.post(GOOD, content_type=kind).status_code


def test_301st_refused_request_of_a_minute_is_429(bank: Bank) -> None:
    with time_machine.travel("2026-03-02T10:00:59Z") as clock:
        statuses = []
        for _ in range(301):
            answer = bank.post(GOOD, headers={"X-Signature": "no"})
            statuses.append(answer.status_code)
            clock.shift(0.1)
        assert [401] * 300 + [429] == statuses
        assert "60" == answer.headers["Retry-After"]

        elsewhere = {"REMOTE_ADDR": "192.0.2.9"}
        other = bank.post(
            GOOD, headers={"X-Signature": "no"}, environ_overrides=elsewhere
        )
        assert 401 == other.status_code
        assert 200 == bank.post(GOOD).status_code  # a genuine one is never shut out


def test_unknown_addresses_count_among_the_refused(bank: Bank) -> None:
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False):
        paths = [f"/webhooks/nobody-{number}" for number in range(301)]
        statuses = [bank.client.post(path).status_code for path in paths]
        assert [404] * 300 + [429] == statuses
        assert 200 == bank.post(GOOD).status_code


def test_refusals_are_counted_without_redis(bank: Bank) -> None:
    """ROAD 44."""
    bank.hub.bell = Bell("unix:///nowhere/redis.sock")
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        for _ in range(301):
            answer = bank.post(GOOD, headers={"X-Signature": "no"})
        assert 429 == answer.status_code
        clock.shift(60)
        assert 401 == bank.post(GOOD, headers={"X-Signature": "no"}).status_code


def test_refusals_of_all_processes_count(bank: Bank) -> None:
    other = serving(bank.hub)
    for _ in range(150):
        bank.post(GOOD, headers={"X-Signature": "no"})
    bank.hub._parts.clear()  # as in another process
    for _ in range(151):
        answer = other.post(
            "/webhooks/bank", data=GOOD, content_type="application/json"
        )

    assert 429 == answer.status_code


def unavailable(request: WebhookRequest, ctx: object) -> Verified:
    raise UnavailableError("The bank's key could not be read.")


def crash(request: WebhookRequest, ctx: object) -> Verified:
    raise KeyError(f"payload and {SECRET}")


def end(request: WebhookRequest, ctx: object) -> Verified:
    raise SystemExit(3)


@pytest.mark.parametrize("verified", [unavailable, crash, end, lambda r, c: None])
def test_what_cannot_be_verified_now_is_503(
    bank: Bank, verified: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bank.plugin.verified = verified

    answer = bank.post(GOOD)

    assert 503 == answer.status_code
    assert int(answer.headers["Retry-After"]) > 0
    assert SECRET not in answer.text + caplog.text
    assert NOT_NOW == answer.get_json()["detail"]
    assert [] == bank.kept()


def test_what_cannot_be_committed_now_is_503(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(self: Writer, row: object) -> None:
        raise UnreadyError("The database is too busy right now; try again.")

    monkeypatch.setattr(Writer, "keep", keep)

    answer = bank.post(GOOD)

    assert 503 == answer.status_code
    assert int(answer.headers["Retry-After"]) > 0


def test_unreachable_database_is_503(bank: Bank, monkeypatch: Any) -> None:
    def refuse(self: object, *args: object, **kwargs: object) -> None:
        raise UnreadyError("The database can't be reached right now.")

    monkeypatch.setattr("hub.core.configuration.live.Live.by_slug", refuse)

    answer = bank.post(GOOD)

    assert (503, NOT_NOW) == (answer.status_code, answer.get_json()["detail"])


def test_answers_say_nothing_of_the_inside(bank: Bank) -> None:
    """Strangers read them too."""
    change(bank, secrets=b"no key opens this")
    live(bank.hub).refresh()

    answer = bank.post(b"x", headers={"X-Signature": "no"})

    assert (503, NOT_NOW) == (answer.status_code, answer.get_json()["detail"])


def test_plugin_sees_the_request_as_it_came(bank: Bank) -> None:
    seen: list[WebhookRequest] = []

    def verified(request: WebhookRequest, ctx: object) -> Verified:
        seen.append(request)
        return Verified(dedupe_key="1")

    bank.plugin.verified = verified
    body = b'{"a":1.0, "b": "\xc3\xa4"}'
    bank.post(body, path="/status?x=%20a&y=%C3%A4", headers={"X-Note": "\u00e9"})

    (request,) = seen
    assert ("POST", "status", body) == (request.method, request.path, request.body)
    assert f"{bank.hub.url('/webhooks/bank/status?x=%20a&y=%C3%A4')}" == request.url
    assert {"x": " a", "y": "ä"} == request.query
    assert "\u00e9" == request.headers["x-note"]


def test_secrets_in_headers_are_not_kept(bank: Bank) -> None:
    bank.plugin.verified = lambda request, ctx: Verified(dedupe_key="1")
    bank.client.set_cookie("hub", "session")
    bank.post(
        GOOD,
        headers={
            "X-Webhook-Secret": "short",
            "Authorization": "Basic abc",
            "X-Other": f"before {SECRET} after",
            "X-Signature": "kept",
        },
    )

    (row,) = bank.kept()
    lines = (row.headers or b"").decode().split("\n")
    assert {
        f"X-Webhook-Secret: {HIDDEN}",
        f"Authorization: {HIDDEN}",
        f"Cookie: {HIDDEN}",
        f"X-Other: before {HIDDEN} after",
        "X-Signature: kept",
    } <= set(lines)


def test_refusal_is_logged_without_secrets(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    bank.post(GOOD, headers={"X-Signature": SECRET})

    said = capsys.readouterr().out
    assert "webhook.refused" in said
    assert "The signature doesn't fit." in said
    assert SECRET not in said


def test_defect_of_ours_is_503(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("hub.core.receive._received", fail)

    answer = bank.post(GOOD)

    assert (503, NOT_NOW) == (answer.status_code, answer.get_json()["detail"])


def test_unsigned_request_that_cannot_be_read_is_not_called_signed(bank: Bank) -> None:
    answer = bank.client.post(
        "/webhooks/bank",
        query_string="&".join(["a=1"] * 1001),
        content_type="application/json",
    )

    told = (answer.status_code, answer.get_json()["detail"])
    assert (400, "The request can't be read.") == told
