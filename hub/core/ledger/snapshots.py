"""Event data: what an event says of the ledger at that moment, as plain JSON.

Amounts are decimal strings beside one `currency`; docs/events.md lists the fields.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.ledger.news import Transition
from hub.core.models import Company, Invoice, Mandate, Movement, Payment, Quote
from hub.sdk.clock import iso
from hub.sdk.money import Money

Data = dict[str, Any]


def company_data(company: Company | None) -> Data | None:
    """The company as every event names it."""
    return {"id": company.id, "name": company.name} if company else None


def invoice_data(invoice: Invoice) -> Data:
    """Data of `invoice.*`."""
    return {
        "invoice_id": invoice.id,
        "number": invoice.number,
        "state": invoice.state,
        "total": amount(invoice.total_minor, invoice.currency),
        "open_amount": amount(invoice.open_minor, invoice.currency),
        "currency": invoice.currency,
        "issue_date": invoice.issue_date.isoformat(),
        "due_date": invoice.due_date.isoformat(),
        "company": company_data(invoice.company),
    }


def payment_data(session: Session, payment: Payment) -> Data:
    """Data of `payment.*`; the invoice's open amount only in the same currency."""
    invoice = session.get(Invoice, payment.invoice_id) if payment.invoice_id else None
    same = invoice is not None and invoice.currency == payment.currency
    return {
        "payment_id": payment.id,
        "reference": payment.reference,
        "provider": payment.provider,
        "state": payment.state,
        "amount": amount(payment.amount_minor, payment.currency),
        "currency": payment.currency,
        "method": payment.method,
        "payer": payment.payer,
        "provider_url": payment.url,
        "invoice_id": payment.invoice_id,
        "invoice_number": invoice.number if invoice else None,
        "company": company_data(invoice.company) if invoice else None,
        "open_amount": (
            amount(invoice.open_minor, invoice.currency) if invoice and same else None
        ),
        "refunded_amount": amount(payment.refunded_minor, payment.currency),
    }


def mandate_data(mandate: Mandate, company: Company | None, was: str | None) -> Data:
    """Data of `mandate.changed`; `was` is the state before."""
    day = mandate.next_charge_date
    return {
        "mandate_id": mandate.id,
        "reference": mandate.reference,
        "provider": mandate.provider,
        "state": mandate.state,
        "was": was,
        "reason": mandate.reason,
        "scheme": mandate.scheme,
        "currency": mandate.currency,
        "replaced_by": mandate.replaced_by,
        "next_charge_date": day.isoformat() if day else None,
        "provider_url": mandate.url,
        "company": company_data(company),
        "current_mandate_id": company.mandate_id if company else None,
        "autobill": company.autobill if company else False,
    }


def news_data(session: Session, payment: Payment, news: Transition) -> Data:
    """Data of one transition of a payment."""
    data = payment_data(session, payment)
    if news.type == "payment.failed":
        data["reason"] = payment.reason
    if news.amount_minor is not None:
        data["refund_amount"] = amount(news.amount_minor, payment.currency)
    if news.reference is not None:
        data |= _dispute(session, payment, news)
    return data


def _dispute(session: Session, payment: Payment, news: Transition) -> Data:
    movement = session.scalars(
        select(Movement).where(
            Movement.provider == payment.provider,
            Movement.kind == news.kind,
            Movement.reference == news.reference,
        )
    ).one()
    back = news.kind == "chargeback"
    return {
        "reason": movement.reason,
        "dispute": {
            "reference": movement.reference,
            "state": "charged_back" if back else movement.state,
            "amount": (
                amount(movement.amount_minor, movement.currency)
                if movement.currency
                else None
            ),
            "currency": movement.currency or None,
            "respond_by": iso(movement.respond_by) if movement.respond_by else None,
            "url": movement.url,
        },
    }


def quote_data(quote: Quote) -> Data:
    """Data of `quote.*`."""
    return {
        "quote_id": quote.id,
        "number": quote.number,
        "title": quote.title,
        "state": quote.state,
        "total": amount(quote.total_minor, quote.currency),
        "currency": quote.currency,
        "company": company_data(quote.company),
        "decided_by": quote.decided_by,
    }


def amount(minor: int, currency: str) -> str:
    """The plain decimal string of an amount."""
    return str(Money(minor, currency))
