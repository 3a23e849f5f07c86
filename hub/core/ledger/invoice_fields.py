"""What an invoice is written with: number, dates, lines; and what may be changed."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from hub.core.ledger import checks
from hub.core.ledger.amounts import price
from hub.core.models import Invoice, InvoiceLine
from hub.sdk.errors import ConflictError, InvalidError

TERMS = timedelta(days=30)
Lines = Sequence[Mapping[str, Any]]

# Beside the lines, which are checked when they are priced.
HEAD: checks.Spec = {
    "number": checks.text(100, needed=True),
    "currency": checks.currency,
    "issue_date": checks.day,
    "due_date": checks.day,
    "reference": checks.text(200),
    "notes": checks.text(5000),
}
_SAFE = frozenset({"due_date", "reference", "notes"})
_LINE = ("description", "quantity", "unit_price", "tax_rate", "product_code")


def check_due(issued_on: date, due: date) -> None:
    """An invoice can't be due before it is issued."""
    if due < issued_on:
        text = "It can't be due before it is issued."
        raise InvalidError(text, {"due_date": [text]})


def set_lines(invoice: Invoice, lines: Lines) -> None:
    """Price the lines and write them with the totals."""
    priced = price(lines, invoice.currency)
    invoice.lines = [
        InvoiceLine(position=position, **vars(line))
        for position, line in enumerate(priced.lines)
    ]
    invoice.net_minor, invoice.tax_minor = priced.net_minor, priced.tax_minor
    invoice.total_minor = priced.total_minor


def check_changeable(invoice: Invoice, names: set[str]) -> None:
    """A draft may change wholly, an open invoice only in what nobody was told to
    pay by; a void one not at all."""
    if invoice.state == "void":
        raise ConflictError(f"Invoice {invoice.number} is void: make a new one.")
    fixed = (names & HEAD.keys() | names & {"lines"}) - _SAFE
    if fixed and invoice.state != "draft":
        raise ConflictError(
            f"Invoice {invoice.number} is {invoice.state}: only a draft's"
            f" {', '.join(sorted(fixed))} can be changed. Void it or write a credit"
            " note."
        )


def change(invoice: Invoice, changes: Mapping[str, Any]) -> bool:
    """Write checked changes; True if anything is different then."""
    before = _content(invoice)
    for name in changes.keys() - {"lines"}:
        setattr(invoice, name, changes[name])
    if "lines" in changes or "currency" in changes:
        set_lines(invoice, changes.get("lines", _lines(invoice)))
    check_due(invoice.issue_date, invoice.due_date)
    return _content(invoice) != before


def _content(invoice: Invoice) -> list[object]:
    return [*(getattr(invoice, name) for name in HEAD), _lines(invoice)]


def _lines(invoice: Invoice) -> list[dict[str, Any]]:
    return [{name: getattr(line, name) for name in _LINE} for line in invoice.lines]
