"""How many segments a text message takes, and so what it costs. Pure.

GSM-7 holds 160 characters, or 153 in each of several segments; any character beyond
its alphabet turns the whole text into UCS-2 with 70, or 67 (GSM 03.38, 03.40).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["GSM-7", "UCS-2"]
_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")  # two units each: an escape goes before
_ROOM: Final[dict[Encoding, tuple[int, int]]] = {
    "GSM-7": (160, 153),
    "UCS-2": (70, 67),
}


@dataclass(frozen=True)
class Segments:
    """`units` are septets (GSM-7) or UTF-16 units; `left` fit into the last segment
    before another begins."""

    count: int
    encoding: Encoding
    units: int
    left: int


def segments(text: str) -> Segments:
    """Count the segments of a text; one of two units is never split over two."""
    encoding: Encoding = "GSM-7" if is_gsm(text) else "UCS-2"
    sizes = list(_sizes(text, encoding))
    alone, each = _ROOM[encoding]
    units = sum(sizes)
    if units <= alone:
        return Segments(min(units, 1), encoding, units, alone - units)
    count, used = 1, 0
    for size in sizes:
        if used + size > each:
            count, used = count + 1, 0
        used += size
    return Segments(count, encoding, units, each - used)


def is_gsm(text: str) -> bool:
    """True if the GSM-7 alphabet has all of its characters."""
    return all(c in _GSM or c in _EXTENDED for c in text)


def _sizes(text: str, encoding: Encoding) -> Iterator[int]:
    if encoding == "GSM-7":
        return (2 if c in _EXTENDED else 1 for c in text)
    return (2 if ord(c) > 0xFFFF else 1 for c in text)
