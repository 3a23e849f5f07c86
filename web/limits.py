"""How often somebody may try to sign in: counted for all processes together, in this
one's memory while Redis is down (ROAD 44)."""

import hashlib
from datetime import timedelta
from typing import Final

from hub.boot import Hub
from hub.core.webhooks.windows import Windows

SECONDS: Final = 60
PER_ACCOUNT: Final = 10  # tries from one address with one e-mail
PER_ADDRESS: Final = 60  # from one address, whatever the e-mail


class _Memory(Windows):
    def __init__(self, _hub: Hub) -> None:
        super().__init__(timedelta(seconds=SECONDS))


def allows_sign_in(hub: Hub, address: str, email: str) -> bool:
    """Count one try; False once there were too many."""
    account = f"{address}|{email.strip().lower()}"
    by_address = _count(hub, address)
    return _count(hub, account) <= PER_ACCOUNT and by_address <= PER_ADDRESS


def _count(hub: Hub, who: str) -> int:
    key = f"hub:sign-in:{hashlib.sha256(who.encode()).hexdigest()[:32]}"
    counted = hub.bell.count(key, SECONDS)
    return hub.part(_Memory).count(key) if counted is None else counted
