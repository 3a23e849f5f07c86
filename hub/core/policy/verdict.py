"""What is decided about one delivery that was to go: not at all, or not now."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Verdict:
    """The state a delivery gets in place of being sent, and why: in a word (or the
    error), and in a sentence."""

    state: str
    reason: str
    explanation: str = ""


@dataclass(frozen=True)
class Wait:
    """Not now: when to look again, and why."""

    until: datetime
    explanation: str
