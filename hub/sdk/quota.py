"""A provider's day quota, as its replies tell it (Xero: X-DayLimit-Remaining).

The hub counts its own calls; other programs may use up the same quota. A plugin that
reads such a header reports it, and deliveries wait for the next day in time.
"""

from typing import Final

from hub.sdk import clock
from hub.sdk.context import Context

KEY: Final = "hub.calls_left_today"


def report(ctx: Context, left: int) -> None:
    """Keep how many calls the provider says are left today."""
    value = {"left": max(0, left), "at": clock.iso(clock.now())}
    ctx.state.set(KEY, value, ttl=24 * 3600.0)
