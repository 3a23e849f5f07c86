"""How each event type looks in Slack: the table, and the words that fill it.

A `{word}` in the table is a value of the event's data by its key (`{dispute_reason}`
for one inside `dispute`), or one of those that `words` adds. Unknown ones are blank.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.sdk import clock
from hub.sdk.events import Event
from hub.sdk.money import Money
from hub_slack.mrkdwn import escape, fit, link, moment, one_line

GREEN, BLUE, AMBER, RED = "#2EB67D", "#36C5F0", "#ECB22E", "#E01E5A"
# Short enough that a card of the longest values stays below Slack's 13 kB for
# all blocks together (slackapi/bolt-js issue 2509).
SHORT, LONG = 200, 1000
LONG_KEYS = frozenset({"reason", "problem", "dispute_reason"})
TIME_KEYS = frozenset({"since", "dispute_respond_by"})


@dataclass(frozen=True)
class Card:
    """`facts` are words shown under their labels; blank ones are left out."""

    colour: str
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
CARDS: Mapping[str, Card] = {
    "payment.received": Card(
        GREEN,
        "Payment received: {amount} from {payer}{for_number}",
        "*{payer}* paid{paid}.",
        "amount method invoice_number open_amount",
    ),
    "payment.failed": Card(
        RED,
        "Payment failed: {amount} from {payer}{for_number}{because}",
        "The payment of *{payer}*{for_invoice} failed.",
        "amount method open_amount reason",
    ),
    "payment.refunded": Card(
        AMBER,
        "Payment refunded: {refund_amount} to {payer}{for_number}",
        "*{payer}* got money back{for_invoice}.",
        "refund_amount refunded_amount amount open_amount reason",
    ),
    "payment.disputed": Card(
        RED,
        "Payment disputed: {amount} from {payer}{for_number}",
        "*{payer}* {disputes} the payment{for_invoice}.{then}",
        "amount dispute_amount dispute_state dispute_respond_by dispute_reason",
    ),
    "invoice.overdue": Card(
        RED,
        "Invoice {number} is {age}: {client}, {open_amount}",
        "*{client}* has not paid {linked_number}, due {due_date}.",
        "amount_due days_overdue total issue_date",
    ),
    "invoice.anomaly": Card(
        AMBER,
        "Invoice anomaly: {client}, {number}, {total}{because}",
        "{linked_number} for *{client}* looks unusual. Check it before it goes out.",
        "total score due_date reason",
    ),
    "quote.accepted": Card(
        BLUE,
        "Quote {number} accepted by {client} ({total})",
        "*{client}* accepted {linked_number}.",
        "total decided_by title",
    ),
    "mandate.changed": Card(
        AMBER,
        "Mandate {state}: {client}{because}",
        "The direct-debit mandate of *{client}* is {state}. Ask for a new one, or"
        " agree on another way to pay.",
        "scheme currency reference reason",
    ),
    "connection.failing": Card(
        RED,
        "Connection failing: {name}{because}",
        "*{name}* is failing. The hub keeps what is due and tries again.",
        "connection since problem",
    ),
    "connection.recovered": Card(
        GREEN,
        "Connection recovered: {name}",
        "*{name}* works again. What was waiting is on its way.",
        "connection since",
    ),
}


def spoken(name: str) -> str:
    """Say a name of the code's in letters: `payment.received`, `days_overdue`."""
    return LABELS.get(name) or name.replace(".", " ").replace("_", " ").capitalize()


class Words(dict[str, str]):
    """Values for the table: escaped, on one line, short; "" for an unknown one."""

    def __missing__(self, key: str) -> str:
        return ""


def words(event: Event, hub_url: str = "") -> Words:
    """Put an event's data into words, with those that depend on several values."""
    said = Words(_said(event.data))
    days, why = said["days_overdue"], said["reason"] or said["problem"]
    said.update(
        client=said["company_name"] or "A client",
        payer=said["company_name"] or said["payer"] or "A client",
        linked_number=link(event.url, said["number"]) or "An invoice",
        age=f"{days} day{'' if days == '1' else 's'} overdue" if days else "overdue",
        name=said["title"] or said["connection"],
        amount_due=said["open_amount"],
        because=f": {why}" if why else "",
        **_of_payment(event, hub_url, said),
    )
    return said


def _of_payment(event: Event, hub_url: str, said: Words) -> dict[str, str]:
    id, number = event.data.get("invoice_id"), said["invoice_number"]
    linked = link(f"{hub_url}/invoices/{id}" if hub_url and id else event.url, number)
    in_full = not str(event.data.get("open_amount") or "?").strip("0.")
    paid = f" invoice {linked}{' in full' if in_full else ''}"
    nowhere = f", but no invoice matches: {link(event.url, 'assign the payment')}"
    over = said["dispute_state"] == "charged_back"
    return {
        "for_number": f" for {number}" if number else "",
        "for_invoice": f" for invoice {linked}" if number else "",
        "paid": paid if number else nowhere,
        "disputes": "charged back" if over else "disputes",
        "then": "" if over else " Answer it at the provider.",
    }


def _said(
    data: Mapping[str, Any], within: str = "", currency: str = ""
) -> Iterator[tuple[str, str]]:
    currency = str(data.get("currency") or currency)
    for key, value in data.items():
        if isinstance(value, Mapping) and not within:
            yield from _said(value, f"{key}_", currency)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield within + key, _value(within + key, str(value), currency)


def _value(key: str, text: str, currency: str) -> str:
    if key == "total" or key.endswith("amount"):
        return _short(_money(text, currency))
    if key in TIME_KEYS:
        return _time(text)
    return _short(text, LONG if key in LONG_KEYS else SHORT)


def _short(text: str, limit: int = SHORT) -> str:
    return fit(escape(one_line(text)), limit)


def _money(text: str, currency: str) -> str:
    try:
        return Money.parse(text, currency).format()
    except ValueError:
        return f"{text} {currency}"


def _time(text: str) -> str:
    try:
        return moment(clock.parse(text))
    except (ValueError, OverflowError):  # a date, or a provider's own words
        return _short(text)
