"""The live feed over real sockets, on both databases."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import websocket

from hub.boot import Hub
from hub.core import notify
from hub.core.people import accounts
from hub.core.people.accounts import create_token
from hub.jobs import Bell
from tests.parts.run import Run
from tests.parts.server import Served, served
from tests.parts.valkey import Valkey
from web import wire
from web.feed import feed_of

# Sockets of refused handshakes are closed by the garbage collector only.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
PATIENCE = 15  # seconds; nothing should take as long


@dataclass
class Reader:
    """Somebody with a token."""

    id: str
    token: str


@pytest.fixture
def site(hub: Hub) -> Iterator[Served]:
    with served(hub) as found:
        yield found


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    """Leave no socket open behind a test."""
    yield
    while Listener.opened:
        Listener.opened.pop().close()


@pytest.fixture
def reader(hub: Hub) -> Reader:
    return make_reader(hub)


def make_reader(hub: Hub, name: str = "desk") -> Reader:
    with hub.write() as session:
        token, plain = create_token(session, name, "billing")
    return Reader(token.user_id, plain)


class Listener:
    """A client of the feed."""

    opened: ClassVar[list["Listener"]] = []

    def __init__(self, site: Served, reader: Reader) -> None:
        self.socket = websocket.create_connection(
            site.feed_url,
            header=[f"Authorization: Bearer {reader.token}"],
            timeout=PATIENCE,
        )
        self.opened.append(self)

    def next(self) -> dict[str, Any]:
        text = self.socket.recv()
        if not text:
            raise EOFError("the server hung up")
        said: dict[str, Any] = json.loads(text)
        return said

    def say(self, **frame: Any) -> None:
        self.socket.send(json.dumps(frame))

    def until(self, type: str) -> dict[str, Any]:
        while (frame := self.next())["type"] != type:
            pass
        return frame

    def ids(self, last: int) -> list[int]:
        """The ids of all notifications up to the one with this id."""
        found: list[int] = []
        while not found or found[-1] != last:
            found.append(self.until("notification")["notification"]["id"])
        return found

    def close(self) -> None:
        self.socket.close(timeout=1)
        self.socket.shutdown()  # it keeps its end open where the server hung up


def tell(hub: Hub, reader: Reader, key: str, title: str = "News") -> None:
    with hub.write() as session:
        notify.notify(session, reader.id, "test", {"n": key}, title=title, key=key)


def last_id(hub: Hub, reader: Reader) -> int:
    with hub.read() as session:
        return notify.last_id(session, reader.id)


def test_hello_comes_first_and_counts_the_unread(site: Served, reader: Reader) -> None:
    tell(site.hub, reader, "a")
    tell(site.hub, reader, "b")

    listener = Listener(site, reader)

    assert listener.next() == {
        "type": "hello",
        "unread": 2,
        "last_id": last_id(site.hub, reader),
    }


def test_a_notification_comes_live_in_full(site: Served, reader: Reader) -> None:
    listener = Listener(site, reader)
    listener.next()

    tell(site.hub, reader, "a", title="Paid")

    told = listener.until("notification")["notification"]
    assert sorted(told) == [
        *("body", "created_at", "data", "id", "read_at", "title", "type", "url")
    ]
    assert ("test", "Paid", {"n": "a"}, None) == (
        told["type"],
        told["title"],
        told["data"],
        told["read_at"],
    )
    assert {"type": "unread", "count": 1} == listener.until("unread")


def test_nobody_hears_what_is_for_others(site: Served, reader: Reader) -> None:
    other = make_reader(site.hub, "other")
    listener = Listener(site, reader)
    listener.next()

    tell(site.hub, other, "secret", title="Not for you")
    tell(site.hub, reader, "mine", title="For you")

    assert "For you" == listener.until("notification")["notification"]["title"]


def test_resume_loses_and_doubles_nothing_while_others_write(
    site: Served, reader: Reader
) -> None:
    """ROAD 37 and 40: `resume` joins at the mark, then reads what lies before it."""
    for n in range(5):
        tell(site.hub, reader, f"before-{n}")
    first = Listener(site, reader)
    seen = first.next()["last_id"]
    first.close()

    def write(name: str) -> None:
        for n in range(25):
            tell(site.hub, reader, f"{name}-{n}")

    writers = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for writer in writers:
        writer.start()
    got: list[int] = []
    for _ in range(4):  # the line breaks again and again meanwhile
        listener = Listener(site, reader)
        listener.next()
        listener.say(type="resume", after=got[-1] if got else seen)
        for _ in range(8):
            got.append(listener.until("notification")["notification"]["id"])
        listener.close()
    for writer in writers:
        writer.join(PATIENCE)

    listener = Listener(site, reader)
    listener.next()
    listener.say(type="resume", after=got[-1])
    got += listener.ids(last_id(site.hub, reader))

    with site.hub.read() as session:
        rows = notify.since(session, reader.id, seen, limit=1000)
    assert [row.id for row in rows] == got
    assert 75 == len(got)


def test_resuming_twice_gives_nothing_twice(site: Served, reader: Reader) -> None:
    for n in range(3):
        tell(site.hub, reader, f"{n}")
    listener = Listener(site, reader)
    listener.next()

    listener.say(type="resume", after=0)
    listener.say(type="resume", after=0)
    listener.say(type="read_all")

    frames = [listener.next()["type"] for _ in range(4)]
    assert ["notification"] * 3 + ["unread"] == frames


def test_reading_tells_the_users_other_windows(site: Served, reader: Reader) -> None:
    tell(site.hub, reader, "a")
    tell(site.hub, reader, "b")
    one, two = Listener(site, reader), Listener(site, reader)
    newest = one.next()["last_id"]
    two.next()

    one.say(type="read", id=newest)
    assert [1, 1] == [each.until("unread")["count"] for each in (one, two)]
    one.say(type="read_all")
    assert [0, 0] == [each.until("unread")["count"] for each in (one, two)]


def test_nobody_marks_what_is_for_others(site: Served, reader: Reader) -> None:
    other = make_reader(site.hub, "other")
    tell(site.hub, other, "theirs")
    listener = Listener(site, reader)
    listener.next()

    listener.say(type="read", id=last_id(site.hub, other))
    listener.say(type="resume", after=0)
    tell(site.hub, reader, "mine")

    assert 1 == listener.until("unread")["count"]
    with site.hub.read() as session:
        assert 1 == notify.unread_count(session, other.id)


def test_what_another_process_does_is_heard_here(hub: Hub, reader: Reader) -> None:
    with served(hub) as site, served(twin(hub, hub.bell.url)) as elsewhere:
        here, there = Listener(site, reader), Listener(elsewhere, reader)
        here.next()
        there.next()

        tell(elsewhere.hub, reader, "a")
        assert [1, 1] == [each.until("unread")["count"] for each in (here, there)]
        there.say(type="read_all")
        assert [0, 0] == [each.until("unread")["count"] for each in (here, there)]


def test_without_redis_the_rows_are_found_by_polling(
    hub: Hub, reader: Reader, run: Run
) -> None:
    """ROAD 40: Redis only rings."""
    valkey = Valkey(run).start()
    with served(twin(hub, valkey.url)) as site:
        listener = Listener(site, reader)
        listener.next()
        tell(site.hub, reader, "before")
        assert "before" == listener.until("notification")["notification"]["data"]["n"]

        valkey.kill()
        tell(site.hub, reader, "after")

        assert "after" == listener.until("notification")["notification"]["data"]["n"]


def twin(hub: Hub, redis_url: str) -> Hub:
    """Another process's hub on the same database."""
    from hub.db import Database

    url = hub.database.url.render_as_string(hide_password=False)
    return Hub(
        settings=hub.settings,
        database=Database(url),
        plugins=hub.plugins,
        bell=Bell(redis_url),
        keys=hub.keys,
    )


def test_a_slow_client_is_dropped_and_delays_nobody(
    site: Served, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 41."""
    monkeypatch.setattr(wire, "LARGEST_BACKLOG", 10_000)
    slow, quick = Listener(site, reader), Listener(site, reader)
    quick.next()
    n = 0
    while feed_of(site.hub).clients() == 2 and n < 200:  # it takes nothing at all
        tell(site.hub, reader, f"{n}", title="x" * 60_000)
        assert f"{n}" == quick.until("notification")["notification"]["data"]["n"]
        n += 1

    assert 1 == feed_of(site.hub).clients()
    slow.close()


@pytest.mark.parametrize(
    ("junk", "status"),
    [
        ("no json", 1003),
        ('{"type": "dance"}', 1003),
        ('{"type": "read", "id": "one"}', 1003),
        ("[" * 4000, 1003),
        ('{"type": "resume", "after": -1}', 1003),
        ("x" * 5000, 1009),
    ],
)
def test_junk_ends_the_connection(
    site: Served, reader: Reader, junk: str, status: int
) -> None:
    listener = Listener(site, reader)
    listener.next()

    listener.socket.send(junk)

    opcode, data = listener.socket.recv_data()
    assert (websocket.ABNF.OPCODE_CLOSE, status) == (
        opcode,
        int.from_bytes(data[:2], "big"),
    )


def test_who_has_no_token_and_no_session_is_refused(site: Served) -> None:
    assert 401 == refused(site, origin=site.url)


def test_another_sites_page_is_refused(site: Served) -> None:
    assert 403 == refused(site, origin="http://evil.example")


def test_a_handshake_without_origin_is_refused(site: Served) -> None:
    assert 403 == refused(site, suppress_origin=True)


def refused(site: Served, **options: Any) -> int:
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(site.feed_url, timeout=PATIENCE, **options)
    return caught.value.status_code


def test_a_revoked_token_is_hung_up_on(site: Served, reader: Reader) -> None:
    listener = Listener(site, reader)
    listener.next()
    with site.hub.write() as session:
        token = accounts.find_token(session, reader.token)
        assert token is not None
        accounts.revoke_token(session, token.id)

    feed_of(site.hub)._ping()  # what happens every 25 seconds

    opcode, _ = listener.socket.recv_data()
    assert websocket.ABNF.OPCODE_CLOSE == opcode


def test_who_does_not_answer_a_ping_is_dropped(site: Served, reader: Reader) -> None:
    listener = Listener(site, reader)
    listener.next()

    feed_of(site.hub)._ping()
    feed_of(site.hub)._ping()  # nobody read in between, so nobody answered

    frames = [listener.socket.recv_frame().opcode for _ in range(2)]
    assert [websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_CLOSE] == frames


def test_stopping_ends_all_connections_soon(hub: Hub, reader: Reader) -> None:
    with served(hub) as site:
        listener = Listener(site, reader)
        listener.next()

        feed_of(hub).stop(seconds=5)

        assert websocket.ABNF.OPCODE_CLOSE == listener.socket.recv_data()[0]
        assert "feed" not in {thread.name for thread in threading.enumerate()}


def test_a_frame_is_encoded_once_for_all_windows(
    site: Served, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ROAD 40."""
    listeners = [Listener(site, reader) for _ in range(3)]
    for listener in listeners:
        listener.next()
        listener.say(type="resume", after=0)
    encoded: list[str] = []
    feed = feed_of(site.hub)
    encode = feed._encode

    def noted(text: str) -> bytes:
        encoded.append(text)
        return encode(text)

    monkeypatch.setattr(feed, "_encode", noted)

    tell(site.hub, reader, "a")
    for listener in listeners:
        listener.until("notification")

    types = [json.loads(text)["type"] for text in encoded]
    assert 1 == types.count("notification")


def test_listening_holds_no_database_connection(site: Served, reader: Reader) -> None:
    """ROAD 36: more listeners than the pool has connections."""
    listeners = [Listener(site, reader) for _ in range(35)]
    for listener in listeners:
        listener.next()

    tell(site.hub, reader, "a")

    told = [each.until("notification")["notification"]["data"] for each in listeners]
    assert [{"n": "a"}] * 35 == told


def test_unread_is_told_again_only_when_it_changed(
    site: Served, reader: Reader
) -> None:
    listener = Listener(site, reader)
    listener.next()
    tell(site.hub, reader, "a")
    listener.until("unread")

    for _ in range(3):
        feed_of(site.hub).recount([reader.id])
    tell(site.hub, reader, "b")

    assert 2 == listener.until("unread")["count"]
