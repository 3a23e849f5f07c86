"""GoCardless in the random stories: its pages, what banks do to debits and mandates
later on; and what is in the books of all three."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import requests

NAME = "gocardless"
_LIFE = {
    "submitted": 4,
    "confirmed": 8,
    "paid_out": 3,
    "failed": 3,
    "will_retry": 10,
    "retried": 2,
    "late_failure": 2,
    "charged_back": 2,
    "chargeback_cancelled": 1,
}
_ENDS = ("cancelled", "expired", "failed", "replaced", "replaced")
_OPEN = ("pending_submission", "submitted")
_TAKEN = ("confirmed", "paid_out", "charged_back")
_RETRIES = 3


@dataclass
class Bank:
    """`behind` are invoices, by number, for which money came back in behind the hub's
    back: a retry or a won chargeback after they could be paid in another way."""

    sim: Any
    url: str
    behind: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)

    def choose(self, page: str, choice: str) -> None:
        """The client decides on a page, for money or for a mandate."""
        at, _, id = page.partition("?id=")
        requests.post(
            at, data={"id": id, "choice": choice}, allow_redirects=False, timeout=30
        )

    def live(self, random: Random) -> str:
        """Something happens to some debit; says what."""
        (what,) = random.choices(list(_LIFE), list(_LIFE.values()))
        found = [p for p in self.sim.payments.values() if self._may(p, what)]
        if not found:
            return f"no {what}"
        payment = random.choice(found[-6:])
        id, of = payment["id"], payment["metadata"]["hub_invoice"]
        if what == "will_retry":
            self.waiting.add(id)
        elif what == "retried" and id in self.waiting:
            self.waiting.discard(id)
        elif what in ("retried", "chargeback_cancelled"):
            self.behind.add(of)
        self._happen(payment=id, event=what)
        return f"{what} {of}"

    def _may(self, payment: dict[str, Any], what: str) -> bool:
        if what in ("late_failure", "charged_back") and payment["amount_refunded"]:
            return False
        left = self.sim.retries.get(payment["id"], 0) < _RETRIES
        return self.sim.may(payment, what) and (what != "will_retry" or left)

    def end_mandate(self, random: Random) -> None:
        """The bank or the client ends a mandate, or its bank moves it to another."""
        what = random.choice(_ENDS)
        states = _OPEN if what == "failed" else (*_OPEN, "active")
        found = [m for m in self.sim.mandates.values() if m["status"] in states]
        if found:
            self._happen(mandate=random.choice(found)["id"], event=what)

    def end_pending(self, event: str) -> None:
        """The banks decide about all that is pending."""
        completed = event == "completed"
        for payment in list(self.sim.payments.values()):
            if payment["id"] in self.waiting:
                self.waiting.discard(payment["id"])
                self._happen(payment=payment["id"], event="retried")
            elif payment["status"] in _OPEN:
                what = "confirmed" if completed else "failed"
                self._happen(payment=payment["id"], event=what)
        for refund in list(self.sim.refunds.values()):
            if refund["status"] == "created":
                what = "paid" if completed else "failed"
                self._happen(refund=refund["id"], event=what)

    def books(self) -> dict[str, tuple[int, int]]:
        """What it took, and what went back of it."""
        found = {}
        for payment in self.sim.payments.values():
            if payment["status"] in _TAKEN:
                back = sum(
                    refund["amount"]
                    for refund in self.sim.refunds.values()
                    if refund["links"]["payment"] == payment["id"]
                    if refund["status"] == "paid"
                )
                gone = payment["status"] == "charged_back"
                back += payment["amount"] if gone else 0
                found[payment["id"]] = (payment["amount"], back)
        return found

    def _happen(self, **what: str) -> None:
        answer = requests.post(f"{self.url}/_sim/event", json=what, timeout=30)
        assert answer.ok, answer.text


def books_of_pages(paypal: Any, stripe: Any) -> dict[str, tuple[int, int]]:
    """The same of the two others, which take money on pages only."""
    found = {}
    for capture in paypal.captures.values():
        if capture["status"] in ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"):
            back = [_cents(r["amount"]) for r in paypal.refunds_of(capture)]
            found[capture["id"]] = (_cents(capture["amount"]), sum(back))
    for intent in stripe.intents.values():
        if intent["status"] == "succeeded":
            charge = stripe.charges[intent["latest_charge"]]
            found[intent["id"]] = (intent["amount"], charge["amount_refunded"])
    return found


def _cents(amount: dict[str, str]) -> int:
    return int(amount["value"].replace(".", ""))
