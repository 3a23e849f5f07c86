"""Open the provider's page of a charge, once, however often it is tried."""

from dataclasses import dataclass

from hub.boot import Hub
from hub.core.checkouts import leases
from hub.core.checkouts.asking import call, note_error, read
from hub.core.ledger import charges
from hub.core.models import Charge
from hub.sdk import ledger
from hub.sdk.clock import now
from hub.sdk.errors import (
    ConflictError,
    CredentialsError,
    HubError,
    PluginError,
    RejectedError,
    SettingsError,
)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Where the payer goes; `reference` is the provider's id of the checkout."""

    charge_id: str
    reference: str
    url: str


class _LostError(Exception):
    """Somebody else has taken the charge over."""


def start(hub: Hub, charge_id: str) -> Begun | None:
    """Open a charge's page; None if somebody else is at it. Repeated after an unknown
    outcome the provider shows the same one, by its idempotency key."""
    with leases.held(hub, Charge, charge_id) as claim:
        if claim is None:
            return None
        try:
            subject = read(hub, charge_id)
            if subject.row.url is not None:
                return begun_of(subject.row)
            made = call(
                hub,
                subject.connection,
                "start_checkout",
                _as_checkout,
                invoice=subject.charge.invoice,
                charge=subject.charge,
            )
        except HubError as error:
            over = {"state": "failed", "closed_at": now(), "next_check_at": None}
            note_error(hub, charge_id, claim, error, **(over if _final(error) else {}))
            raise
        try:
            return _started(hub, charge_id, claim, made)
        except _LostError:
            return None


def _final(error: HubError) -> bool:
    """True if nothing came of the call, and nothing will if it is repeated."""
    refused = isinstance(
        error, RejectedError | CredentialsError | SettingsError | ConflictError
    )
    return refused and not getattr(error, "outcome_unknown", False)


def _as_checkout(made: object) -> ledger.Checkout:
    if not isinstance(made, ledger.Checkout):
        raise PluginError("The plugin returned no checkout.")
    return made


def _started(
    hub: Hub, charge_id: str, claim: str, made: ledger.Checkout
) -> Begun | None:
    with hub.write() as session:
        row = charges.started(session, charge_id, made.reference, made.url)
        if row.state != "open":
            return None  # money that named the checkout was there before us
        again = {"next_check_at": now() + charges.FIRST_CHECK, "problem": ""}
        if not leases.settle(session, Charge, charge_id, claim, **again):
            raise _LostError
    return Begun(charge_id=charge_id, reference=made.reference, url=made.url)


def begun_of(row: Charge) -> Begun:
    """Where the payer of a charge whose page is open goes."""
    return Begun(charge_id=row.id, reference=row.reference or "", url=row.url or "")
