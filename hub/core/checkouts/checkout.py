"""Checkout: a client pays an invoice on a provider's page, and pays once (ROAD 7).

However often it is begun, reloaded or come back from, there is one open charge per
invoice, its row commits before any call, and what isn't known is asked for.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from hub.boot import Hub
from hub.core.checkouts.asking import Answer, ask
from hub.core.checkouts.offers import Offer, offers
from hub.core.checkouts.standing import Standing, standing
from hub.core.checkouts.starting import Begun, begun_of, start
from hub.core.configuration.live import LiveConnection, live
from hub.core.ledger import charges
from hub.core.models import Charge, Connection
from hub.core.people import portal_links
from hub.sdk.clock import now
from hub.sdk.errors import (
    ConflictError,
    NotFoundError,
    RejectedError,
    UserError,
)
from hub.sdk.money import Money

__all__ = [
    "Begun",
    "Offer",
    "Standing",
    "begin",
    "cancelled",
    "check",
    "clear",
    "finish",
    "offers",
    "standing",
]

# Longer than any provider keeps a page open.
LIFE = timedelta(hours=25)
_UNSTARTED = timedelta(minutes=15)
_PATIENCE = 12.0  # seconds, while another request is at it
_LOOK_EVERY = 0.1


def begin(
    hub: Hub,
    invoice_id: str,
    slug: str,
    *,
    amount: Money | None = None,
    back: str,
) -> Begun:
    """Open the page on which an invoice, or `amount` of it, is paid through a
    connection. Begun again it is the same page, until the payer chooses another way:
    then the old page is closed first. ConflictError if there is nothing to pay, or
    what was begun is paid or being confirmed."""
    connection = _usable(hub, slug)
    wait = _Patience()
    while True:
        charge, fits = _current(hub, invoice_id, connection, amount, back)
        if not fits:
            moved, begun = _give_way(hub, charge), None
        elif charge.url is None:
            moved, begun = False, start(hub, charge.id)
        else:
            moved, begun = True, _same(hub, charge)
        if begun:
            return begun
        if not moved:
            wait.on("This invoice is being paid in another window: look there first.")


def finish(hub: Hub, charge_id: str, params: Mapping[str, str]) -> Standing:
    """Take the payer back and say how the payment stands. What can't be known now is
    confirming, and the janitor finds it out."""
    answer = _asked(hub, charge_id, params=params)
    return _standing(hub, charge_id, answer)


def cancelled(hub: Hub, charge_id: str) -> Standing:
    """The payer came back without paying, or so it seems: the provider is asked. The
    page can be gone on with."""
    answer = _asked(hub, charge_id)
    found = _standing(hub, charge_id, answer)
    return replace(found, state="cancelled") if found.state == "open" else found


def check(hub: Hub, charge_id: str) -> None:
    """What the janitor does about an open charge: ask; close what is over."""
    with hub.read() as session:
        row = session.get_one(Charge, charge_id)
    age = now() - row.created_at
    unstarted = row.reference is None and age > _UNSTARTED
    answer = ask(hub, charge_id, ending=unstarted or age > LIFE)
    # Its connection is removed or off, or the provider knows nothing of it. Money
    # that came nevertheless finds the closed charge once the connection is mended.
    refused = UserError | RejectedError
    silent = answer is not None and isinstance(answer.error, refused)
    if silent and age > LIFE and row.mandate_id is None:
        with hub.write() as session:
            charges.close(session, charge_id, "expired")


def clear(hub: Hub, invoice_id: str) -> None:
    """Close an invoice's open page, before it is voided or paid in another way.
    ConflictError if money is coming through it, or that can't be known now."""
    wait = _Patience()
    while True:
        with hub.read() as session:
            charge = charges.current(session, invoice_id)
        if charge is None:
            return
        if not _give_way(hub, charge):
            wait.on("A client is paying this invoice right now: try again in a moment.")


class _Patience:
    """Waits while another request is at it; ConflictError in the end."""

    def __init__(self) -> None:
        self._until = time.monotonic() + _PATIENCE

    @property
    def over(self) -> bool:
        return time.monotonic() > self._until

    def on(self, sentence: str) -> None:
        """Wait a little, or say the sentence."""
        if self.over:
            raise ConflictError(sentence)
        time.sleep(_LOOK_EVERY)


def _usable(hub: Hub, slug: str) -> LiveConnection:
    connection = live(hub).by_slug(slug, fresh=True)
    able = hub.plugins.has(connection.plugin, "start_checkout")
    if not able or not connection.working or connection.error:
        raise ConflictError(
            f"{connection.title} can't take payments right now: choose another way."
        )
    return connection


def _current(
    hub: Hub,
    invoice_id: str,
    connection: LiveConnection,
    amount: Money | None,
    back: str,
) -> tuple[Charge, bool]:
    """The invoice's open charge, made if there is none, and whether it is what is
    asked for. Committed before any call."""
    with hub.write() as session:
        invoice = charges.locked_invoice(session, invoice_id)
        row = charges.current(session, invoice_id)
        if row is None:
            at = session.get_one(Connection, connection.id)
            made = charges.open_charge(
                session, invoice_id, at, amount=amount, back=back
            )
            return made, True
        if row.mandate_id is not None:
            raise ConflictError(
                f"Invoice {invoice.number} is being collected by direct debit."
            )
        wanted = charges.to_pay(session, invoice, amount)
        same = (connection.id, wanted.minor)
        # A page that leads back to a link that ended leaves its payer in the dark.
        way_back = row.back == back or portal_links.leads_back(session, row.back)
        return row, way_back and (row.connection_id, row.amount_minor) == same


def _same(hub: Hub, charge: Charge) -> Begun | None:
    """The page that was begun, if it can still be paid on; None once it is closed.
    While nobody can say, it is the same page: it takes the money once."""
    answer = ask(hub, charge.id)
    if answer is None or answer.error is not None:
        row = _row(hub, charge.id)
        return begun_of(row) if row.state == "open" else None
    _check_unpaid(hub, charge.id)
    row = _row(hub, charge.id)
    return begun_of(row) if row.state == "open" else None


def _give_way(hub: Hub, charge: Charge) -> bool:
    """Close a charge that something else is to take the place of; False if it isn't,
    as somebody else is at it."""
    if charge.mandate_id is not None:
        raise ConflictError("This invoice is being collected by direct debit.")
    answer = ask(hub, charge.id, ending=True)
    if answer is not None and answer.error is not None:
        raise ConflictError(
            "A payment of this invoice was begun and can't be looked up right now:"
            f" try again later. ({answer.error})"
        ) from answer.error
    _check_unpaid(hub, charge.id)
    return _row(hub, charge.id).state != "open"


def _check_unpaid(hub: Hub, charge_id: str) -> None:
    with hub.read() as session:
        found = standing(session, charge_id)
        pending = charges.is_pending(session, charge_id)
    if found.state == "paid":
        raise ConflictError("A payment of this invoice has just come in.")
    if pending:
        raise ConflictError(
            "A payment of this invoice is being confirmed by the bank: wait for it."
        )


def _row(hub: Hub, charge_id: str) -> Charge:
    with hub.read() as session:
        return session.get_one(Charge, charge_id)


def _asked(
    hub: Hub, charge_id: str, params: Mapping[str, str] | None = None
) -> Answer | None:
    """Ask, or wait until somebody else, who is asking, is through."""
    wait = _Patience()
    while True:
        with hub.read() as session:
            row = session.get(Charge, charge_id)
        if row is None:
            raise NotFoundError(f"There is no charge {charge_id}.")
        if row.state != "open":
            return None
        answer = ask(hub, charge_id, params=params)
        if answer is not None or wait.over:
            return answer
        time.sleep(_LOOK_EVERY)


def _standing(hub: Hub, charge_id: str, answer: Answer | None) -> Standing:
    """After the payer's return an open charge that could not be asked about, or
    that somebody else is asking about, is confirming."""
    with hub.read() as session:
        found = standing(session, charge_id)
    unknown = answer is None or answer.error is not None
    if found.state == "open" and unknown:
        return replace(found, state="confirming", url=None)
    return found
