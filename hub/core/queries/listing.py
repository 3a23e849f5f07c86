"""Every list of the hub as data: its table, order, filters and what it loads along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from hub.core import models as m
from hub.core.queries.filters import Column, equals, of_slugs, value_of
from hub.core.queries.paging import DEFAULT_LIMIT, Page, page
from hub.sdk.errors import InvalidError, NotFoundError

# The filter for a connection's slug, in lists of what belongs to connections.
CONNECTION = "connection"


@dataclass(frozen=True)
class Listing:
    """One list. `filters` maps a parameter to its column (equality, several values
    separated by commas); `ranges` maps `x` to the column of `x_from` and `x_to`;
    `word` names the thing in messages."""

    word: str
    model: type[m.Base]
    key: Sequence[Column]
    filters: Mapping[str, Column] = field(default_factory=dict)
    ranges: Mapping[str, Column] = field(default_factory=dict)
    load: Sequence[ORMOption] = ()
    # The rows of the table that are meant: a column and its value.
    only: tuple[str, str] | None = None

    def parameters(self) -> frozenset[str]:
        """All filter parameters it takes."""
        spans = {f"{name}_{end}" for name in self.ranges for end in ("from", "to")}
        slug = {CONNECTION} if self.is_of_connections else set()
        return frozenset(self.filters) | spans | slug

    @property
    def is_of_connections(self) -> bool:
        """True if the rows belong to connections."""
        return "connection_id" in self.filters


def rows(
    session: Session,
    listing: Listing,
    filters: Mapping[str, str] | None = None,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Any]:
    """Return one page of the list, newest first. InvalidError for a bad filter."""
    statement = select(listing.model).options(*listing.load)
    if listing.only:
        column, value = listing.only
        statement = statement.where(getattr(listing.model, column) == value)
    statement = narrowed(statement, listing, filters or {})
    return page(session, statement, listing.key, cursor=cursor, limit=limit)


def narrowed(
    statement: Select[Any], listing: Listing, filters: Mapping[str, str]
) -> Select[Any]:
    """Apply filters to a statement over the listing's table."""
    for name, value in filters.items():
        if name in listing.filters:
            statement = statement.where(equals(listing.filters[name], name, value))
            continue
        if name == CONNECTION and listing.is_of_connections:
            column = listing.filters["connection_id"]
            statement = statement.where(of_slugs(column, name, value))
            continue
        stem, _, end = name.rpartition("_")
        if stem not in listing.ranges or end not in ("from", "to"):
            known = ", ".join(sorted(listing.parameters()))
            raise InvalidError(f"There is no filter {name!r}; there are: {known}.")
        column = listing.ranges[stem]
        moment = value_of(column, name, value)
        statement = statement.where(
            column >= moment if end == "from" else column < moment
        )
    return statement


def one(session: Session, listing: Listing, identity: str | int) -> Any:
    """Return the row with this id, or raise NotFoundError."""
    row = session.get(
        listing.model,
        _key(listing, identity),
        options=list(listing.load),
        populate_existing=True,
    )
    other = listing.only and getattr(row, listing.only[0], None) != listing.only[1]
    if row is None or other:
        raise NotFoundError(f"There is no {listing.word} {identity!r}.")
    return row


def _key(listing: Listing, identity: str | int) -> str | int:
    """The id as its column takes it."""
    if listing.key[-1].type.python_type is not int:
        return identity
    text = str(identity)
    return int(text) if text.isdecimal() and len(text) < 19 else -1


_CREATED = "created"


def _by_creation(model: Any) -> tuple[Column, Column]:
    return (model.created_at, model.id)


def _ledger(
    word: str,
    model: Any,
    *load: ORMOption,
    filters: Sequence[str] = (),
    ranges: Sequence[str] = (),
    only: tuple[str, str] | None = None,
) -> Listing:
    """A table of the ledger: ordered by creation, filtered by its own columns."""
    return Listing(
        word,
        model,
        _by_creation(model),
        {name: getattr(model, name) for name in filters},
        {_CREATED: model.created_at, **{r: getattr(model, r) for r in ranges}},
        load,
        only,
    )


COMPANIES = _ledger(
    "company",
    m.Company,
    selectinload(m.Company.contacts).selectinload(m.Contact.consents),
    filters=("name", "currency", "country", "email", "autobill"),
)
INVOICES = _ledger(
    "invoice",
    m.Invoice,
    selectinload(m.Invoice.lines),
    selectinload(m.Invoice.company),
    filters=("number", "state", "company_id", "currency"),
    ranges=("due_date", "issue_date"),
)
PAYMENTS = _ledger(
    "payment",
    m.Payment,
    selectinload(m.Payment.movements),
    filters=(
        *("state", "provider", "reference", "invoice_id", "currency"),
        *("connection_id", "attention", "disputed", "method"),
    ),
    ranges=("received_at",),
)
CHARGES = _ledger(
    "charge",
    m.Charge,
    filters=("state", "invoice_id", "connection_id", "reference", "mandate_id"),
)
REFUND_REQUESTS = _ledger(
    "refund request",
    m.RefundRequest,
    filters=("state", "payment_id", "refund_reference"),
)
PAYOUTS = _ledger(
    "payout",
    m.Payout,
    filters=("state", "provider", "reference", "currency", "connection_id"),
)
CREDIT_NOTES = _ledger(
    "credit note",
    m.CreditNote,
    selectinload(m.CreditNote.allocations),
    filters=("number", "state", "company_id", "currency"),
)
MANDATES = _ledger(
    "mandate",
    m.Mandate,
    filters=("state", "company_id", "provider", "reference", "connection_id"),
)
MANDATE_REQUESTS = _ledger(
    "mandate request",
    m.MandateRequest,
    filters=("state", "company_id", "connection_id", "reference", "mandate_id"),
)
QUOTES = _ledger(
    "quote",
    m.Quote,
    selectinload(m.Quote.lines),
    selectinload(m.Quote.company),
    filters=("number", "state", "company_id", "currency"),
)
TIME_ENTRIES = _ledger(
    "time entry",
    m.TimeEntry,
    filters=("company_id", "ticket_id", "invoice_id", "billable", "person"),
    ranges=("started_at",),
)
TICKETS = _ledger("ticket", m.Ticket, filters=("company_id", "state", "number"))
PRODUCTS = _ledger("product", m.Product, filters=("code", "active", "currency"))
DEVICES = _ledger("device", m.Device, filters=("company_id", "state", "kind"))
CONNECTIONS = _ledger("connection", m.Connection, filters=("plugin", "state", "slug"))
AUDIT = _ledger("audit entry", m.AuditEntry, filters=("actor", "action", "subject"))
_MOVEMENT = (
    *("state", "provider", "payment_id", "currency", "reference"),
    "connection_id",
)
REFUNDS = _ledger(
    "refund",
    m.Movement,
    filters=_MOVEMENT,
    only=("kind", "refund"),
)
DISPUTES = _ledger(
    "dispute",
    m.Movement,
    filters=_MOVEMENT,
    only=("kind", "dispute"),
)
WEBHOOKS = Listing(
    "webhook",
    m.InboundWebhook,
    (m.InboundWebhook.received_at, m.InboundWebhook.id),
    {
        "state": m.InboundWebhook.state,
        "connection_id": m.InboundWebhook.connection_id,
        "replay_of": m.InboundWebhook.replay_of,
    },
    {"received": m.InboundWebhook.received_at},
)
EVENTS = Listing(
    "event",
    m.Event,
    (m.Event.id,),
    {"type": m.Event.type, "subject": m.Event.subject},
    {_CREATED: m.Event.created_at},
)
DELIVERIES = Listing(
    "delivery",
    m.Delivery,
    _by_creation(m.Delivery),
    {
        "state": m.Delivery.state,
        "connection_id": m.Delivery.connection_id,
        "hook": m.Delivery.hook,
        "event_id": m.Delivery.event_id,
        "subject": m.Delivery.subject,
    },
    {_CREATED: m.Delivery.created_at},
    (selectinload(m.Delivery.event),),
)
API_CALLS = Listing(
    "API call",
    m.ApiCall,
    _by_creation(m.ApiCall),
    {
        "plugin": m.ApiCall.plugin,
        "connection_id": m.ApiCall.connection_id,
        "delivery_id": m.ApiCall.delivery_id,
        "webhook_id": m.ApiCall.webhook_id,
        "status": m.ApiCall.status,
        "method": m.ApiCall.method,
    },
    {_CREATED: m.ApiCall.created_at},
)
SYNC_RUNS = Listing(
    "sync run",
    m.SyncRun,
    (m.SyncRun.started_at, m.SyncRun.id),
    {"state": m.SyncRun.state, "connection_id": m.SyncRun.connection_id},
    {"started": m.SyncRun.started_at},
)
