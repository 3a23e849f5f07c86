"""The janitor: asks what became of payments that are under way, so that each gets to
its true state without any webhook (ROAD 16). Beside sweep.

It runs as a duty and in the workers, where an approval rings for it; who comes second
finds the row leased. Each connection has a thread of its own: one that is slow holds
up neither another nor whoever started it.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import or_, select

from hub.boot import Hub
from hub.core.checkouts import checkout, refunds
from hub.core.mandates import debits, requests
from hub.core.models import Charge, MandateRequest, Payment, RefundRequest
from hub.sdk.clock import now
from hub.sdk.errors import UnreadyError

_BATCH = 200
_log = structlog.get_logger("hub.janitor")
Stop = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is looked after: rows that are open and due; `check(hub, id)` asks."""

    model: Any
    check: Callable[[Hub, str], None]
    connection: Any  # the column that names it
    joined: Any = None


def _check_charge(hub: Hub, id: str) -> None:
    with hub.read() as session:
        is_debit = session.get_one(Charge, id).mandate_id is not None
    (debits if is_debit else checkout).check(hub, id)


KINDS: Sequence[Kind] = (
    Kind(model=Charge, check=_check_charge, connection=Charge.connection_id),
    Kind(
        model=MandateRequest,
        check=requests.check,
        connection=MandateRequest.connection_id,
    ),
    Kind(
        model=RefundRequest,
        check=refunds.run,
        connection=Payment.connection_id,
        joined=Payment,
    ),
)


@dataclass(frozen=True, kw_only=True)
class _Due:
    id: str
    kind: Kind


def check_due(hub: Hub, stop: Stop = lambda: False) -> int:
    """Check all that is due and wait for the answers; returns how many."""
    due = _due(hub)
    for work in due.values():
        _check(hub, work, stop)
    return sum(map(len, due.values()))


def start(hub: Hub) -> None:
    """Begin to check what is due, and don't wait."""
    hub.part(Janitor).start()


class Janitor:
    """The threads of one process, one for a connection at a time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    def start(self) -> None:
        """Look once; each connection that has something due gets its thread."""
        with self._lock:
            busy = set(self._busy)
        for connection, work in _due(self._hub, busy).items():
            with self._lock:
                if connection in self._busy:
                    continue
                self._busy.add(connection)
            threading.Thread(
                target=self._run,
                args=(connection, work),
                name="janitor",
                daemon=True,
            ).start()

    def _run(self, connection: str, work: Sequence[_Due]) -> None:
        try:
            _check(self._hub, work, lambda: False)
        finally:
            with self._lock:
                self._busy.discard(connection)


def _due(hub: Hub, busy: Collection[str] = ()) -> dict[str, list[_Due]]:
    """What is due, by connection, the oldest first. Those that are `busy` are left
    out: what waits at a slow one must not fill the batch and keep others from it."""
    found: dict[str, list[_Due]] = {}
    moment = now()
    with hub.read() as session:
        for kind in KINDS:
            model = kind.model
            rows = select(model.id, kind.connection).where(
                model.state == "open",
                model.next_check_at <= moment,
                or_(model.claim.is_(None), model.lease_until < moment),
                or_(kind.connection.is_(None), kind.connection.not_in(busy)),
            )
            if kind.joined is not None:
                rows = rows.join(kind.joined)
            for id, connection in session.execute(
                rows.order_by(model.next_check_at).limit(_BATCH)
            ):
                found.setdefault(connection or "", []).append(_Due(id=id, kind=kind))
    return found


def _check(hub: Hub, work: Sequence[_Due], stop: Stop) -> None:
    """One that can't be checked must not keep the others from it."""
    for due in work:
        if stop():
            return
        try:
            if _is_due(hub, due):
                due.kind.check(hub, due.id)
        except UnreadyError as error:
            _log.warning("database.away", error=str(error))
            return
        except Exception as error:
            _log.error("check.failed", id=due.id, exc_info=error)


def _is_due(hub: Hub, due: _Due) -> bool:
    """Another may have been there since we looked."""
    model = due.kind.model
    with hub.read() as session:
        still = model.next_check_at <= now()
        return (
            session.scalar(select(model.id).where(model.id == due.id, still)) == due.id
        )
