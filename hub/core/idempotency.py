"""Answers kept for the Idempotency-Key of a POST, 24 hours.

The key's row is inserted in a transaction of its own before the work: of several
requests with one key only one works, the others are told to come back.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from hub.boot import Hub
from hub.core.models import IdempotencyKey
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, InvalidError

KEPT = timedelta(hours=24)
# A request that has not answered by now was killed with its process.
ABANDONED = timedelta(minutes=2)
MAX_LENGTH = 255


@dataclass(frozen=True)
class Kept:
    """An answer to be given again."""

    status: int
    body: str


def begin(hub: Hub, user_id: str, key: str, request_hash: str) -> Kept | None:
    """Take the key for this request, or return the answer it already has.

    Raises ConflictError if the key was used for another request, or if that
    request is still being worked on.
    """
    if not key.isprintable() or len(key) > MAX_LENGTH:
        raise InvalidError("Idempotency-Key must be 1 to 255 printable characters.")
    try:
        with hub.write() as session:
            row = session.get(IdempotencyKey, (user_id, key))
            if row is not None and _is_over(row):
                session.delete(row)
                session.flush()
                row = None
            if row is None:
                session.add(
                    IdempotencyKey(
                        user_id=user_id,
                        key=key,
                        request_hash=request_hash,
                        created_at=now(),
                    )
                )
                session.flush()
                return None
    except IntegrityError:
        with hub.read() as session:
            row = session.get(IdempotencyKey, (user_id, key))
    return _answer(row, request_hash)


def finish(hub: Hub, user_id: str, key: str, kept: Kept) -> None:
    """Keep the answer."""
    with hub.write() as session:
        row = session.get(IdempotencyKey, (user_id, key))
        if row is not None:
            row.status, row.answer = kept.status, kept.body


def forget(hub: Hub, user_id: str, key: str) -> None:
    """Free the key after a request that failed on our side."""
    with hub.write() as session:
        session.execute(
            delete(IdempotencyKey).where(
                IdempotencyKey.user_id == user_id, IdempotencyKey.key == key
            )
        )


def purge(hub: Hub, limit: int = 1000) -> int:
    """Drop keys older than 24 hours; returns how many."""
    from sqlalchemy import select

    with hub.write() as session:
        old = session.scalars(
            select(IdempotencyKey)
            .where(IdempotencyKey.created_at < now() - KEPT)
            .limit(limit)
        ).all()
        for row in old:
            session.delete(row)
    return len(old)


def _is_over(row: IdempotencyKey) -> bool:
    age = now() - row.created_at
    return age > KEPT or (row.status is None and age > ABANDONED)


def _answer(row: IdempotencyKey | None, request_hash: str) -> Kept:
    if row is not None and row.request_hash != request_hash:
        raise ConflictError(
            "This Idempotency-Key was used for another request; use a new one."
        )
    if row is None or row.status is None or row.answer is None:
        raise ConflictError(
            "A request with this Idempotency-Key is still being worked on; try again."
        )
    return Kept(row.status, row.answer)
