"""The texts clients get, where an admin wrote none: as little as says all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

REACHES: Final = ("email", "phone")
STATEMENT: Final = "statement"
OPT_OUT: Final = "Reply STOP to opt out"


@dataclass(frozen=True)
class Text:
    """A text with blanks; `subject` for e-mail only."""

    body: str
    subject: str = ""


_HELLO = "Hello{% if contact.name %} {{ contact.name }}{% endif %},\n\n"
_BYE = "\n\nKind regards\n{{ sender_name }}\n"
_OF_INVOICE = "{% if invoice.number %} for invoice {{ invoice.number }}{% endif %}"


def _mail(subject: str, *parts: str) -> Text:
    return Text(_HELLO + "\n\n".join(parts) + _BYE, subject)


def _sms(text: str) -> Text:
    return Text("{{ sender_name }}: " + text)


_MAILS: Final[Mapping[str, Text]] = {
    "invoice.sent": _mail(
        "Invoice {{ invoice.number }} from {{ sender_name }}",
        "here is invoice {{ invoice.number }} of {{ issue_date }} over {{ amount }}"
        " for {{ company.name }}.",
        "{% if open_amount %}"
        "To be paid: {{ open_amount }}\nDue on: {{ due_date }}"
        "{% else %}There is nothing left to pay on it.{% endif %}",
        "You can see it{% if open_amount %} and pay it{% endif %} here:\n{{ link }}",
    ),
    "invoice.overdue": _mail(
        "Reminder: invoice {{ invoice.number }}"
        "{% if days_overdue %} was{% else %} is{% endif %} due on {{ due_date }}",
        "{% if days_overdue %}"
        "we have not yet received the payment of invoice {{ invoice.number }}"
        " for {{ company.name }}. It was due on {{ due_date }}, {{ days_overdue }}"
        " day{% if days_overdue != 1 %}s{% endif %} ago."
        "{% else %}"
        "a short reminder: invoice {{ invoice.number }} for {{ company.name }} is due"
        " on {{ due_date }}."
        "{% endif %}",
        "To be paid: {{ open_amount }}",
        "You can see and pay it here:\n{{ link }}",
        "If you have paid it in the meantime, please ignore this message.",
    ),
    "invoice.paid": _mail(
        "Invoice {{ invoice.number }} is paid",
        "invoice {{ invoice.number }} for {{ company.name }} over {{ amount }} is paid"
        " in full. Thank you!",
        "It is here for your records:\n{{ link }}",
    ),
    "payment.received": _mail(
        "We received {{ amount }}" + _OF_INVOICE,
        "thank you! On {{ payment_date }} we received {{ amount }} from"
        " {{ company.name }}" + _OF_INVOICE + ".",
        "{% if open_amount %}Still to be paid: {{ open_amount }}"
        "{% elif invoice.number %}There is nothing left to pay on it.{% endif %}",
        "You can see how it stands here:\n{{ link }}",
    ),
    "payment.failed": _mail(
        "Your payment of {{ amount }} did not go through",
        "the payment of {{ amount }} by {{ company.name }}" + _OF_INVOICE + " did not"
        " go through.",
        "You can try again or pay another way here:\n{{ link }}",
    ),
    "payment.refunded": _mail(
        "We refunded {{ refund_amount }}",
        "we refunded {{ refund_amount }} of the payment of {{ amount }} by"
        " {{ company.name }}" + _OF_INVOICE + ". Your bank may need a few days to"
        " show it.",
        "You can see how it stands here:\n{{ link }}",
    ),
    STATEMENT: _mail(
        "Statement of {{ today }} for {{ company.name }}",
        "{% if statement.count %}"
        "these invoices for {{ company.name }} are open on {{ today }}:\n\n"
        "{{ statement.lines }}\n\nTo be paid in all: {{ open_amount }}"
        "{% if overdue_amount %}\nOf that overdue: {{ overdue_amount }}{% endif %}"
        "{% else %}"
        "on {{ today }} no invoice for {{ company.name }} is open. Thank you!"
        "{% endif %}",
        "You can see{% if statement.count %} and pay{% endif %} them here:\n{{ link }}",
    ),
}
_TEXTS: Final[Mapping[str, Text]] = {
    "invoice.sent": _sms(
        "Invoice {{ invoice.number }} over {{ amount }}"
        "{% if open_amount %} is due on {{ due_date }}{% endif %}. {{ link }}"
    ),
    "invoice.overdue": _sms(
        "{{ open_amount }} of invoice {{ invoice.number }}"
        " {% if days_overdue %}was{% else %}is{% endif %} due on {{ due_date }}."
        " Pay it here: {{ link }}"
    ),
    "invoice.paid": _sms(
        "Invoice {{ invoice.number }} over {{ amount }} is paid. Thank you!"
    ),
    "payment.received": _sms(
        "Thank you! We received {{ amount }}" + _OF_INVOICE + "."
        "{% if open_amount %} Still open: {{ open_amount }}.{% endif %} {{ link }}"
    ),
    "payment.failed": _sms(
        "Your payment of {{ amount }}" + _OF_INVOICE + " did not go through."
        " Try again here: {{ link }}"
    ),
    "payment.refunded": _sms("We refunded {{ refund_amount }}" + _OF_INVOICE + "."),
    STATEMENT: _sms(
        "{% if statement.count %}"
        "{{ statement.count }} invoice{% if statement.count != 1 %}s{% endif %}"
        " open, {{ open_amount }} in all. See and pay here: {{ link }}"
        "{% else %}No invoice is open. Thank you!{% endif %}"
    ),
}
DEFAULTS: Final[Mapping[tuple[str, str], Text]] = {
    **{("email", kind): text for kind, text in _MAILS.items()},
    **{("phone", kind): text for kind, text in _TEXTS.items()},
}
TITLES: Final[Mapping[str, str]] = {
    "invoice.sent": "Invoice",
    "invoice.overdue": "Reminder of an invoice",
    "invoice.paid": "Invoice paid in full",
    "payment.received": "Receipt of a payment",
    "payment.failed": "Payment that failed",
    "payment.refunded": "Refund",
    STATEMENT: "Statement of open invoices",
}
