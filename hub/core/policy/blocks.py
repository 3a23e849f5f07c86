"""Addresses a sender of ours must not write to any more: opted out, or not there.

A block belongs to one sender (a number, a messaging service): another one was never
told to stop. An opt-out is ended by its owner's START alone.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.models import AddressBlock, new_id
from hub.core.rows import insert_new
from hub.sdk.clock import now
from hub.sdk.errors import ConflictError, NotFoundError
from hub.sdk.provider import Provider

OPT_OUT, BOUNCED = "opt_out", "bounced"
_OPEN = AddressBlock.ended_at.is_(None)
_LONGEST = 200


def sender_of(provider: Provider, settings: Mapping[str, Any]) -> str:
    """The sender a connection writes as; "" where it has but one."""
    named = (str(settings.get(key) or "") for key in provider.sender_keys)
    return next((name for name in named if name), "")


def fold(address: str) -> str:
    """The same for the same mailbox, however it is written; numbers stay."""
    return address.lower()


def block(  # noqa: PLR0913 - a block has these parts
    session: Session,
    *,
    connection_id: str,
    sender: str,
    address: str,
    kind: str,
    how: str,
    at: datetime,
    actor: str = audit.HUB,
) -> bool:
    """Block an address from now on; False if it is blocked already. Who opts out of
    what bounced before has opted out."""
    row = {
        "id": new_id("blk"),
        "connection_id": connection_id,
        "sender": sender,
        "address": fold(address),
        "kind": kind,
        "how": how[:_LONGEST],
        "since": at,
        "ended_at": None,
    }
    # The unique index is partial, so no list of columns names it.
    if insert_new(session, AddressBlock, [row], unique=None):
        audit.record(
            session, actor, "address.blocked", f"connection:{connection_id}", kind=kind
        )
        return True
    known = current(session, connection_id, sender, address)
    if known is not None and known.kind == BOUNCED and kind == OPT_OUT:
        known.kind, known.how, known.since = kind, how[:_LONGEST], at
    return False


def lift(session: Session, block: AddressBlock, *, actor: str = audit.HUB) -> None:
    """End a block; to do so again changes nothing."""
    if block.ended_at is None:
        block.ended_at = now()
        subject = f"connection:{block.connection_id}"
        audit.record(session, actor, "address.unblocked", subject, kind=block.kind)


def lift_bounce(session: Session, block_id: str, *, actor: str) -> AddressBlock:
    """A person says that the address works again. Nobody else's opt-out is theirs to
    end: ConflictError."""
    found = session.get(AddressBlock, block_id)
    if found is None:
        raise NotFoundError("There is no such block.")
    if found.kind == OPT_OUT:
        raise ConflictError("Only who opted out can end it, by writing START.")
    lift(session, found, actor=actor)
    return found


def current(
    session: Session, connection_id: str, sender: str, address: str
) -> AddressBlock | None:
    """The block that holds now, if any."""
    return session.scalars(
        select(AddressBlock).where(
            AddressBlock.connection_id == connection_id,
            AddressBlock.sender == sender,
            AddressBlock.address == fold(address),
            _OPEN,
        )
    ).one_or_none()


def among(
    session: Session, connection_id: str, sender: str, addresses: Collection[str]
) -> dict[str, AddressBlock]:
    """The blocks that hold now for these addresses, by folded address."""
    found = session.scalars(
        select(AddressBlock).where(
            AddressBlock.connection_id == connection_id,
            AddressBlock.sender == sender,
            AddressBlock.address.in_({fold(each) for each in addresses}),
            _OPEN,
        )
    )
    return {each.address: each for each in found}


def words(block: AddressBlock) -> str:
    """`opted out on 3 March 2026 by STOP`, for a sentence."""
    day, how = f"{block.since.day} {block.since:%B %Y}", block.how.rstrip(".")
    said = f" by {how}" if how.isupper() else f" ({how})" if how else ""
    if block.kind == OPT_OUT:
        return f"opted out on {day}{said}"
    return f"the address was refused on {day}{said}"
