"""Deliver: claim what is due, call the plugin's hook, settle what came of it.

After publish; the last step before the provider. Rules: ROAD 15-21, 26. The claim
commits before the call, the call happens in the process's pool outside any
transaction, and the pool's scribe writes the results in batches.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from hub.boot import Hub
from hub.core.buckets import Buckets
from hub.core.deliveries import claims, readiness
from hub.core.deliveries.claims import NOTHING, Claimed, Take
from hub.core.deliveries.pool import LONG, Pool
from hub.core.deliveries.readiness import Ready
from hub.core.deliveries.shares import share

Stop = Callable[[], bool]
_SOON = timedelta(seconds=0.05)


def drain(hub: Hub, pool: Pool, stop: Stop, budget_seconds: float = 2.0) -> int:
    """Hand to the pool what may be sent now; returns how many deliveries it moved.

    It doesn't wait for them: whoever finishes one makes the pool ask for another
    look, and what is not looked at in time is rung for again (ROAD 23, 24).
    """
    until, count, aside = time.monotonic() + budget_seconds, 0, 1
    with pool.draining:
        # One round takes all that may go. To go round for each slot that is set free
        # would keep the scribe from writing; only what was put aside made room.
        while aside and not stop():
            if time.monotonic() >= until:
                hub.bell.ring("deliver")
                break
            # Before the last look: a ring that comes later is let through.
            hub.bell.answered("deliver")
            take = _round(hub, pool)
            aside = take.aside
            count += aside + len(take.claimed)
    return count


def drain_all(hub: Hub, *, size: int = 16, seconds: float = 60.0) -> int:
    """Deliver all that may be sent now and wait for the results: for commands and
    tests, where no worker runs."""
    pool = Pool(hub, size=size, spare=0)
    until, count = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < until:
            # Idle before the look: what a result sets free is seen by another one.
            idle = pool.is_idle()
            handed = drain(hub, pool, lambda: False)
            count += handed
            if idle and not handed:
                break
            pool.wait(0.05)
    finally:
        pool.close(grace=max(0.0, until - time.monotonic()))
    return count


def _round(hub: Hub, pool: Pool) -> Take:
    with hub.read() as session:
        ready = readiness.look(session, hub)
    if not ready:
        return NOTHING
    wanted = share(
        {each.connection_id: each.room for each in ready}, pool.held(), pool.free
    )
    if sum(each.room for each in ready) > sum(wanted.values()):
        _call_for_help(hub, pool)
    granted = _within_rates(hub, pool, ready, wanted)
    if not any(granted.values()):
        return NOTHING
    with hub.write() as session:
        take = claims.claim(
            session,
            hub,
            ready,
            granted,
            worker=pool.worker,
            suspect=not pool.has_suspect(),
        )
    _give_back(hub, ready, granted, take.claimed)
    for each in take.claimed:
        pool.submit(each)
    if take.locked_out:
        pool.look_again(_SOON)
    return take


def _call_for_help(hub: Hub, pool: Pool) -> None:
    """More is due than we can hold: other processes may have slots, and what turns
    out to be slow gives up its own."""
    if pool.may_call_for_help():
        hub.bell.ring("deliver")
        pool.look_again(timedelta(seconds=LONG))


def _within_rates(
    hub: Hub, pool: Pool, ready: list[Ready], wanted: Mapping[str, int]
) -> dict[str, int]:
    """Ask the rate budgets, outside any transaction: that is I/O (ROAD 33)."""
    buckets, granted = hub.part(Buckets), dict[str, int]()
    for each in ready:
        count = wanted[each.connection_id]
        if each.outage_id is not None:
            count = min(count, 1)
        if count == 0:
            continue
        grant = buckets.take(each.connection_id, each.rate, count)
        granted[each.connection_id] = grant.count
        if grant.count < count:
            pool.look_again(timedelta(seconds=grant.wait))
    return granted


def _give_back(
    hub: Hub,
    ready: Sequence[Ready],
    granted: Mapping[str, int],
    claimed: Sequence[Claimed],
) -> None:
    used: dict[str, int] = {}
    for each in claimed:
        used[each.connection_id] = used.get(each.connection_id, 0) + 1
    for one in ready:
        id = one.connection_id
        left = granted.get(id, 0) - used.get(id, 0)
        hub.part(Buckets).give_back(id, one.rate, left)
