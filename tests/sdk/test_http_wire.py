"""The client against real servers on loopback that misbehave."""

import ssl
import subprocess
import sys
import textwrap
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from urllib3.exceptions import ConnectTimeoutError

from hub.sdk import transport
from hub.sdk.errors import ProviderError, UnavailableError, UnexpectedResponseError
from hub.sdk.http import ApiClient, CallRecord
from tests.parts.certificates import certified
from tests.sdk import wire

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BROKEN = wire.LONGEST_DRIP  # what a call would take if nothing bounded it

records: list[CallRecord] = []


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    records.clear()
    transport._session.cache_clear()
    yield
    transport._session.cache_clear()


def client(port: int, scheme: str = "http", **options: Any) -> ApiClient:
    base = f"{scheme}://localhost:{port}"
    return ApiClient(
        plugin="acme",
        connection="acme",
        title="Acme",
        api_base_url=base,
        record=records.append,
        **options,
    )


def fails(call: Callable[[], object]) -> tuple[ProviderError, float]:
    started = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        call()
    return caught.value, time.monotonic() - started


URL = "https://api.acme.example/v1/things"


@pytest.mark.parametrize(
    "start",
    [b"", b"HTTP/1.1 200 OK\r\nX-Drip: ", HEAD, b"HTTP/1.1 200 O"],
    ids=["status line", "header", "body", "half a status line"],
)
def test_dripping_server_holds_the_call_no_longer_than_its_deadline(
    start: bytes,
) -> None:
    """ROAD 22: each byte comes in time, the answer never does."""
    with wire.server(wire.drips(start)) as (_, port):
        error, took = fails(lambda: client(port, timeout=0.5).post(URL, json={}))

    assert isinstance(error, UnavailableError)
    assert error.outcome_unknown
    assert "took too long" in str(error)
    assert took < BROKEN / 4


def test_dripping_chunks_are_bounded_too() -> None:
    """ROAD 22."""
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    with wire.server(wire.drips(start)) as (_, port):
        error, took = fails(lambda: client(port, timeout=0.5).get(URL))

    assert isinstance(error, UnavailableError)
    assert took < BROKEN / 4


def test_dripping_connection_closed_by_its_own_header_is_bounded_too() -> None:
    """ROAD 22: here http.client lets go of the socket and reads on."""
    start = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
    with wire.server(wire.drips(start)) as (_, port):
        error, took = fails(lambda: client(port, timeout=0.5).get(URL))

    assert isinstance(error, UnavailableError)
    assert took < BROKEN / 4


def test_server_that_does_not_read_is_bounded_too() -> None:
    """ROAD 22: a body larger than the buffers on the way."""
    with wire.server(wire.never_reads) as (_, port):
        api = client(port, timeout=0.5)
        error, took = fails(lambda: api.post(URL, content=bytes(32 * 1024 * 1024)))

    assert isinstance(error, UnavailableError)
    assert error.outcome_unknown
    assert took < BROKEN / 4


def test_timeout_of_one_call_replaces_the_default() -> None:
    with wire.server(wire.never_answers) as (_, port):
        error, took = fails(lambda: client(port).get(URL, timeout=0.3))

    assert "took too long" in str(error)
    assert took < BROKEN / 4


def test_read_that_times_out_is_said_to_be_late(monkeypatch: Any) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
    for behave in (wire.never_answers, wire.drips(HEAD, every=5)):
        with wire.server(behave) as (_, port):
            error, _ = fails(lambda port=port: client(port).post(URL))  # type: ignore[misc]

        assert "took too long" in str(error)
        assert error.outcome_unknown


def test_call_may_follow_one_that_was_cut_off() -> None:
    """The pool must not hand out the connection or time-out of the one before."""

    def behave(connection: Any, over: Any) -> None:
        request = wire.read_request(connection)
        if b"/slow" in request:
            over.wait(30)
        connection.sendall(OK)

    with wire.server(behave) as (_, port):
        fails(lambda: client(port).get(URL + "/slow", timeout=0.2))
        reply = client(port).get(URL)

    assert b"ok" == reply.content


def test_refused_connection_is_a_definite_failure() -> None:
    """ROAD 16: nothing was sent, so the delivery is no matter of doubt."""
    with wire.server(wire.answers(OK)) as (_, port):
        pass
    error, _ = fails(lambda: client(port).post(URL, json={}))

    assert isinstance(error, UnavailableError)
    assert not error.outcome_unknown
    assert "nothing was sent" in str(error)


def test_connection_is_tried_again_before_anything_is_sent(monkeypatch: Any) -> None:
    """ROAD 22: setting up a connection is all that urllib3 repeats."""
    tries = []
    connect = transport._Bounded._new_conn

    def flaky(self: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectTimeoutError(self, "lost")
        return connect(self)

    monkeypatch.setattr(transport._Bounded, "_new_conn", flaky)
    with wire.server(wire.answers(OK)) as (_, port):
        reply = client(port).post(URL)

    assert (3, 200) == (len(tries), reply.status)


def test_log_of_the_libraries_below_shows_no_path(
    monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """ROAD 42: the path of an incoming webhook is its secret."""
    caplog.set_level("DEBUG")

    def lost(self: Any) -> Any:
        raise ConnectTimeoutError(self, "lost")

    with wire.server(wire.answers(OK)) as (_, port):
        client(port).get(URL)
        transport._session.cache_clear()
        monkeypatch.setattr(transport._Bounded, "_new_conn", lost)
        fails(lambda: client(port).get(URL))

    assert "things" not in caplog.text


@pytest.mark.parametrize(
    "behave",
    [
        wire.hangs_up,
        wire.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
        wire.answers(b"not http at all\r\n\r\n"),
        wire.answers(
            b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 9\r\n\r\n"
        ),
    ],
    ids=["hangs up", "short body", "no http", "short 503"],
)
def test_request_is_sent_once_and_a_broken_read_is_an_unknown_outcome(
    behave: wire.Behaviour,
) -> None:
    """ROAD 16, 22."""
    taken = []

    def counted(connection: Any, over: Any) -> None:
        taken.append(1)
        behave(connection, over)

    with wire.server(counted) as (_, port):
        error, _ = fails(lambda: client(port).post(URL, json={}))

    assert 1 == len(taken)
    assert isinstance(error, UnavailableError)
    assert error.outcome_unknown


def test_broken_read_of_a_call_that_only_reads_leaves_no_doubt() -> None:
    with wire.server(wire.hangs_up) as (_, port):
        got, _ = fails(lambda: client(port).get(URL))
        posted, _ = fails(lambda: client(port).post(URL, reads=True))

    assert (False, False) == (got.outcome_unknown, posted.outcome_unknown)


def test_503_with_retry_after_is_not_waited_for_by_urllib3() -> None:
    """ROAD 22: only the table retries."""
    raw = b"HTTP/1.1 503 Busy\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n"
    with wire.server(wire.answers(raw)) as (_, port):
        error, took = fails(lambda: client(port).get(URL))

    assert 503 == error.status
    assert took < BROKEN / 4


def test_redirect_is_not_followed() -> None:
    """A provider's reply must not send our credentials elsewhere."""
    asked = []

    def behave(connection: Any, _over: Any) -> None:
        asked.append(wire.read_request(connection))
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
        )

    with wire.server(behave) as (_, port):
        error, _ = fails(lambda: client(port).get(URL, token="a-token-to-keep"))

    assert isinstance(error, UnexpectedResponseError)
    assert 1 == len(asked)


@pytest.mark.parametrize("length", [b"Content-Length: 99999999", b"X-Unknown: length"])
def test_answer_larger_than_the_limit_is_broken_off(length: bytes) -> None:
    """ROAD 22."""

    def behave(connection: Any, over: Any) -> None:
        wire.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n")
        while not over.is_set():
            connection.sendall(bytes(65536))

    with wire.server(behave) as (_, port):
        error, _ = fails(lambda: client(port, max_bytes=100_000).post(URL))

    assert isinstance(error, UnexpectedResponseError)
    assert error.outcome_unknown
    assert 200 == records[-1].status


def test_small_answer_that_unpacks_to_a_large_one_is_broken_off() -> None:
    """ROAD 22: the limit counts what would be held in memory."""
    packer = zlib.compressobj(wbits=31)
    body = packer.compress(bytes(20_000_000)) + packer.flush()
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    with wire.server(wire.answers(head % len(body) + body)) as (_, port):
        error, _ = fails(lambda: client(port).get(URL))

    assert len(body) < 100_000
    assert isinstance(error, UnexpectedResponseError)
    assert "more than" in str(error)


def test_damaged_compression_is_an_unexpected_answer() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
    with wire.server(wire.answers(raw)) as (_, port):
        error, _ = fails(lambda: client(port).get(URL))

    assert isinstance(error, UnexpectedResponseError)


def test_connections_are_pooled_per_process_and_connection() -> None:
    taken = []

    def behave(connection: Any, _over: Any) -> None:
        taken.append(1)
        while wire.read_request(connection).strip():
            connection.sendall(OK)

    with wire.server(behave) as (_, port):
        for _ in range(3):
            client(port).get(URL)
        other = ApiClient(
            plugin="acme", connection="acme-2", api_base_url=f"http://localhost:{port}"
        )
        other.get(URL)

    assert 2 == len(taken)


def test_connection_idle_for_long_is_not_used_again(monkeypatch: Any) -> None:
    """ROAD 16: the provider may close it just then, and the outcome is unknown."""
    taken = []

    def behave(connection: Any, _over: Any) -> None:
        taken.append(1)
        while wire.read_request(connection).strip():
            connection.sendall(OK)

    with wire.server(behave) as (_, port):
        client(port).get(URL)
        monkeypatch.setattr(transport, "IDLE_SECONDS", 0.0)
        client(port).get(URL)

    assert 2 == len(taken)


def test_cookies_netrc_and_proxy_of_the_machine_are_left_out(
    monkeypatch: Any, tmp_path: Path
) -> None:
    heard = []

    def behave(connection: Any, _over: Any) -> None:
        heard.append(wire.read_request(connection))
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n"
            b"Connection: close\r\n\r\n"
        )

    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with wire.server(behave) as (_, port):
        client(port).get(URL)
        client(port).get(URL)

    assert b"Authorization" not in heard[0]
    assert b"Cookie" not in heard[1]


def test_proxy_that_is_not_there_means_that_nothing_was_sent(monkeypatch: Any) -> None:
    with wire.server(wire.answers(OK)) as (_, port):
        pass
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    api = ApiClient(plugin="acme", connection="acme", hosts=["api.acme.example"])
    error, _ = fails(lambda: api.post(URL))

    assert isinstance(error, UnavailableError)
    assert not error.outcome_unknown


def test_proxy_that_refuses_means_that_nothing_was_sent(monkeypatch: Any) -> None:
    raw = b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"
    with wire.server(wire.answers(raw)) as (_, port):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        api = ApiClient(plugin="acme", connection="acme", hosts=["api.acme.example"])
        error, _ = fails(lambda: api.post(URL))

    assert isinstance(error, UnavailableError)
    assert not error.outcome_unknown


@pytest.fixture(scope="module")
def tls(tmp_path_factory: Any) -> tuple[ssl.SSLContext, Path]:
    """A server's context and the certificate that vouches for it."""
    return certified(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\nX-Drip: ", HEAD], ids=["header", "body"]
)
def test_dripping_server_is_bounded_over_tls(
    tls: tuple[ssl.SSLContext, Path], monkeypatch: Any, start: bytes
) -> None:
    """ROAD 22."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls[1]))
    with wire.server(wire.drips(start), tls[0]) as (_, port):
        api = client(port, "https", timeout=1.0)
        error, took = fails(lambda: api.post(URL, json={}))

    assert isinstance(error, UnavailableError)
    assert error.outcome_unknown
    assert took < BROKEN / 4


def test_named_certificates_are_trusted_and_unknown_ones_are_not(
    tls: tuple[ssl.SSLContext, Path], monkeypatch: Any
) -> None:
    with wire.server(wire.answers(OK), tls[0]) as (_, port):
        error, _ = fails(lambda: client(port, "https").post(URL))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls[1]))
        reply = client(port, "https").post(URL)

    assert isinstance(error, UnavailableError)
    assert not error.outcome_unknown
    assert "certificate" in str(error)
    assert b"ok" == reply.content


def test_handshake_that_never_ends_is_bounded_and_sends_nothing() -> None:
    """ROAD 22."""
    with wire.server(wire.never_reads) as (_, port):
        error, took = fails(lambda: client(port, "https", timeout=0.5).post(URL))

    assert isinstance(error, UnavailableError)
    assert not error.outcome_unknown
    assert took < BROKEN / 4


def test_deadline_holds_under_gevent() -> None:
    """ROAD 22: the same code, with sockets and threads replaced."""
    script = """
        from gevent import monkey; monkey.patch_all()
        import time, gevent
        from hub.sdk.errors import UnavailableError
        from hub.sdk.http import ApiClient
        from tests.sdk import wire

        HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Length: 100000\\r\\n\\r\\n"

        def call(port):
            api = ApiClient(plugin="acme", connection="acme", timeout=0.5,
                            api_base_url=f"http://127.0.0.1:{port}")
            try:
                api.post("https://api.acme.example/", json={})
            except UnavailableError as error:
                return error.outcome_unknown

        started = time.monotonic()
        for start in (b"HTTP/1.1 200 OK\\r\\nX-Drip: ", HEAD):
            with wire.server(wire.drips(start)) as (_, port):
                calls = [gevent.spawn(call, port) for _ in range(20)]
                gevent.joinall(calls, timeout=10)
                assert [True] * 20 == [c.value for c in calls]
        assert time.monotonic() - started < 10
        print("bounded")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert "bounded" == done.stdout.strip(), done.stderr
