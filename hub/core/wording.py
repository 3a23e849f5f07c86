"""Events in plain words, for the people who read notifications.

Only kinds a person cares about: what is not in the table is told to nobody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hub.sdk.money import Money

Data = Mapping[str, Any]
_STAFF = ("admin", "billing")
_ADMINS = ("admin",)


@dataclass(frozen=True, kw_only=True)
class Wording:
    """Title and body of a notification, and the roles it is for."""

    title: str
    body: str = ""
    roles: tuple[str, ...] = _STAFF


def wording(type: str, data: Data) -> Wording | None:
    """Put an event into words, or None if nobody needs to be told."""
    write = _WORDS.get(type)
    return write(data) if write else None


def has_words(type: str) -> bool:
    """True if people are told of this kind of event in the hub."""
    return type in _WORDS


def _received(data: Data) -> Wording:
    left = Decimal(data["open_amount"] or 0)
    body = _sentences(
        f"For invoice {data['invoice_number']}." if data["invoice_number"] else "",
        f"Still open: {_money(data, 'open_amount')}." if left else "",
    )
    return Wording(title=f"{_money(data)} received from {_who(data)}", body=body)


def _failed(data: Data) -> Wording:
    return Wording(
        title=f"Payment of {_money(data)} by {_who(data)} failed",
        body=_sentences(_invoice(data), _reason(data)),
    )


def _refunded(data: Data) -> Wording:
    return Wording(
        title=f"{_money(data, 'refund_amount')} refunded to {_who(data)}",
        body=_sentences(_invoice(data), f"The payment was {_money(data)}."),
    )


def _disputed(data: Data) -> Wording:
    dispute = data["dispute"]
    until = dispute.get("respond_by")
    if dispute["state"] == "charged_back":
        title = f"{_money(data)} from {_who(data)} was charged back"
    else:
        title = f"{_who(data)} disputes the payment of {_money(data)}"
    return Wording(
        title=title,
        body=_sentences(
            _invoice(data),
            _reason(data),
            f"Answer by {until[:10]}." if until else "",
        ),
    )


def _overdue(data: Data) -> Wording:
    days = data["days_overdue"]
    return Wording(
        title=f"Invoice {data['number']} is {_days(days)} overdue",
        body=f"{_who(data)} owes {_money(data, 'open_amount')}.",
    )


def _anomaly(data: Data) -> Wording:
    number = data.get("number")
    title = f"Invoice {number} looks unusual" if number else "Something looks unusual"
    return Wording(title=title, body=data["reason"])


def _accepted(data: Data) -> Wording:
    return _decided(data, "accepted")


def _declined(data: Data) -> Wording:
    return _decided(data, "declined")


def _decided(data: Data, word: str) -> Wording:
    return Wording(
        title=f"{_who(data)} {word} quote {data['number']}",
        body=_sentences(f"{data['title']}." if data["title"] else "", _total(data)),
    )


def _failing(data: Data) -> Wording:
    return Wording(
        title=f"{data['title']} is failing",
        body=data["problem"],
        roles=_ADMINS,
    )


def _recovered(data: Data) -> Wording:
    return Wording(title=f"{data['title']} works again", roles=_ADMINS)


def _raised(data: Data) -> Wording:
    return Wording(title=_short(data, "An alert was raised"), body=_detail(data))


def _resolved(data: Data) -> Wording:
    title = f"Resolved: {_short(data, 'an alert')}"
    return Wording(title=title, body=_detail(data))


def _mandate(data: Data) -> Wording:
    state = data.get("state", "changed")
    ended = state in ("failed", "cancelled", "expired")
    paused = ended and not data.get("current_mandate_id")
    words = [
        f"{data['reason']}." if data.get("reason") else "",
        "Nothing more is collected by it." if ended else "",
        "Set up a new one: autobill pauses." if paused and data.get("autobill") else "",
    ]
    return Wording(
        title=f"The mandate of {_who(data)} is {state}",
        body=" ".join(word for word in words if word),
    )


_WORDS: Mapping[str, Callable[[Data], Wording]] = {
    "payment.received": _received,
    "payment.failed": _failed,
    "payment.refunded": _refunded,
    "payment.disputed": _disputed,
    "invoice.overdue": _overdue,
    "invoice.anomaly": _anomaly,
    "quote.accepted": _accepted,
    "quote.declined": _declined,
    "connection.failing": _failing,
    "connection.recovered": _recovered,
    "alert.raised": _raised,
    "alert.resolved": _resolved,
    "mandate.changed": _mandate,
}


def _money(data: Data, name: str = "amount") -> str:
    amount = data.get(name)
    return Money.parse(amount, data["currency"]).format() if amount else ""


def _total(data: Data) -> str:
    return f"Total: {_money(data, 'total')}."


def _who(data: Data) -> str:
    company = data.get("company")
    name = company["name"] if company else data.get("payer")
    return name or "an unknown payer"


def _invoice(data: Data) -> str:
    return f"Invoice {data['invoice_number']}." if data["invoice_number"] else ""


def _reason(data: Data) -> str:
    return f"Reason given: {data['reason']}." if data.get("reason") else ""


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _short(data: Data, otherwise: str) -> str:
    return str(data.get("title") or data.get("message") or otherwise)[:200]


def _detail(data: Data) -> str:
    text = data.get("message") if data.get("title") else data.get("detail")
    return str(text or "")[:1000]


def _sentences(*parts: str) -> str:
    return " ".join(part for part in parts if part)
