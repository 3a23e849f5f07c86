"""The receiver takes what is signed as it should, and nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from hub.sdk.context import Context
from hub.sdk.errors import CredentialsError, GoneError, UnavailableError
from hub.sdk.events import Event
from hub.sdk.serving import Served, serve
from hub_outbound import actions
from hub_outbound.simulator import OutboundSimulator

Make = Callable[..., Any]
OTHER = "whsec_aGVyZSBpcyBhbiBvbGRlciBzZWNyZXQu"


@pytest.fixture
def receiver() -> Iterator[Served]:
    with serve(OutboundSimulator()) as served:
        yield served


@pytest.fixture
def connected(receiver: Served, ctx_with: Make) -> Context:
    """A connection as the demo makes it."""
    found = requests.get(f"{receiver.url}/_sim/settings", timeout=10).json()
    ctx: Context = ctx_with(**found["settings"])
    return ctx


@pytest.fixture
def event(event_of: Make) -> Event:
    made: Event = event_of("invoice.paid", client="<b>Zoë</b> \u202e" + "x" * 300)
    return made


def state(receiver: Served) -> Any:
    return requests.get(f"{receiver.url}/_sim/state", timeout=10).json()


def test_event_arrives_once_however_often_it_is_sent(
    connected: Context, receiver: Served, event: Event
) -> None:
    actions.post_event(event, connected)
    actions.post_event(event, connected)
    (received,) = state(receiver)["received"]
    assert ("dlv_1", "invoice.paid") == (received["id"], received["payload"]["type"])


def test_other_signature_is_refused(
    connected: Context, receiver: Served, event: Event, ctx_with: Make
) -> None:
    wrong = ctx_with(url=connected.settings["url"], signing_secret=OTHER)
    with pytest.raises(CredentialsError):
        actions.post_event(event, wrong)
    assert (0, 1) == (len(state(receiver)["received"]), state(receiver)["refused"])


@pytest.mark.parametrize("headers", [{}, {"webhook-id": "a"}])
def test_request_without_signature_is_refused(
    receiver: Served, headers: dict[str, str]
) -> None:
    answer = requests.post(
        f"{receiver.url}/inbox", data=b"{}", headers=headers, timeout=10
    )
    assert 401 == answer.status_code


@pytest.mark.parametrize(
    ("kind", "error"),
    [("410", GoneError), ("404", UnavailableError), ("302", CredentialsError)],
)
def test_faults_of_its_own(
    kind: str,
    error: type[Exception],
    connected: Context,
    receiver: Served,
    event: Event,
) -> None:
    fault = {"kind": kind, "count": 1}
    requests.post(f"{receiver.url}/_sim/faults", json=fault, timeout=10)
    with pytest.raises(error):
        actions.post_event(event, connected)
    actions.post_event(event, connected)
    assert 1 == len(state(receiver)["received"])


def test_page_shows_what_came_as_text(
    connected: Context, receiver: Served, event: Event
) -> None:
    actions.post_event(event, connected)
    page = requests.get(receiver.url, timeout=10)
    assert "&lt;b&gt;Zoë&lt;/b&gt;" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
