"""Secrets at rest: sealed with the hub's keys, bound to the row they stand in.

Fernet has no associated data, so a ciphertext copied to another row would open
there; the row's identity therefore stands inside the plaintext.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import ColumnElement, Select, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from hub.boot import Hub
from hub.core.models import Connection, ConnectionState, Worker
from hub.core.models.duty import ALIVE
from hub.sdk.clock import now
from hub.sdk.errors import SettingsError

_BATCH = 100  # rows per transaction: nobody waits for a rotation (ROAD 34)


def new_key() -> str:
    """Make a key for HUB_ENCRYPTION_KEYS."""
    return Fernet.generate_key().decode()


def seal(hub: Hub, identity: str, value: Any) -> bytes:
    """Encrypt a JSON value for the row `identity` names, with the newest key."""
    return _box(hub.keys).encrypt(json.dumps([identity, value]).encode())


def unseal(hub: Hub, identity: str, sealed: bytes) -> Any:
    """Return what `seal` was given; SettingsError if a key is missing or the
    ciphertext was copied here from another row."""
    try:
        owner, value = json.loads(_box(hub.keys).decrypt(sealed))
    except InvalidToken:
        pass
    else:
        if owner == identity:
            return value
        raise SettingsError(
            f"The secrets stored for {identity} belong to {owner}: enter them again."
        )
    raise SettingsError(
        f"The secrets stored for {identity} can't be decrypted: put the key they were"
        " stored with back into HUB_ENCRYPTION_KEYS, or enter them again."
    )


def of_connection(connection_id: str) -> str:
    """Name a connection's secrets."""
    return f"connection {connection_id}"


def of_state(connection_id: str, key: str) -> str:
    """Name a secret value a plugin keeps for a connection."""
    return f"state {key} of connection {connection_id}"


def marks(hub: Hub) -> str:
    """Marks by which the keys of this process are known to others, not the keys."""
    return ",".join(map(_mark, hub.keys))


@dataclass
class Rotation:
    """What a rotation did; `unreadable` names rows that no key opens."""

    sealed_anew: int = 0
    already_new: int = 0
    unreadable: int = 0


def rotate(hub: Hub) -> Rotation:
    """Seal everything anew with the first key. Broken off, it is run again and
    goes on: rows under the first key are left as they are. SettingsError while a
    process runs that couldn't open what is sealed with it."""
    _require_everywhere(hub)
    done = Rotation()
    for sealed in _SEALED:
        mark: tuple[str, ...] | None = ()
        while mark is not None:
            mark = _rotate_batch(hub, sealed, mark, done)
    return done


@dataclass(frozen=True)
class _Sealed:
    """A column that holds sealed values, and the key its table is walked by."""

    column: InstrumentedAttribute[Any]
    where: ColumnElement[bool]
    key: tuple[InstrumentedAttribute[str], ...]

    def batch(self, mark: tuple[str, ...]) -> Select[Any]:
        query = select(self.column.class_).where(self.where).order_by(*self.key)
        if mark:
            query = query.where(tuple_(*self.key) > mark)
        return query.limit(_BATCH).with_for_update(key_share=True)


_SEALED = (
    _Sealed(Connection.secrets, Connection.secrets.is_not(None), (Connection.id,)),
    _Sealed(
        ConnectionState.value,
        ConnectionState.sealed.is_(True),
        (ConnectionState.connection_id, ConnectionState.key),
    ),
)


def _require_everywhere(hub: Hub) -> None:
    newest = _mark(hub.keys[0])
    with hub.read() as session:
        alive = session.scalars(
            select(Worker).where(Worker.seen_at > now() - ALIVE).order_by(Worker.id)
        )
        without = [row.id for row in alive if newest not in row.key_marks.split(",")]
    if without:
        raise SettingsError(
            f"The first of HUB_ENCRYPTION_KEYS is not known to {', '.join(without)}:"
            " start all processes of the hub again with the same keys, then run this"
            f" again (one that was killed counts for {ALIVE.seconds} seconds more)."
        )


def _mark(key: str) -> str:
    # A key is 32 random bytes: nobody finds it by its hash.
    return hashlib.blake2b(key.encode(), digest_size=8, person=b"hub.key").hexdigest()


def _rotate_batch(
    hub: Hub, sealed: _Sealed, mark: tuple[str, ...], done: Rotation
) -> tuple[str, ...] | None:
    with hub.write() as session:
        rows = session.scalars(sealed.batch(mark)).all()
        for row in rows:
            _rotate_row(hub, row, sealed.column.key, done)
        if not rows:
            return None
        return tuple(getattr(rows[-1], column.key) for column in sealed.key)


def _rotate_row(hub: Hub, row: Any, column: str, done: Rotation) -> None:
    value = getattr(row, column)
    try:
        if _opens(hub.keys[:1], value):
            done.already_new += 1
        else:
            setattr(row, column, _box(hub.keys).rotate(value))
            done.sealed_anew += 1
    except InvalidToken:
        done.unreadable += 1


def _opens(keys: tuple[str, ...], value: bytes) -> bool:
    try:
        _box(keys).decrypt(value)
    except InvalidToken:
        return False
    return True


@lru_cache(maxsize=8)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
