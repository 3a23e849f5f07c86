"""How long to wait before the next try: exponential with jitter, 72 hours in all."""

import random
from datetime import timedelta

LASTING = timedelta(hours=72)  # a failure is final only after this long (ROAD 6)
_FIRST = timedelta(seconds=2)
_LONGEST = timedelta(hours=6)
_JITTER = 0.2


def delay(failures: int, *, longest: timedelta = _LONGEST) -> timedelta:
    """Return how long to wait after so many failures in a row: 2, 4, 8 … seconds.

    The jitter keeps what failed together from coming back together.
    """
    doublings = min(max(failures, 1) - 1, 30)
    exact = min(_FIRST * (1 << doublings), longest)
    return exact * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 — no secret
