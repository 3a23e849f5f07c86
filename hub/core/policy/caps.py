"""One text to a client in a local day, by rows that only one delivery can hold.

A row is taken in the claim's transaction, before anything is sent, and stays with its
delivery through retries and crashes. What surely sent nothing gives it up.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from hub.core.models import DailySend, Delivery
from hub.db import lock_for_order

# Claims of several connections may want the same rows, each in its own order.
LOCK = 7_203
_OVER = ("dead", "skipped")


@dataclass(frozen=True)
class Want:
    """The subjects (`company:…`, `phone:…`) that a delivery needs, and the day."""

    subjects: Collection[str]
    day: date

    @property
    def keys(self) -> list[tuple[str, date]]:
        """Of the rows."""
        return [(subject, self.day) for subject in self.subjects]


class Days:
    """The days that some deliveries want, read at once and held to the commit."""

    def __init__(self, session: Session, wants: Mapping[str, Want]) -> None:
        self._session = session
        self._wants = wants
        lock_for_order(session, LOCK)
        self._stored = self._read()
        self._holders = dict(self._stored)
        self._free = self._unsent(set(self._stored.values()))

    def take(self, delivery_id: str) -> str | None:
        """Take what a delivery wants; None if it has all of it now, else the id of
        the delivery that has some of it. Then it took nothing."""
        keys = self._wants[delivery_id].keys
        for key in keys:
            holder = self._holders.get(key, delivery_id)
            if holder != delivery_id and holder not in self._free:
                return holder
        self._holders |= dict.fromkeys(keys, delivery_id)
        return None

    def give_up(self, delivery_id: str) -> None:
        """It isn't sent after all: whoever comes next may have its day."""
        self._free.add(delivery_id)

    def write(self) -> None:
        """Write what was taken, before the claim commits."""
        stored, held = self._stored, self._holders
        new = [
            {"subject": subject, "day": day, "delivery_id": id}
            for (subject, day), id in sorted(held.items())
            if (subject, day) not in stored
        ]
        if new:
            self._session.execute(insert(DailySend), new)
        for (subject, day), id in held.items():
            if stored.get((subject, day), id) != id:
                self._session.execute(
                    update(DailySend)
                    .where(DailySend.subject == subject, DailySend.day == day)
                    .values(delivery_id=id)
                )
        self._stored = dict(held)

    def _read(self) -> dict[tuple[str, date], str]:
        keys = {key for want in self._wants.values() for key in want.keys}
        if not keys:
            return {}
        rows = self._session.execute(
            select(DailySend.subject, DailySend.day, DailySend.delivery_id).where(
                DailySend.subject.in_({subject for subject, _ in keys}),
                DailySend.day.in_({day for _, day in keys}),
            )
        )
        return {(subject, day): id for subject, day, id in rows}

    def _unsent(self, ids: Collection[str]) -> set[str]:
        """Those that are over and surely sent nothing."""
        if not ids:
            return set()
        found = self._session.scalars(
            select(Delivery.id).where(
                Delivery.id.in_(ids),
                Delivery.state.in_(_OVER),
                Delivery.sent_at.is_(None),
            )
        )
        return set(found)
