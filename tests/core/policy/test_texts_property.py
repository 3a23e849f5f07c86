"""Whatever happens: never two texts to one client in one local day, none to who opted
out or never agreed, none in quiet hours, and what isn't sent says why."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from hub.boot import Hub
from hub.core.policy import blocks, caps, quiet
from hub.core.policy.screen import Screen
from tests.core.deliveries.server import Server
from tests.core.policy.texts_world import World, world

SEEDS = (0, 3, 7)


@pytest.fixture
def network() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def tell(hub: Hub, network: Server, seed: int, *, events: int) -> Counter[str]:
    """Tell a story; returns what became of its texts, by reason or state."""
    with world(hub, network, seed) as there:
        try:
            for _ in range(events):
                there.go_on()
            there.check()
        except AssertionError as error:
            raise AssertionError(_told(seed, there, error)) from error
        sent = sum(call.sent for call in there.network.calls)
        return Counter(_end(row) for row in there.rows()) + Counter(sent=sent)


def _end(row: Any) -> str:
    return str(row.reason if row.state == "skipped" else row.state)


def _told(seed: int, there: World, error: AssertionError) -> str:
    return f"seed {seed}: {error}\n" + "\n".join(there.told[-40:])


def test_whatever_happens_nobody_is_texted_twice_or_against_their_will(
    hub: Hub, network: Server
) -> None:
    """ROAD 15, 16, 17, 19."""
    ends = Counter[str]()
    for seed in SEEDS:
        ends += tell(hub, network, seed, events=14)

    assert ends["sent"] > len(SEEDS)
    assert ends["daily cap"] > 0
    assert ends["opt-out"] > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 116))
def test_over_weeks_nobody_is_texted_twice_or_against_their_will(
    hub: Hub, network: Server, seed: int
) -> None:
    ends = tell(hub, network, seed, events=60)

    assert ends["sent"] > 0


# Without one of these the property must not hold, or it proves nothing.
MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "no cap": (caps.Days, "take", lambda *_: None),
    "no quiet hours": (quiet, "end", lambda *_: None),
    "no blocks": (blocks, "among", lambda *_: {}),
    "no consent": (Screen, "_unwanted", lambda *_: None),
}


@pytest.mark.long
@pytest.mark.parametrize("name", MUTANTS)
def test_stories_notice_what_is_missing(
    hub: Hub, network: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(*MUTANTS[name])

    with pytest.raises(AssertionError):
        for seed in range(8):
            tell(hub, network, seed, events=40)
