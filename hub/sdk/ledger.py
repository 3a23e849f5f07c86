"""Ledger objects as plugins see them: frozen snapshots, amounts as Money."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from hub.sdk.money import Money


@dataclass(frozen=True, kw_only=True)
class Company:
    """A client of the MSP."""

    id: str
    name: str
    currency: str
    country: str
    email: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One invoice line; `tax_rate` in percent."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    product_code: str


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """An invoice with what is still open of it; `state` as docs/events.md says."""

    id: str
    number: str
    company: Company
    issue_date: date
    due_date: date
    total: Money
    open_amount: Money
    lines: tuple[Line, ...]
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What a company owes: the open amount in each currency, and how many of its
    invoices are overdue."""

    company: Company
    open_amounts: tuple[Money, ...]
    overdue: int


@dataclass(frozen=True, kw_only=True)
class Charge:
    """An open payment attempt: `id` goes into the provider's custom id or metadata,
    `reference` is the provider's checkout once it exists."""

    id: str
    invoice: Invoice
    amount: Money
    reference: str | None
    return_url: str
    cancel_url: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Payment:
    """A payment; `reference` is the provider's id of the money."""

    id: str
    reference: str
    amount: Money
    refunded: Money


@dataclass(frozen=True, kw_only=True)
class Mandate:
    """A direct-debit mandate of a company."""

    id: str
    company: Company
    reference: str
    state: str


@dataclass(frozen=True, kw_only=True)
class MandateRequest:
    """One way of a company to a mandate: `id` goes into the provider's metadata,
    `reference` is the provider's id of the request once it exists."""

    id: str
    company: Company
    currency: str
    reference: str | None
    return_url: str
    cancel_url: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A checkout at the provider: its id and the page the payer goes to."""

    reference: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A webhook registered at the provider, with the settings to keep."""

    reference: str
    settings: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """An industry figure with where it comes from."""

    metric: str
    value: Decimal
    unit: str
    kind: str
    year: int
    source: str
