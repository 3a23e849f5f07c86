"""What the data of each event type holds: one table, and the JSON Schema of it.

Fields may be added within a version; a field that goes, or means something else,
makes the next one.
"""

from collections.abc import Mapping
from typing import Any, Final

from hub.sdk.events import EVENT_TYPES

VERSION: Final = 1
MESSAGE: Final = "custom.message"
CUSTOM: Final = "custom.*"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]
Fields = Mapping[str, Schema]

_TEXT: Final[Schema] = {"type": "string"}
_MAYBE: Final[Schema] = {"type": ["string", "null"]}
_NUMBER: Final[Schema] = {"type": "integer"}
_YES: Final[Schema] = {"type": "boolean"}
_AMOUNT: Final[Schema] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_MAYBE_AMOUNT: Final[Schema] = {**_AMOUNT, "type": ["string", "null"]}
_CURRENCY: Final[Schema] = {"type": "string", "pattern": "^[A-Z]{3}$"}
_DATE: Final[Schema] = {"type": "string", "format": "date"}
_MAYBE_DATE: Final[Schema] = {**_DATE, "type": ["string", "null"]}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final[Schema] = {**_TIME, "type": ["string", "null"]}


def _object(fields: Fields, *, none: bool = False) -> Schema:
    kind = ["object", "null"] if none else "object"
    return {"type": kind, "properties": dict(fields), "required": list(fields)}


_COMPANY: Final = _object({"id": _TEXT, "name": _TEXT}, none=True)
_PAYMENT: Final[Fields] = {
    **{"payment_id": _TEXT, "reference": _TEXT, "provider": _TEXT, "state": _TEXT},
    **{"amount": _AMOUNT, "currency": _CURRENCY, "method": _TEXT, "payer": _TEXT},
    **{"provider_url": _TEXT, "invoice_id": _MAYBE, "invoice_number": _MAYBE},
    **{"company": _COMPANY, "open_amount": _MAYBE_AMOUNT, "refunded_amount": _AMOUNT},
}
_DISPUTE: Final[Fields] = {
    **{"reference": _TEXT, "state": _TEXT, "amount": _MAYBE_AMOUNT},
    **{"currency": _MAYBE, "respond_by": _MAYBE_TIME, "url": _TEXT},
}
_INVOICE: Final[Fields] = {
    **{"invoice_id": _TEXT, "number": _TEXT, "state": _TEXT, "total": _AMOUNT},
    **{"open_amount": _AMOUNT, "currency": _CURRENCY, "issue_date": _DATE},
    **{"due_date": _DATE, "company": _COMPANY},
}
_QUOTE: Final[Fields] = {
    **{"quote_id": _TEXT, "number": _TEXT, "title": _TEXT, "state": _TEXT},
    **{"total": _AMOUNT, "currency": _CURRENCY, "company": _COMPANY},
    "decided_by": _TEXT,
}
_CONNECTION: Final[Fields] = {
    **{"connection": _TEXT, "plugin": _TEXT, "title": _TEXT, "problem": _TEXT},
    **{"since": _TIME, "company": {"type": "null"}},
}
_REPORTED: Final[Fields] = {"company": _COMPANY}

FIELDS: Final[Mapping[str, Fields]] = {
    "payment.received": _PAYMENT,
    "payment.failed": {**_PAYMENT, "reason": _TEXT},
    "payment.refunded": {**_PAYMENT, "refund_amount": _AMOUNT},
    "payment.disputed": {**_PAYMENT, "reason": _TEXT, "dispute": _object(_DISPUTE)},
    "invoice.created": _INVOICE,
    "invoice.updated": _INVOICE,
    "invoice.sent": _INVOICE,
    "invoice.paid": _INVOICE,
    "invoice.overdue": {**_INVOICE, "days_overdue": _NUMBER, "step": _NUMBER},
    "invoice.anomaly": {**_INVOICE, "score": _AMOUNT, "reason": _TEXT},
    "quote.accepted": _QUOTE,
    "quote.declined": _QUOTE,
    "company.changed": {
        **{"company_id": _TEXT, "name": _TEXT, "currency": _CURRENCY},
        **{"country": _MAYBE, "email": _MAYBE, "phone": _MAYBE, "company": _COMPANY},
        "changed": {"type": "array", "items": _TEXT},
    },
    "device_count.changed": _REPORTED,
    "alert.raised": _REPORTED,
    "alert.resolved": _REPORTED,
    "mandate.changed": {
        **{"mandate_id": _TEXT, "reference": _TEXT, "provider": _TEXT, "state": _TEXT},
        **{"was": _MAYBE, "reason": _TEXT, "scheme": _TEXT, "currency": _MAYBE},
        **{"replaced_by": _MAYBE, "next_charge_date": _MAYBE_DATE},
        **{"provider_url": _TEXT, "company": _COMPANY, "current_mandate_id": _MAYBE},
        "autobill": _YES,
    },
    "connection.failing": _CONNECTION,
    "connection.recovered": _CONNECTION,
    MESSAGE: {
        **{"text": _TEXT, "to": _MAYBE, "subject": _TEXT},
        "blocks": {"type": "array", "items": {"type": "object"}},
    },
    CUSTOM: {},
}
TYPES: Final = (*EVENT_TYPES, MESSAGE, CUSTOM)


def payload_schema(type: str) -> Schema:
    """Return the JSON Schema of a whole payload; KeyError for an unknown type."""
    name: Schema = {"const": type}
    if type == CUSTOM:
        name = {"type": "string", "pattern": r"^custom(\.[a-z0-9_]+)+$"}
    fields = {
        "type": name,
        "id": {**_TEXT, "description": "The event's id."},
        "timestamp": {**_TIME, "description": "When it happened."},
        "version": {"const": VERSION},
        "subject": {**_TEXT, "description": "The ledger object: `invoice:inv_…`."},
        "url": {**_TEXT, "description": "The page that shows the detail."},
        "data": _object(FIELDS[type]),
    }
    return {"$schema": DIALECT, "title": type, **_object(fields)}
