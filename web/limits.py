"""How often somebody may try to sign in or use a link: counted for all processes
together, in this one's memory while Redis is down (ROAD 44)."""

import hashlib
from datetime import timedelta
from typing import Final

from hub.boot import Hub
from hub.core.webhooks.windows import Windows

SECONDS: Final = 60
PER_ACCOUNT: Final = 10  # tries from one address with one e-mail
PER_ADDRESS: Final = 60  # from one address, whatever the e-mail
LINKS_PER_ADDRESS: Final = 600
PER_LINK: Final = 240  # a page that waits for the bank looks again by itself
ACTS_PER_LINK: Final = 30
UNKNOWN_LINKS: Final = 30  # from one address: somebody guesses


class _Memory(Windows):
    def __init__(self, _hub: Hub) -> None:
        super().__init__(timedelta(seconds=SECONDS))


def allows_sign_in(hub: Hub, address: str, email: str) -> bool:
    """Count one try; False once there were too many."""
    account = f"{address}|{email.strip().lower()}"
    by_address = _count(hub, address)
    return _count(hub, account) <= PER_ACCOUNT and by_address <= PER_ADDRESS


def allows_link(hub: Hub, address: str, token: str, *, acts: bool) -> bool:
    """Count one use of a link; False once there were too many."""
    if _count(hub, f"links|{address}") > LINKS_PER_ADDRESS:
        return False
    acted = not acts or _count(hub, f"act|{token}") <= ACTS_PER_LINK
    return _count(hub, f"link|{token}") <= PER_LINK and acted


def allows_guess(hub: Hub, address: str) -> bool:
    """Count one link that nobody gave out; False once there were too many."""
    return _count(hub, f"guess|{address}") <= UNKNOWN_LINKS


def _count(hub: Hub, who: str) -> int:
    key = f"hub:tries:{hashlib.sha256(who.encode()).hexdigest()[:32]}"
    counted = hub.bell.count(key, SECONDS)
    return hub.part(_Memory).count(key) if counted is None else counted
