"""What a card says of an event, the same in every channel: a table, and the words
that fill it. How it looks is the channel's.

A `{word}` in the table is a value of the event's data by its key (`{dispute_reason}`
for one inside `dispute`), or one of those that `words` adds. Unknown ones are blank.
What stands between `*` is strong.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from hub.sdk import clock
from hub.sdk.events import Event
from hub.sdk.money import Money

# Short enough that a card of the longest values stays below Slack's 13 kB for
# all blocks together (slackapi/bolt-js issue 2509).
SHORT, LONG = 200, 1000
LONG_KEYS = frozenset({"reason", "problem", "message", "dispute_reason"})
TIME_KEYS = frozenset({"since", "dispute_respond_by"})

Kind = Literal[
    "payment", "invoice", "quote", "anomaly", "overdue", "trouble", "recovered"
]


@dataclass(frozen=True)
class Look:
    """`facts` are words shown under their labels; blank ones are left out."""

    kind: Kind
    summary: str
    sentence: str
    facts: str


# A fact's label is its word in letters ("days_overdue": Days overdue), but for:
LABELS: Mapping[str, str] = {
    "decided_by": "Accepted by",
    "dispute_amount": "Disputed",
    "dispute_reason": "Reason",
    "dispute_respond_by": "Answer by",
    "dispute_state": "State",
    "invoice_number": "Invoice",
    "open_amount": "Balance due",
    "refund_amount": "Refund",
    "refunded_amount": "Refunded in all",
    "since": "Failing since",
}
LOOKS: Mapping[str, Look] = {
    "payment.received": Look(
        "payment",
        "Payment received: {amount} from {payer}{for_number}",
        "*{payer}* paid{paid}.",
        "amount method invoice_number open_amount",
    ),
    "payment.failed": Look(
        "trouble",
        "Payment failed: {amount} from {payer}{for_number}{because}",
        "The payment of *{payer}*{for_invoice} failed.",
        "amount method open_amount reason",
    ),
    "payment.refunded": Look(
        "anomaly",
        "Payment refunded: {refund_amount} to {payer}{for_number}",
        "*{payer}* got money back{for_invoice}.",
        "refund_amount refunded_amount amount open_amount reason",
    ),
    "payment.disputed": Look(
        "trouble",
        "Payment disputed: {amount} from {payer}{for_number}",
        "*{payer}* {disputes} the payment{for_invoice}.{then}",
        "amount dispute_amount dispute_state dispute_respond_by dispute_reason",
    ),
    "invoice.sent": Look(
        "invoice",
        "Invoice {number} sent to {client}: {total}",
        "{linked_number} was sent to *{client}*.",
        "total open_amount issue_date due_date",
    ),
    "invoice.paid": Look(
        "payment",
        "Invoice {number} of {client} is paid: {total}",
        "{linked_number} of *{client}* is paid: nothing of it is open any more.",
        "total issue_date due_date",
    ),
    "invoice.overdue": Look(
        "overdue",
        "Invoice {number} is {age}: {client}, {open_amount}",
        "*{client}* has not paid {linked_number}, due {due_date}.",
        "amount_due days_overdue total issue_date",
    ),
    "invoice.anomaly": Look(
        "anomaly",
        "Invoice anomaly: {client}, {number}, {total}{because}",
        "{linked_number} for *{client}* looks unusual. Check it before it goes out.",
        "total score due_date reason",
    ),
    "quote.accepted": Look(
        "quote",
        "Quote {number} accepted by {client} ({total})",
        "*{client}* accepted {linked_number}.",
        "total decided_by title",
    ),
    "alert.raised": Look(
        "trouble",
        "Alert: {alert}{at_client}",
        "*{alert}*{at_client}.",
        "message severity device",
    ),
    "alert.resolved": Look(
        "recovered",
        "Alert resolved: {alert}{at_client}",
        "*{alert}*{at_client} is over.",
        "message severity device",
    ),
    "mandate.changed": Look(
        "anomaly",
        "Mandate {state}: {client}{because}",
        "The direct-debit mandate of *{client}* is {state}. Ask for a new one, or"
        " agree on another way to pay.",
        "scheme currency reference reason",
    ),
    "connection.failing": Look(
        "trouble",
        "Connection failing: {name}{because}",
        "*{name}* is failing. The hub keeps what is due and tries again.",
        "connection since problem",
    ),
    "connection.recovered": Look(
        "recovered",
        "Connection recovered: {name}",
        "*{name}* works again. What was waiting is on its way.",
        "connection since",
    ),
}


class Escape(Protocol):
    """Makes a value of many characters one line, short and harmless."""

    def __call__(self, text: str, limit: int, /) -> str: ...


class Link(Protocol):
    """Links an escaped label; the label alone where there is no web address."""

    def __call__(self, url: str, label: str, /) -> str: ...


class Moment(Protocol):
    """Shows a time."""

    def __call__(self, time: datetime, /) -> str: ...


@dataclass(frozen=True)
class Voice:
    """How a channel writes: its own escaping, links and times."""

    escape: Escape
    link: Link
    moment: Moment
    strong: str = "*"

    def fill(self, text: str, said: "Words") -> str:
        """Fill a text of the table; the channel's own mark makes words strong."""
        return text.replace("*", self.strong).format_map(said)


def spoken(name: str) -> str:
    """Say a name of the code's in letters: `payment.received`, `days_overdue`."""
    return LABELS.get(name) or name.replace(".", " ").replace("_", " ").capitalize()


class Words(dict[str, str]):
    """Values for the table: escaped, on one line, short; "" for an unknown one."""

    def __missing__(self, key: str) -> str:
        return ""


def words(event: Event, hub_url: str, voice: Voice) -> Words:
    """Put an event's data into words, with those that depend on several values."""
    said = Words(_said(event.data, voice))
    days, why = said["days_overdue"], said["reason"] or said["problem"]
    said.update(
        client=said["company_name"] or "A client",
        payer=said["company_name"] or said["payer"] or "A client",
        linked_number=voice.link(event.url, said["number"]) or "An invoice",
        age=f"{days} day{'' if days == '1' else 's'} overdue" if days else "overdue",
        name=said["title"] or said["connection"],
        alert=said["title"] or "An alert",
        at_client=f" at {said['company_name']}" if said["company_name"] else "",
        amount_due=said["open_amount"],
        because=f": {why}" if why else "",
        **_of_payment(event, hub_url, said, voice),
    )
    return said


def facts(look: Look, said: Words) -> dict[str, str]:
    """Return a look's facts by label, without the blank ones."""
    known = {spoken(key): said[key] for key in look.facts.split()}
    return {label: value for label, value in known.items() if value}


def _of_payment(
    event: Event, hub_url: str, said: Words, voice: Voice
) -> dict[str, str]:
    id, number = event.data.get("invoice_id"), said["invoice_number"]
    page = f"{hub_url}/invoices/{id}" if hub_url and id else event.url
    linked = voice.link(page, number)
    in_full = not str(event.data.get("open_amount") or "?").strip("0.")
    paid = f" invoice {linked}{' in full' if in_full else ''}"
    assign = voice.link(event.url, "assign the payment")
    over = said["dispute_state"] == "charged_back"
    return {
        "for_number": f" for {number}" if number else "",
        "for_invoice": f" for invoice {linked}" if number else "",
        "paid": paid if number else f", but no invoice matches: {assign}",
        "disputes": "charged back" if over else "disputes",
        "then": "" if over else " Answer it at the provider.",
    }


def _said(
    data: Mapping[str, Any], voice: Voice, within: str = "", currency: str = ""
) -> Iterator[tuple[str, str]]:
    currency = str(data.get("currency") or currency)
    for key, value in data.items():
        if isinstance(value, Mapping) and not within:
            yield from _said(value, voice, f"{key}_", currency)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield within + key, _value(within + key, str(value), currency, voice)


def _value(key: str, text: str, currency: str, voice: Voice) -> str:
    if key == "total" or key.endswith("amount"):
        return voice.escape(_money(text, currency), SHORT)
    if key in TIME_KEYS:
        return _time(text, voice)
    return voice.escape(text, LONG if key in LONG_KEYS else SHORT)


def _money(text: str, currency: str) -> str:
    try:
        return Money.parse(text, currency).format()
    except ValueError:
        return f"{text} {currency}"


def _time(text: str, voice: Voice) -> str:
    try:
        return voice.moment(clock.parse(text))
    except (ValueError, OverflowError):  # a date, or a provider's own words
        return voice.escape(text, SHORT)
