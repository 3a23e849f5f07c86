"""Keys of webhooks: fetched within bounds, cached, never twice at once (ROAD 43)."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from hub.core.configuration.live import live
from hub.core.models import ApiCall, ConnectionState
from hub.core.webhooks import keys, refusals
from hub.sdk.errors import PluginError, SignatureError, UnavailableError
from hub.sdk.webhooks import Verified, WebhookRequest
from tests.parts.bank import Bank

KEY = b"-----BEGIN KEY-----"


@dataclass
class KeyServer:
    """Serves keys on this machine; `answers` by path, else KEY."""

    url: str
    asked: list[str] = field(default_factory=list)
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(
        default_factory=dict
    )


def reply(
    handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, text in headers.items():
        handler.send_header(name, text)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server() -> Iterator[KeyServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            answer = made.answers.get(self.path)
            if answer:
                answer(self)
            else:
                reply(self, 200, KEY)

        def log_message(self, *args: Any) -> None:
            pass

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = KeyServer(f"http://127.0.0.1:{serving.server_port}")
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield made
    serving.shutdown()
    serving.server_close()


@pytest.fixture
def keyed(bank: Bank, server: KeyServer) -> Bank:
    """The bank signs with keys from the server, which an admin named."""
    environ = {**bank.hub.settings.environ, "BANK_KEY_BASE_URL": server.url}
    bank.hub.settings = replace(bank.hub.settings, environ=environ)
    bank.plugin.key_url = lambda request, ctx: (
        ctx.settings["key_base_url"] + request.headers.get("X-Key", "/key")
    )

    def verified(request: WebhookRequest, ctx: object) -> Verified:
        if request.key != KEY:
            raise SignatureError("Another key.")
        return Verified(dedupe_key=None)

    bank.plugin.verified = verified
    return bank


def sent(bank: Bank, path: str = "/key", address: str = "192.0.2.1") -> int:
    return bank.post(
        b"{}", headers={"X-Key": path}, environ_overrides={"REMOTE_ADDR": address}
    ).status_code


def test_key_is_fetched_once_and_handed_to_verify(
    keyed: Bank, server: KeyServer
) -> None:
    assert [200, 200, 200] == [sent(keyed) for _ in range(3)]
    assert ["/key"] == server.asked


def test_key_that_proved_good_is_kept_for_an_hour(
    keyed: Bank, server: KeyServer
) -> None:
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        sent(keyed)
        clock.shift(59 * 60)
        sent(keyed)
        assert ["/key"] == server.asked
        clock.shift(2 * 60)
        sent(keyed)
        assert ["/key", "/key"] == server.asked


def test_key_that_proved_good_outlives_an_outage_of_its_server(
    keyed: Bank, server: KeyServer
) -> None:
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        sent(keyed)
        server.answers["/key"] = lambda handler: reply(handler, 500)
        for _ in range(3):
            clock.shift(2 * 3600)
            assert 200 == sent(keyed)


def test_key_that_did_not_prove_good_is_fetched_again_soon(
    keyed: Bank, server: KeyServer
) -> None:
    """An error page with status 200 must not last."""
    server.answers["/key"] = lambda handler: reply(handler, 200, b"<html>")
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        assert [401, 401] == [sent(keyed), sent(keyed)]
        assert ["/key"] == server.asked
        del server.answers["/key"]
        clock.shift(61)
        assert 200 == sent(keyed)


def test_keys_are_cached_by_their_full_url(keyed: Bank, server: KeyServer) -> None:
    for path in ("/a", "/b", "/a?v=2"):
        assert 200 == sent(keyed, path)

    assert ["/a", "/b", "/a?v=2"] == server.asked


def test_failure_is_503_and_remembered_for_a_moment(
    keyed: Bank, server: KeyServer
) -> None:
    server.answers["/key"] = lambda handler: reply(handler, 404)
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        assert [503, 503, 503] == [sent(keyed) for _ in range(3)]
        assert ["/key"] == server.asked
        clock.shift(16)
        del server.answers["/key"]
        assert 200 == sent(keyed)
    assert 1 == len(keyed.kept())


def test_redirects_are_not_followed(keyed: Bank, server: KeyServer) -> None:
    server.answers["/key"] = lambda handler: reply(handler, 302, Location="/other")

    assert 503 == sent(keyed)
    assert ["/key"] == server.asked


def test_large_keys_are_not_read(keyed: Bank, server: KeyServer) -> None:
    server.answers["/key"] = lambda handler: reply(handler, 200, b"x" * 65 * 1024)

    assert 503 == sent(keyed)


def test_slow_server_holds_nobody_for_long(
    keyed: Bank, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 22: a dripping server."""
    done = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while not done.wait(0.05):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    server.answers["/key"] = drip
    monkeypatch.setattr(keys, "SECONDS", 0.3)

    assert 503 == sent(keyed)
    done.set()


def test_key_is_never_fetched_twice_at_once(
    keyed: Bank, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, looked = threading.Event(), threading.Semaphore(0)
    look = keys.Keys._known

    def slow(handler: BaseHTTPRequestHandler) -> None:
        release.wait(60)
        reply(handler, 200, KEY)

    def noted_look(self: keys.Keys, url: str) -> Any:
        found = look(self, url)
        looked.release()
        return found

    server.answers["/key"] = slow
    monkeypatch.setattr(keys.Keys, "_known", noted_look)
    monkeypatch.setattr(keys, "SECONDS", 60)
    live(keyed.hub).refresh()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(sent, keyed) for _ in range(8)]
        for _ in answers:  # all have seen that it isn't known yet
            assert looked.acquire(timeout=60)
        release.set()
        assert [200] * 8 == [answer.result(20) for answer in answers]
    assert ["/key"] == server.asked


def test_one_sender_cannot_have_many_keys_fetched(
    keyed: Bank, server: KeyServer
) -> None:
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        statuses = [sent(keyed, f"/{number}") for number in range(12)]
        assert [200] * 10 + [503] * 2 == statuses
        assert 200 == sent(keyed, "/1")  # what is known costs nothing
        assert 200 == sent(keyed, "/new", address="192.0.2.2")
        clock.shift(61)
        assert 200 == sent(keyed, "/more")


def test_many_senders_cannot_have_many_keys_fetched(
    keyed: Bank, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MOST_PER_CONNECTION", 5)
    statuses = [sent(keyed, f"/{n}", address=f"192.0.2.{n}") for n in range(7)]

    assert [200] * 5 + [503] * 2 == statuses


def test_cache_does_not_grow_without_end(
    keyed: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_MOST_KEPT", 3)
    for number in range(5):
        sent(keyed, f"/{number}")

    known = keyed.hub.part(keys.Keys)
    assert (3, 0) == (len(known._proved), len(known._fetched))


def test_forgers_leave_no_rows_and_use_up_no_quota(keyed: Bank) -> None:
    """ROAD 43."""
    for number in range(3):
        sent(keyed, f"/{number}")

    with keyed.hub.read() as session:
        assert [] == session.scalars(select(ApiCall)).all()


def test_flood_of_keys_is_refused_and_logged_once(
    keyed: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 43: what can't be verified counts among the refused."""
    monkeypatch.setattr(refusals, "MOST", 12)
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False):
        statuses = [sent(keyed, f"/{number}") for number in range(25)]

    assert [200] * 10 + [503] * 12 + [429] * 3 == statuses


def test_forgers_cannot_shut_out_a_key_that_proved_good(
    keyed: Bank, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 43: an expired key needs none of the fetches strangers use up."""
    monkeypatch.setattr(keys, "MOST_PER_CONNECTION", 5)
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        sent(keyed)
        clock.shift(61 * 60)
        for number in range(7):
            sent(keyed, f"/{number}", address=f"192.0.2.{number}")

        assert 503 == sent(keyed, "/new")
        assert 200 == sent(keyed)
        assert 2 == server.asked.count("/key")


def test_forgers_cannot_shut_out_a_good_key_after_a_restart(
    keyed: Bank, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 43: no process knows the key then, and strangers use up the fetches."""
    monkeypatch.setattr(keys, "MOST_PER_CONNECTION", 5)
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False):
        sent(keyed)
        keyed.hub._parts.clear()
        for number in range(7):
            server.answers[f"/{number}"] = lambda handler: reply(handler, 404)
            sent(keyed, f"/{number}", address=f"192.0.2.{number}")

        assert 503 == sent(keyed, "/new")
        assert 200 == sent(keyed)


def test_good_key_urls_do_not_pile_up(keyed: Bank) -> None:
    for number in range(10):
        sent(keyed, f"/{number}")

    with keyed.hub.read() as session:
        (row,) = session.scalars(select(ConnectionState)).all()
    kept = [url.rpartition("/")[2] for url in json.loads(row.value)]
    assert [str(number) for number in range(2, 10)] == kept


def test_error_page_does_not_take_the_place_of_a_key_for_good(
    keyed: Bank, server: KeyServer
) -> None:
    with time_machine.travel("2026-03-02T10:00:00Z", tick=False) as clock:
        sent(keyed)
        clock.shift(61 * 60)
        server.answers["/key"] = lambda handler: reply(handler, 200, b"<html>")
        assert 401 == sent(keyed)
        clock.shift(61)
        server.answers["/key"] = lambda handler: reply(handler, 500)
        assert 200 == sent(keyed)


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.bank.example/key",
        "http://127.0.0.1:1/key",
        "https://127.0.0.1/key",
        "https://[::1]/key",
        "https://10.0.0.1/key",
        "https://localhost/key",
        "https://hub.localhost/key",
        "https://printer.local/key",
        "https://bank/key",
        "https://user@keys.bank.example/key",
        "https://keys.bank.example:8443/key",
        "ftp://keys.bank.example/key",
        "file:///etc/passwd",
        "",
    ],
)
def test_addresses_that_no_admin_named_must_look_like_a_providers(url: str) -> None:
    with pytest.raises(PluginError):
        keys.check_url(url, given=["https://other.example/"])


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("https://keys.bank.example/key", []),
        ("https://keys.bank.example:443/key", []),
        ("http://127.0.0.1:8100/key", ["http://127.0.0.1:8100/paypal"]),
        ("https://10.0.0.1:8443/key", ["https://10.0.0.1:8443"]),
    ],
)
def test_addresses_of_providers_and_admins_are_fetched(
    url: str, given: list[str]
) -> None:
    keys.check_url(url, given)


def test_address_out_of_a_request_is_never_this_machine(
    keyed: Bank, server: KeyServer
) -> None:
    inside = server.url.replace("127.0.0.1", "localhost")
    keyed.plugin.key_url = lambda request, ctx: f"{inside}/key"

    assert 503 == sent(keyed)
    assert [] == server.asked


def test_refused_host_is_401_and_nothing_is_fetched(
    keyed: Bank, server: KeyServer
) -> None:
    def refuse(request: WebhookRequest, ctx: object) -> str:
        raise SignatureError("Not the bank's host.")

    keyed.plugin.key_url = refuse

    assert 401 == sent(keyed)
    assert [] == server.asked


def test_key_that_the_plugin_cannot_read_is_503(keyed: Bank) -> None:
    def unreadable(request: WebhookRequest, ctx: object) -> Verified:
        raise UnavailableError("That is no certificate.")

    keyed.plugin.verified = unreadable

    assert 503 == sent(keyed)
    assert [] == keyed.kept()
