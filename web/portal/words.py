"""How a payment stands, in words for the one who pays: what is, and what to do."""

from dataclasses import dataclass
from typing import Any, Final

from hub.core.checkouts.checkout import Standing


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A notice at the head of the page; `waits` if it will change by itself."""

    tone: str
    title: str
    text: str
    waits: bool = False


_VOID: Final = Notice(
    tone="calm",
    title="This invoice was cancelled",
    text="You don't have to pay anything.",
)
_CANCELLED: Final = Notice(
    tone="calm",
    title="You came back without paying",
    text="Nothing was charged. You can pay below whenever you like.",
)
UNREACHED: Final = Notice(
    tone="bad",
    title="That way to pay doesn't work right now",
    text="Nothing was charged. Try again in a few minutes, or choose another way.",
)
BUSY: Final = Notice(
    tone="warn",
    title="One moment, please",
    text="A payment of this invoice was begun already and can't be looked up right now."
    " Nothing more was charged. Try again in a few minutes.",
)
_CLOSED: Final = Notice(
    tone="warn",
    title="The payment page was closed",
    text="It was open for too long, or you opened another one. Nothing was charged."
    " You can start again below.",
)


_NO_DEBIT: Final = Notice(
    tone="warn",
    title="Direct debit wasn't set up",
    text="Nothing will be collected. You can try again below, or pay another way.",
)
_DEBIT: Final = {
    "finished": Notice(
        tone="good",
        title="Direct debit is set up. Thank you!",
        text="From now on your invoices can be collected from your bank account.",
    ),
    "open": Notice(
        tone="calm",
        title="Direct debit isn't set up yet",
        text="If you went through to the end, your bank needs a moment: look again"
        " later. If not, you can go on below.",
    ),
}


def notice(found: Standing, invoice: Any, *, asked: str = "") -> Notice | None:
    """Put a standing into words; None where the page says it all. `asked` is what
    the payer seemed to do: it only chooses words where nothing is known."""
    if invoice.state == "void":
        return _VOID
    if found.state == "confirming":
        return _confirming(found)
    if invoice.state == "paid" or found.state == "paid":
        return _paid(found, invoice)
    if found.state == "failed":
        return _failed(found)
    return _unpaid(found, asked) if asked and found.charge_id else None


def _unpaid(found: Standing, asked: str) -> Notice:
    if asked == "cancelled":
        return _CANCELLED
    return _incomplete(found) if found.state == "open" else _CLOSED


def _incomplete(found: Standing) -> Notice:
    who = found.title or "The provider"
    return Notice(
        tone="warn",
        title="The payment isn't complete",
        text=f"{who} hasn't taken your payment, so nothing was charged. Go on below,"
        " perhaps with another card or account, or choose another way to pay.",
    )


def _confirming(found: Standing) -> Notice:
    with_whom = f" at {found.title}" if found.title else ""
    return Notice(
        tone="wait",
        title="The bank is confirming your payment",
        text=f"We are waiting for the answer{with_whom}. It may take a few seconds, by"
        " bank debit a few days. You don't have to do anything, and please don't pay"
        " again. You can close this page; the link shows how it went.",
        waits=True,
    )


def _paid(found: Standing, invoice: Any) -> Notice:
    if invoice.state != "paid":
        amount = f" of {found.amount.format()}" if found.amount else ""
        return Notice(
            tone="good",
            title="Thank you",
            text=f"Your payment{amount} has arrived. What is left is below.",
        )
    return Notice(
        tone="good",
        title="Paid in full. Thank you!",
        text="There is nothing left to pay on this invoice.",
    )


def _failed(found: Standing) -> Notice:
    amount = f" of {found.amount.format()}" if found.amount else ""
    return Notice(
        tone="bad",
        title="The payment didn't go through",
        text=f"Your payment{amount} was declined or called off, so nothing was charged."
        " Try again with another card or account, or choose another way to pay.",
    )


def debit(asked: Any) -> Notice | None:
    """How the way to a direct debit stands, if the client went it."""
    return _DEBIT.get(asked.state, _NO_DEBIT) if asked else None
