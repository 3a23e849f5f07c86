"""What a text can say: its variables, and their values made harmless.

A value is one line of seen characters, short enough that whole texts stay within
their limits; amounts and dates are written for people.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from hub.core.policy.defaults import STATEMENT
from hub.sdk.money import Money
from hub.sdk.text import one_line

Values = dict[str, Any]
# Characters of a name: a text message is paid for by the segment.
_LONGEST: Final = {"phone": 40, "email": 120}
_DOTS: Final = {"phone": "...", "email": "…"}
MOST_LINES, LONGEST_LINE = 60, 100  # of a statement
_BLANK: Final = {"company.name": "your company"}  # of a name that can't be seen
_JOINERS: Final = "\u200c\u200d"  # within words of some scripts, and within emoji
_MOST_MARKS: Final = 4  # signs stacked on one letter
_PILE: Final = re.compile(r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]+")

_INVOICE: Final = ("invoice.",)
_PAYMENT: Final = ("payment.",)
_MONEY: Final = (*_INVOICE, *_PAYMENT, STATEMENT)


@dataclass(frozen=True)
class Variable:
    """One variable: what it is, in which kinds (their beginnings) it has a value, and
    an example."""

    about: str
    kinds: tuple[str, ...]
    example: str | int


VARIABLES: Final[Mapping[str, Variable]] = {
    "sender_name": Variable("our name (HUB_MSP_NAME)", ("",), "North IT"),
    "company.name": Variable("the client", ("",), "Smith & Co"),
    "contact.name": Variable("the person written to", ("",), "Ana Lima"),
    "link": Variable("where it is seen and paid, without signing in", ("",), ""),
    "today": Variable("the day it is sent on", ("",), "21 March 2026"),
    "invoice.number": Variable("the invoice", (*_INVOICE, *_PAYMENT), "INV-1042"),
    "invoice.reference": Variable(
        "the client's own reference", (*_INVOICE, *_PAYMENT), "PO 7781"
    ),
    "issue_date": Variable("its date", (*_INVOICE, *_PAYMENT), "12 February 2026"),
    "due_date": Variable("when it is due", (*_INVOICE, *_PAYMENT), "14 March 2026"),
    "days_overdue": Variable("days since then; 0 if it isn't due", _INVOICE, 7),
    "amount": Variable(
        "the invoice's total, or what was paid", (*_INVOICE, *_PAYMENT), "1,200.00 EUR"
    ),
    "open_amount": Variable("what is open; empty if nothing", _MONEY, "700.00 EUR"),
    "payment_date": Variable("when it was paid", _PAYMENT, "20 March 2026"),
    "method": Variable("how it was paid", _PAYMENT, "card"),
    "refund_amount": Variable("what went back", ("payment.refunded",), "50.00 EUR"),
    "overdue_amount": Variable(
        "what of it is overdue; empty if nothing", (STATEMENT,), "200.00 EUR"
    ),
    "statement.count": Variable("how many invoices are open", (STATEMENT,), 2),
    "statement.lines": Variable(
        "the open invoices, one a line",
        (STATEMENT,),
        "INV-1042, due 14 March 2026: 500.00 EUR\n"
        "INV-1044, due 2 April 2026: 200.00 EUR",
    ),
}


def of_kind(kind: str) -> dict[str, Variable]:
    """The variables that have a value in texts of this kind; all without one."""
    return {
        name: each
        for name, each in VARIABLES.items()
        if not kind or any(kind.startswith(start) for start in each.kinds)
    }


def example(kind: str, **given: str | int) -> Values:
    """Values as they could be; `given` by name with `_` for the dot."""
    return _nested(
        {
            name: given.get(name.replace(".", "_"), each.example)
            for name, each in of_kind(kind).items()
        }
    )


def longest(reach: str, kind: str) -> Values:
    """Values as long as they get."""
    flat: dict[str, str | int] = {}
    for name, each in of_kind(kind).items():
        flat[name] = "x" * _LONGEST[reach]
        if isinstance(each.example, int):
            flat[name] = 10**6
    lines = "\n".join(["x" * LONGEST_LINE] * MOST_LINES)
    wide = {"link": "https://" + "x" * 150, "statement.lines": lines}
    return _nested({name: wide.get(name, value) for name, value in flat.items()})


def values(reach: str, kind: str, given: Mapping[str, str | int | None]) -> Values:
    """Values by their dotted names, made harmless; what isn't given is empty."""
    found: dict[str, str | int] = {}
    for name, each in of_kind(kind).items():
        value = given.get(name)
        if isinstance(each.example, int):
            found[name] = int(value or 0)
        elif name in ("link", "statement.lines"):
            found[name] = str(value or "")  # made by the hub itself
        else:
            found[name] = harmless(str(value or ""), reach) or _BLANK.get(name, "")
    return _nested(found)


def harmless(text: str, reach: str, longest: int | None = None) -> str:
    """One line of seen characters, and short."""
    most = longest or _LONGEST[reach]
    line = seen(text[: 20 * most])  # what is cut off need not be looked at
    dots = _DOTS[reach]
    if len(line) > most:
        line = line[: most - len(dots)].rstrip() + dots
    return line


def seen(text: str) -> str:
    """One line, without what is not seen or turns the direction of a line."""
    plain = "".join(c for c in one_line(text) if _shown(c))
    return one_line(_PILE.sub(lambda pile: pile[0][:_MOST_MARKS], plain))


def money(minor: int, currency: str) -> str:
    """`1,200.00 EUR`."""
    return Money(minor, currency).format()


def day(value: date) -> str:
    """`3 March 2026`."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def _shown(character: str) -> bool:
    if character in _JOINERS:
        return True
    return unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")


def _nested(flat: Mapping[str, str | int]) -> Values:
    made: Values = {}
    for name, value in flat.items():
        owner, dot, part = name.partition(".")
        if dot:
            made.setdefault(owner, {})[part] = value
        else:
            made[name] = value
    return made
