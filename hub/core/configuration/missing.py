"""Which connections the table didn't know a moment ago."""

import time

from hub.core.configuration.revision import LOOKED_AT_EVERY

_MOST = 1_000  # slugs; strangers name as many as they like


class Missing:
    """Slugs the table didn't know a moment ago: who asks for the same again and
    again costs no query each time."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}
        self._snapshot: object = None

    def has(self, slug: str, snapshot: object) -> bool:
        """True if it was looked for within a second, and nothing changed since."""
        if snapshot is not self._snapshot:
            return False
        asked = self._asked.get(slug, -LOOKED_AT_EVERY)
        return time.monotonic() - asked < LOOKED_AT_EVERY

    def add(self, slug: str, snapshot: object) -> None:
        """Note that the table was asked."""
        if snapshot is not self._snapshot or len(self._asked) >= _MOST:
            self._asked, self._snapshot = {}, snapshot
        self._asked[slug] = time.monotonic()
