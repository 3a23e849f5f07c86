"""States and events in plain words, for pages and screen readers."""

from collections.abc import Mapping
from typing import Any, Final

from hub.core.wording import wording

_GOOD: Final = frozenset(
    (
        *("active", "delivered", "processed", "paid", "paid_out", "confirmed"),
        *("accepted", "enabled", "recorded", "done", "allocated"),
    )
)
_WARN: Final = frozenset(
    (
        *("setup", "degraded", "retrying", "partially_paid", "disputed", "overdue"),
        *("in_doubt", "parked", "refunded", "held"),
    )
)
_BAD: Final = frozenset(
    (
        *("needs_reauth", "dead", "failed", "broken", "charged_back", "crashed"),
        *("rejected", "lost", "credentials", "unmatched"),
        *("undelivered", "canceled"),
    )
)
_WORDS: Final[Mapping[str, str]] = {
    "needs_reauth": "Needs new credentials",
    "setup": "To be set up",
    "dead": "Given up",
    "paid_out": "Paid out",
    "charged_back": "Charged back",
    "partially_paid": "Partly paid",
    "in_doubt": "In doubt",
    "wrong_currency": "Wrong currency",
    "void_invoice": "Invoice is void",
    "retry": "Try again later",
    "parked": "Waits for its invoice",
    "unchanged": "Nothing new",
    "withdrawn": "Taken back",
}
_EVENTS: Final[Mapping[str, str]] = {
    "invoice.created": "The invoice was issued",
    "invoice.updated": "The invoice was changed",
    "invoice.sent": "The invoice was sent",
    "invoice.paid": "The invoice is paid in full",
    "company.changed": "The company was changed",
    "device_count.changed": "The number of devices changed",
}


def word(state: str | None) -> str:
    """A state as people say it."""
    text = state or "unknown"
    return _WORDS.get(text, text.replace("_", " ").capitalize())


def tone(state: str | None) -> str:
    """The class of a state's chip; the word beside it says the same."""
    for name, states in (("good", _GOOD), ("warn", _WARN), ("bad", _BAD)):
        if state in states:
            return name
    return ""


def told(event: Any) -> str:
    """What happened, in a sentence."""
    found = wording(event.type, event.data)
    if found is not None:
        return found.title
    return _EVENTS.get(event.type, event.type)


def hook_word(hook: str) -> str:
    """A hook's event: `payment received`."""
    return hook.removeprefix("on_").replace("_", " ")
