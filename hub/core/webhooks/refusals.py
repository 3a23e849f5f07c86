"""What is refused leaves a count and a log line, nothing else."""

from datetime import timedelta

import structlog

from hub.boot import Hub
from hub.core.webhooks.windows import Windows

MOST = 300  # refused requests from one address to one connection …
_WINDOW = timedelta(minutes=1)  # … in this time

_log = structlog.get_logger("hub.webhooks")


class Refusals:
    """The refused requests of this process, and through Redis of all."""

    def __init__(self, hub: Hub) -> None:
        self._bell = hub.bell
        self._windows = Windows(_WINDOW)

    def note(self, connection: str, address: str, status: int, reason: str) -> bool:
        """Count a refused request; True if there were too many in this minute.

        Genuine requests are never turned away by it: behind a proxy that was not
        declared all senders share one address, and a forger must not be able to
        shut out the provider.
        """
        seconds = int(_WINDOW.total_seconds())
        key = f"hub:refused:{connection}:{address}"
        shared = self._bell.count(key, seconds) or 0
        count = max(shared, self._windows.count((connection, address)))
        if count <= MOST + 1:  # a flood is logged once
            _log.warning(
                "webhook.refused",
                connection=connection,
                address=address,
                status=status,
                reason=reason,
                flood=count > MOST,
            )
        return count > MOST
