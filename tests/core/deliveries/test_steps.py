"""Hooks of several steps: each keeps its own key and its own mark (ROAD 17)."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from hub.core import deliver, sweep
from hub.core.deliveries import retry
from hub.core.deliveries.pool import Pool
from hub.core.deliveries.steps import Asked, Step, after, for_retry, looked_for
from hub.core.models import Delivery
from hub.sdk.clock import now
from hub.sdk.context import Context
from hub.sdk.errors import CredentialsError, RejectedError, UnavailableError
from hub.sdk.http import Outgoing
from tests.core.deliveries.server import Request, Server
from tests.core.deliveries.stage import HOST, Actor, Looker, Stage

REFUSED = RejectedError("No.", status=400)
LOST = UnavailableError("No answer.", outcome_unknown=True)


class Provider:
    """Makes each thing once per key and remembers what it answered, for ever."""

    def __init__(self, server: Server) -> None:
        self.made: list[str] = []
        self.refuses: set[str] = set()
        self.known: dict[str, int] = {}
        self.gate: threading.Event | None = None
        self.reached = threading.Event()
        server.answer(self)

    def __call__(self, request: Request) -> tuple[int, bytes]:
        step, key = request.path.strip("/"), request.headers["Idempotency-Key"]
        if key not in self.known:
            self.known[key] = 400 if step in self.refuses else 201
            if self.known[key] == 201:
                self.made.append(step)
        self.reached.set()
        if step == "second" and self.gate is not None:
            assert self.gate.wait(60)
        return self.known[key], b"{}"


def two_steps(event: object, ctx: Context) -> None:
    """Create something, then do something else with it."""
    for step in ("create", "second"):
        key = {"Idempotency-Key": ctx.idempotency_key(step)}
        ctx.http.post(f"https://{HOST}/{step}", json={"step": step}, headers=key)


@pytest.fixture
def provider(server: Server) -> Provider:
    return Provider(server)


def test_refused_second_step_does_not_make_the_first_again(
    stage: Stage, server: Server, provider: Provider
) -> None:
    """ROAD 17: only the refused step gets a new key."""
    id = _set(stage, server)
    provider.refuses = {"second"}
    stage.run()
    row = stage.delivery(id)
    assert ("dead", True) == (row.state, row.sent_at is not None)

    provider.refuses = set()
    _retry(stage, id)
    stage.run()

    assert "delivered" == stage.delivery(id).state
    assert ["create", "second"] == provider.made
    assert 3 == len(provider.known)


def test_killed_between_the_steps_of_a_retry_makes_nothing_twice(
    stage: Stage, server: Server, provider: Provider
) -> None:
    """ROAD 16, 17: the keys of both steps outlive the process."""
    id = _set(stage, server)
    provider.refuses = {"second"}
    stage.run()
    provider.refuses, provider.gate = set(), threading.Event()
    _retry(stage, id)
    provider.reached.clear()
    pool = Pool(stage.hub)
    deliver.drain(stage.hub, pool, lambda: False)
    _until(lambda: "second" in provider.made)

    # Its process is gone: the lease runs out and another takes over.
    stage.change(Delivery, id, lease_until=now() - timedelta(seconds=1))
    sweep.run(stage.hub)
    assert "retrying" == stage.delivery(id).state
    provider.gate.set()
    stage.change(Delivery, id, next_attempt_at=now())
    stage.run()
    pool.close(grace=5)

    assert "delivered" == stage.delivery(id).state
    assert ["create", "second"] == provider.made


def test_changed_second_step_is_not_sent_under_a_key_in_doubt(
    stage: Stage, server: Server
) -> None:
    """ROAD 17: the hash of the body is each step's own."""
    amounts = iter(["10.00", "12.00"])

    def act(event: object, ctx: Context) -> None:
        for step, body in (("create", "same"), ("second", next(amounts))):
            key = {"Idempotency-Key": ctx.idempotency_key(step)}
            ctx.http.post(f"https://{HOST}/{step}", json={"is": body}, headers=key)

    id = _set(stage, server, act)
    server.answer(lambda request: (201 if "create" in request.path else 502, b"{}"))
    stage.run()
    stage.change(Delivery, id, next_attempt_at=now())
    stage.run()

    row = stage.delivery(id)
    assert "in_doubt" == row.state
    assert "has changed" in row.reason
    assert ["/create", "/second", "/create"] == [each.path for each in server.requests]


def test_first_step_that_is_no_longer_remembered_is_in_doubt(
    stage: Stage, server: Server, provider: Provider
) -> None:
    """ROAD 17: past the time the provider knows its key, a person decides."""
    id = _set(stage, server)
    provider.refuses = {"second"}
    stage.run()

    with time_machine.travel(now() + timedelta(hours=7), tick=True):
        _retry(stage, id)
        stage.run()

    assert "in_doubt" == stage.delivery(id).state
    assert ["create"] == provider.made


def test_reading_that_fails_after_a_step_leaves_its_key(
    stage: Stage, server: Server
) -> None:
    """ROAD 17: a 404 to a GET is no refusal of what was posted before it."""

    def act(event: object, ctx: Context) -> None:
        key = {"Idempotency-Key": ctx.idempotency_key("create")}
        ctx.http.post(f"https://{HOST}/create", json={}, headers=key)
        ctx.http.get(f"https://{HOST}/read")

    id = _set(stage, server, act)
    server.answer(lambda request: (404 if request.method == "GET" else 201, b"{}"))
    stage.run()
    _retry(stage, id)
    stage.run()

    posts = [each for each in server.requests if each.method == "POST"]
    assert 2 == len(posts)
    assert 1 == len({each.headers["Idempotency-Key"] for each in posts})


def test_plugin_that_can_look_does_so_after_a_refused_second_step(
    stage: Stage, server: Server, provider: Provider
) -> None:
    """ROAD 17: what the first step made may be all there is to find."""
    books = Looker("pay")
    id = _set(stage, server, actor=books)
    provider.refuses = {"second"}
    stage.run()
    assert [] == books.looked

    _retry(stage, id)
    stage.run()

    assert 1 == len(books.looked)


@pytest.mark.parametrize(
    ("before", "error", "expected"),
    [
        ("", None, "made"),
        ("", LOST, "unknown"),
        ("", KeyError("a bug"), "unknown"),
        ("", REFUSED, "refused"),
        ("", CredentialsError("No."), ""),
        ("made", REFUSED, "made"),
        ("unknown", REFUSED, "unknown"),
        ("unknown", None, "made"),
        ("refused", LOST, "unknown"),
    ],
)
def test_end_of_a_step(before: Any, error: Exception | None, expected: str) -> None:
    """ROAD 17: a certain failure doesn't take an earlier doubt away."""
    assert expected == after(before, error)


def test_generation_rises_for_what_was_refused_only() -> None:
    """ROAD 17."""
    steps = {name: Step(2, "hash", name) for name in ("made", "unknown", "refused")}

    found = for_retry(steps, looked=False)

    assert {"made": 2, "unknown": 2, "refused": 3} == {
        name: step.generation for name, step in found.items()
    }
    assert Step(2) == looked_for(steps)["unknown"]


def test_call_belongs_to_the_step_whose_key_it_carries() -> None:
    asked = Asked({"key-a": "a", "key-b": "b"})

    def step(*, body: bytes = b"", **headers: str) -> str:
        return asked.step_of(Outgoing("POST", "https://x/", headers, body, False))

    assert "a" == step(key="key-a")
    assert "b" == step(body=b'{"id":"key-b"}')
    assert "" == step()
    asked.keys["key-c"] = "c"
    assert "c" == step()  # sent in another shape
    assert "" == step()


def _set(
    stage: Stage, server: Server, act: Any = two_steps, actor: Actor | None = None
) -> str:
    pay = actor or Actor("pay", remembers_keys=timedelta(hours=6))
    pay.after = act
    stage.cast(pay)
    return stage.deliver(stage.connect("pay", settings={"api_base_url": server.url}))


def _retry(stage: Stage, id: str) -> None:
    with stage.hub.write() as session:
        retry.retry(session, id, "user:me")


def _until(condition: Any) -> None:
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")
