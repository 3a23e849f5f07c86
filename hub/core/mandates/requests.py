"""A company's way to a mandate: a row first, then the provider's page, asked about
until the mandate is known or the page is over.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from hub.boot import Hub
from hub.core import audit, frozen
from hub.core.checkouts import leases
from hub.core.checkouts.asking import as_facts, call, refused, step
from hub.core.configuration.live import LiveConnection, live
from hub.core.ledger import companies, mandates
from hub.core.models import Company, Connection, MandateRequest, new_id
from hub.core.people import portal_links
from hub.core.record import record_all
from hub.sdk import ledger
from hub.sdk.clock import now
from hub.sdk.errors import (
    ConflictError,
    HubError,
    NotFoundError,
    PluginError,
    RejectedError,
    UserError,
)
from hub.sdk.facts import Fact

# Longer than any provider keeps such a page open.
LIFE = timedelta(days=8)
_UNSTARTED = timedelta(minutes=15)
_FIRST_CHECK = timedelta(minutes=1)
_PATIENCE, _LOOK_EVERY = 12.0, 0.1  # seconds, while another request is at it


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Where the client goes; `reference` is the provider's id of the request."""

    request_id: str
    reference: str
    url: str


def begin(
    hub: Hub, company_id: str, slug: str, *, back: str, actor: str = audit.HUB
) -> Begun:
    """Open the page on which a company gives a mandate; begun again while it is open,
    the same page. `back`: where the client comes back to, as with a checkout."""
    connection = _usable(hub, slug)
    until = time.monotonic() + _PATIENCE
    while True:
        request = _current(hub, company_id, connection, back, actor)
        begun = _start(hub, request.id) if request.url is None else _same(hub, request)
        if begun is not None:
            return begun
        if time.monotonic() > until:
            raise ConflictError(
                "This is being set up in another window: try again in a moment."
            )
        time.sleep(_LOOK_EVERY)


def finish(hub: Hub, request_id: str, params: Mapping[str, str]) -> MandateRequest:
    """Take the client back: ask what came of it. What isn't known yet stays open, and
    the janitor finds it out."""
    until = time.monotonic() + _PATIENCE
    while True:
        row = get(hub, request_id)
        if row.state != "open" or _ask(hub, request_id, params) is not None:
            return get(hub, request_id)
        if time.monotonic() > until:
            return row
        time.sleep(_LOOK_EVERY)


def check(hub: Hub, request_id: str) -> None:
    """What the janitor does about an open request: ask; close what is over."""
    row = get(hub, request_id)
    age = now() - row.created_at
    answer = None
    if row.reference is not None:
        answer = _ask(hub, request_id, {})
        if answer is None:
            return
    silent = answer is None or answer.error is None
    silent = silent or isinstance(answer and answer.error, UserError | RejectedError)
    if silent and age > (LIFE if row.reference else _UNSTARTED):
        _close(hub, request_id)


def get(hub: Hub, request_id: str) -> MandateRequest:
    """Return the request; NotFoundError if there is none."""
    with hub.read() as session:
        row = session.get(MandateRequest, request_id)
    if row is None:
        raise NotFoundError(f"There is no mandate request {request_id}.")
    return row


@dataclass(frozen=True, kw_only=True)
class _Answer:
    error: HubError | None = None


def _usable(hub: Hub, slug: str) -> LiveConnection:
    connection = live(hub).by_slug(slug, fresh=True)
    able = hub.plugins.has(connection.plugin, "start_mandate")
    if not able or not connection.working or connection.error:
        raise ConflictError(
            f"{connection.title} can't set up direct debits right now: mend or enable"
            " it, or choose another connection."
        )
    return connection


def _current(
    hub: Hub, company_id: str, connection: LiveConnection, back: str, actor: str
) -> MandateRequest:
    """The open request, made if there is none; committed before any call."""
    wanted = select(MandateRequest).where(
        MandateRequest.company_id == company_id,
        MandateRequest.connection_id == connection.id,
        MandateRequest.state == "open",
    )
    try:
        with hub.write() as session:
            company = companies.get(session, company_id)
            row = session.scalars(wanted).first()
            if row is None:
                row = MandateRequest(
                    id=new_id("mrq"),
                    company_id=company.id,
                    connection_id=connection.id,
                    currency=company.currency,
                    back=back,
                    next_check_at=now() + _FIRST_CHECK,
                )
                session.add(row)
                subject = f"company:{company.id}"
                audit.record(session, actor, "mandate.asked", subject, request=row.id)
            elif row.back != back and not portal_links.leads_back(session, row.back):
                # Its client would come back to a link that ended: the same request
                # gets another page.
                row.back, row.url = back, None
            return row
    except IntegrityError:  # somebody else made it in this moment
        with hub.read() as session:
            row = session.scalars(wanted).first()
        if row is None:
            raise
        return row


def _read(
    hub: Hub, request_id: str
) -> tuple[MandateRequest, ledger.MandateRequest, LiveConnection]:
    with hub.read() as session:
        row = session.get_one(MandateRequest, request_id)
        company = frozen.company(session.get_one(Company, row.company_id))
    connection = live(hub).by_id(row.connection_id)
    return row, frozen.mandate_request(row, company, connection.slug), connection


def _start(hub: Hub, request_id: str) -> Begun | None:
    """Open the page; None if somebody else is at it. Repeated after an unknown
    outcome the provider finds its own request again, by its idempotency key."""
    with leases.held(hub, MandateRequest, request_id) as claim:
        if claim is None:
            return None
        row, request, connection = _read(hub, request_id)
        if row.url is not None:
            return _begun(row)
        try:
            made = call(
                hub,
                connection,
                "start_mandate",
                _as_checkout,
                company=request.company,
                request=request,
            )
        except HubError as error:
            _note_error(hub, row, claim, error, begins=True)
            raise
        with hub.write() as session:
            row = session.get_one(MandateRequest, request_id)
            mandates.started(session, row, made.reference, made.url)
            again = {"next_check_at": now() + _FIRST_CHECK, "problem": ""}
            leases.settle(session, MandateRequest, request_id, claim, **again)
        return Begun(request_id=request_id, reference=made.reference, url=made.url)


def _same(hub: Hub, row: MandateRequest) -> Begun | None:
    """The page that was begun, unless asking shows that it is over."""
    _ask(hub, row.id, {})
    row = get(hub, row.id)
    return _begun(row) if row.state == "open" else None


def _ask(hub: Hub, request_id: str, params: Mapping[str, str]) -> _Answer | None:
    """Ask what came of it; None if it is closed or somebody else is at it."""
    with leases.held(hub, MandateRequest, request_id) as claim:
        if claim is None:
            return None
        row, request, connection = _read(hub, request_id)
        try:
            facts: list[Fact] = (
                call(
                    hub,
                    connection,
                    "finish_mandate",
                    as_facts,
                    request=request,
                    params=params,
                )
                if row.reference
                else []
            )
        except HubError as error:
            _note_error(hub, row, claim, error)
            return _Answer(error=error)
        with hub.write() as session:
            record_all(session, session.get_one(Connection, row.connection_id), facts)
            values = _again(row) | {"problem": ""}
            leases.settle(session, MandateRequest, request_id, claim, **values)
    return _Answer()


def _note_error(
    hub: Hub, row: MandateRequest, claim: str, error: HubError, *, begins: bool = False
) -> None:
    over = begins and isinstance(error, RejectedError) and not error.outcome_unknown
    closed = {"state": "failed", "closed_at": now(), "next_check_at": None}
    values: dict[str, Any] = closed if over else _again(row)
    with hub.write() as session:
        values = values | {"problem": str(error)}
        leases.settle(session, MandateRequest, row.id, claim, **values)
        refused(session, row.connection_id, error)


def _again(row: MandateRequest) -> dict[str, Any]:
    return {"next_check_at": now() + step(row.checks), "checks": row.checks + 1}


def _close(hub: Hub, request_id: str) -> None:
    with leases.held(hub, MandateRequest, request_id) as claim:
        if claim is not None:
            with hub.write() as session:
                values = {"state": "expired", "closed_at": now()}
                leases.settle(
                    session,
                    MandateRequest,
                    request_id,
                    claim,
                    next_check_at=None,
                    **values,
                )


def _begun(row: MandateRequest) -> Begun:
    return Begun(request_id=row.id, reference=row.reference or "", url=row.url or "")


def _as_checkout(made: object) -> ledger.Checkout:
    if not isinstance(made, ledger.Checkout):
        raise PluginError("The plugin returned no page.")
    return made
