"""Counts per key in windows of time, in this process's memory."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta

from hub.sdk.clock import now


class Windows:
    """A key's window opens with its first count, so that a burst is never cut in
    two. Only the `most` keys counted last are remembered: an attacker with many
    addresses must not fill the memory."""

    def __init__(self, length: timedelta, *, most: int = 10_000) -> None:
        self._length = length
        self._most = most
        self._counts: OrderedDict[Hashable, tuple[datetime, int]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, key: Hashable) -> int:
        """Count once more and return how many there were in the window."""
        at = now()
        with self._lock:
            opened, count = self._counts.pop(key, (at, 0))
            if at - opened >= self._length:
                opened, count = at, 0
            self._counts[key] = (opened, count + 1)
            if len(self._counts) > self._most:
                self._counts.popitem(last=False)
        return count + 1
