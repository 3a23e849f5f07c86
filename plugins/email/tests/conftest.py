"""What the tests of this plugin share: a mail server played, and a connection to it."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.test import Client

import hub_email
from hub.sdk.context import Context
from hub.sdk.http import CallRecord
from hub.sdk.testing import make_context
from hub_email.simulator import EmailSimulator

USERNAME = "billing@example.com"
PASSWORD = "made-up/Plover+42"


class Post:
    """A mail server played, and what the connection's client recorded."""

    def __init__(self, simulator: EmailSimulator) -> None:
        self.simulator = simulator
        self.calls: list[CallRecord] = []

    def settings(self, **changes: Any) -> dict[str, Any]:
        """A connection's settings, signed in."""
        played = self.simulator.settings("http://localhost:8100/email")
        signed_in = {"username": USERNAME, "password": PASSWORD}
        return {**played, **signed_in, **changes}

    def ctx(self, *, timeout: float = 10.0, **changes: Any) -> Context:
        """A connection's context."""
        given = {k: v for k, v in self.settings(**changes).items() if v is not None}
        return make_context(hub_email, given, record=self.calls.append, timeout=timeout)

    def fault(self, kind: str, **options: Any) -> None:
        """Let the next talk fail."""
        answer = Client(self.simulator).post(
            "/_sim/faults", json={"kind": kind, **options}
        )
        assert 200 == answer.status_code, answer.text


@contextmanager
def playing(
    tls: ssl.SSLContext | None = None, *, at_once: bool = False
) -> Iterator[Post]:
    """Play a mail server until the block ends."""
    simulator = EmailSimulator()
    simulator.tls, simulator.tls_at_once = tls, at_once
    try:
        yield Post(simulator)
    finally:
        simulator.close()


@pytest.fixture
def play() -> Callable[..., Any]:
    """Play a mail server with TLS."""
    return playing


@pytest.fixture
def post() -> Iterator[Post]:
    """A mail server without TLS."""
    with playing() as played:
        yield played
