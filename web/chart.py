"""The last day as a small bar chart: numbers for an inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from hub.core.queries.overview import Hour

WIDTH: Final = 720
HEIGHT: Final = 120
_STEP: Final = WIDTH // 24
_BAR: Final = 8


@dataclass(frozen=True)
class Bar:
    """One bar: its place, height, and what it stands for."""

    kind: str
    x: float
    y: float
    height: float
    text: str


@dataclass(frozen=True)
class Chart:
    """The chart and its numbers in words, for who can't see it."""

    bars: Sequence[Bar]
    labels: Sequence[tuple[float, str]]
    webhooks: int
    deliveries: int
    failures: int


def bars(hours: Sequence[Hour], zone: ZoneInfo) -> Chart:
    """Lay out the bars of each hour beside each other."""
    top = max((max(h.webhooks, h.deliveries, h.failures) for h in hours), default=0)
    made: list[Bar] = []
    labels: list[tuple[float, str]] = []
    for index, hour in enumerate(hours):
        local = f"{hour.start.astimezone(zone):%H:%M}"
        if index % 4 == 0:
            labels.append((index * _STEP + _STEP / 2, local))
        kinds = (
            ("webhooks", hour.webhooks),
            ("deliveries", hour.deliveries),
            ("failures", hour.failures),
        )
        for place, (kind, count) in enumerate(kinds):
            if count:
                high = max(3.0, count / top * HEIGHT)
                x = index * _STEP + 2 + place * (_BAR + 1)
                text = f"{local}: {count} {kind}"
                made.append(Bar(kind, x, round(HEIGHT - high, 1), round(high, 1), text))
    return Chart(
        made,
        labels,
        sum(hour.webhooks for hour in hours),
        sum(hour.deliveries for hour in hours),
        sum(hour.failures for hour in hours),
    )
