"""Ledger rows as plugins see them: the snapshots of hub.sdk.ledger."""

from urllib.parse import quote

from hub.core.models import (
    Charge,
    Company,
    Invoice,
    Mandate,
    MandateRequest,
    Payment,
)
from hub.sdk import ledger
from hub.sdk.money import Money


def company(row: Company) -> ledger.Company:
    """A client of the MSP."""
    return ledger.Company(
        id=row.id,
        name=row.name,
        currency=row.currency,
        country=row.country or "",
        email=row.email or "",
        phone=row.phone or "",
    )


def invoice(row: Invoice) -> ledger.Invoice:
    """An invoice with what is still open of it; loads its company and lines."""
    return ledger.Invoice(
        id=row.id,
        number=row.number,
        company=company(row.company),
        issue_date=row.issue_date,
        due_date=row.due_date,
        total=Money(row.total_minor, row.currency),
        open_amount=Money(row.open_minor, row.currency),
        lines=tuple(
            ledger.Line(
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                tax_rate=line.tax_rate,
                product_code=line.product_code or "",
            )
            for line in row.lines
        ),
        state=row.state,
    )


def charge(row: Charge, of: ledger.Invoice, slug: str) -> ledger.Charge:
    """An attempt to pay; `slug` is its connection's, by which the payer comes back."""
    back = f"{row.back}/{quote(slug)}"
    return ledger.Charge(
        id=row.id,
        invoice=of,
        amount=Money(row.amount_minor, row.currency),
        reference=row.reference,
        return_url=f"{back}/return?charge={row.id}",
        cancel_url=f"{back}/cancel?charge={row.id}",
        created_at=row.created_at,
    )


def mandate(row: Mandate, of: ledger.Company) -> ledger.Mandate:
    """A mandate of a company."""
    return ledger.Mandate(
        id=row.id, company=of, reference=row.reference, state=row.state
    )


def mandate_request(
    row: MandateRequest, of: ledger.Company, slug: str
) -> ledger.MandateRequest:
    """A company's way to a mandate; `slug` is its connection's."""
    back = f"{row.back}/{quote(slug)}"
    return ledger.MandateRequest(
        id=row.id,
        company=of,
        currency=row.currency,
        reference=row.reference,
        return_url=f"{back}/return?request={row.id}",
        cancel_url=f"{back}/cancel?request={row.id}",
        created_at=row.created_at,
    )


def payment(row: Payment) -> ledger.Payment:
    """A payment with what was given back of it."""
    return ledger.Payment(
        id=row.id,
        reference=row.reference,
        amount=Money(row.amount_minor, row.currency),
        refunded=Money(row.refunded_minor, row.currency),
    )
