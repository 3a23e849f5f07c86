"""What happens to things at the simulated GoCardless, and the events that tell it."""

import threading
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from hub.sdk import clock
from hub_gocardless import simulator_objects as objects
from hub_gocardless.simulator_objects import MANDATE_LIFE, PAYMENT_LIFE, Object
from hub_gocardless.simulator_site import GoCardlessSite, refusal

_RETRIES: Final = 3
# One per cent, and at least twenty pence, to half a penny.
_FEE: Final = Decimal("0.01")
_LEAST: Final = Decimal(20)
_HALF: Final = Decimal("0.5")


class Life(GoCardlessSite):
    """All that the simulated GoCardless holds. `confirm_after` (seconds) of the
    configuration lets payments be confirmed by themselves."""

    def reset(self) -> None:
        super().reset()
        self.requests: dict[str, Object] = {}
        self.flows: dict[str, Object] = {}
        self.customers: dict[str, Object] = {}
        self.accounts: dict[str, Object] = {}
        self.mandates: dict[str, Object] = {}
        self.payments: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.payouts: dict[str, Object] = {}
        self.items: dict[str, list[Object]] = {}
        self.retries: dict[str, int] = {}
        # What a payment was before it was charged back.
        self.before: dict[str, str] = {}
        # How many payments to come the bank refuses.
        self.declines = 0

    def state(self) -> dict[str, Any]:
        kinds = ("requests", "mandates", "payments", "refunds", "payouts", "events")
        return {kind: list(getattr(self, kind).values()) for kind in kinds}

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Do something after a while, if the simulator still runs."""

        def run() -> None:
            with self.lock:
                if not self._closing.is_set():
                    work()

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        timer.start()

    # Billing requests

    def fulfil(
        self,
        request: Object,
        payer: Mapping[str, Any],
        bank: str = "",
        *,
        waits: bool = False,
    ) -> None:
        """The payer went through the page; an instant payment may wait all the same."""
        asked = request["mandate_request"] or request["payment_request"]
        customer = objects.customer(payer) | {"id": request["links"]["customer"]}
        self.customers[customer["id"]] = customer
        holder = payer.get("company_name") or "Account holder"
        account = objects.bank_account(customer["id"], holder, asked["currency"])
        account["bank_name"] = bank or account["bank_name"]
        self.accounts[account["id"]] = account
        links = {"customer": customer["id"], "customer_bank_account": account["id"]}
        request["status"] = "fulfilled"
        request["links"] |= links
        for action in request["actions"]:
            action["status"] = "completed"
        happened = self._mandate_of(request, links)
        happened += self._instant(request, waits=waits)
        told = {k: v for k, v in request["links"].items() if k != "creditor"}
        self.tell(
            objects.event("billing_requests", "fulfilled", request, links=told),
            *happened,
        )

    def _mandate_of(self, request: Object, links: Mapping[str, str]) -> list[Object]:
        asked = request["mandate_request"]
        if not asked:
            return []
        made = objects.mandate(asked["currency"], links, asked["metadata"])
        self.mandates[made["id"]] = made
        asked["links"]["mandate"] = made["id"]
        request["links"]["mandate_request_mandate"] = made["id"]
        return [objects.event("mandates", "created", made)]

    def _instant(self, request: Object, *, waits: bool) -> list[Object]:
        asked = request["payment_request"]
        if not asked:
            return []
        day = objects.bank_day(clock.now().date())
        made = objects.payment(asked, day, {})
        self.payments[made["id"]] = made
        asked["links"]["payment"] = made["id"]
        request["links"]["payment_request_payment"] = made["id"]
        created = objects.event("payments", "created", made)
        if self._declines():
            return [created, self._failed(made, "refer_to_payer")]
        if self._waits(made) or waits:
            return [created]
        made["status"] = "confirmed"
        return [created, objects.event("payments", "confirmed", made)]

    # Mandates

    def happen_to_mandate(self, mandate: Object, what: str) -> None:
        """Let something of MANDATE_LIFE happen, or refuse."""
        if mandate["status"] not in MANDATE_LIFE.get(what, ()):
            raise refusal(422, "invalid_state")
        if what == "replaced":
            self._replace(mandate)
        elif what in ("failed", "cancelled", "expired"):
            cause = {"failed": "invalid_bank_details"}.get(what, f"mandate_{what}")
            self.end_mandate(mandate, what, cause)
        else:
            mandate["status"] = "active" if what == "reinstated" else what
            self.tell(objects.event("mandates", what, mandate))

    def end_mandate(
        self, mandate: Object, state: str, cause: str, origin: str = "bank"
    ) -> None:
        """End a mandate; payments that the bank hasn't got yet go with it."""
        mandate |= {"status": state, "next_possible_charge_date": None}
        details = {"cause": cause, "origin": origin}
        happened = [objects.event("mandates", state, mandate, details=details)]
        for payment in self.payments.values():
            ours = payment["links"].get("mandate") == mandate["id"]
            if ours and payment["status"] == "pending_submission":
                payment["status"] = "cancelled"
                because = {"cause": f"mandate_{state}"}
                happened.append(
                    objects.event("payments", "cancelled", payment, details=because)
                )
        self.tell(*happened)

    def _replace(self, old: Object) -> None:
        links = {n: id for n, id in old["links"].items() if n != "creditor"}
        new = objects.mandate(objects.currency_of(old), links, old["metadata"])
        new["status"] = "active"
        self.mandates[new["id"]] = new
        old |= {"status": "cancelled", "next_possible_charge_date": None}
        old["links"]["new_mandate"] = new["id"]
        links = {"new_mandate": new["id"]}
        self.tell(
            objects.event("mandates", "replaced", old, links=links),
            objects.event("mandates", "created", new),
        )

    # Payments

    def begin(self, made: Object) -> Object:
        """Take a new payment in."""
        self.payments[made["id"]] = made
        happened = [objects.event("payments", "created", made)]
        if self._declines():
            happened.append(self._failed(made, "insufficient_funds"))
        else:
            self._waits(made)
        self.tell(*happened)
        return made

    def _declines(self) -> bool:
        if not self.declines:
            return False
        self.declines -= 1
        return True

    def _waits(self, made: Object) -> bool:
        seconds = self.config.get("confirm_after")
        if seconds is None:
            return False
        self.later(float(seconds), lambda: self._confirm_waiting(made))
        return True

    def _confirm_waiting(self, made: Object) -> None:
        if self.may(made, "confirmed"):
            self.happen_to_payment(made, "confirmed")

    def may(self, payment: Object, what: str) -> bool:
        """Say whether this may happen to a payment now."""
        if what == "retried" and self.retries.get(payment["id"], 0) >= _RETRIES:
            return False
        return payment["status"] in PAYMENT_LIFE.get(what, ())

    def happen_to_payment(self, payment: Object, what: str) -> None:
        """Let something of PAYMENT_LIFE happen, or refuse."""
        if not self.may(payment, what):
            raise refusal(422, "invalid_state")
        if what == "paid_out":
            self.pay_out(payment)
            return
        self.tell(self._happened(payment, what))

    def _happened(self, payment: Object, what: str) -> Object:
        match what:
            case "failed" | "will_retry":
                return self._failed(
                    payment, "insufficient_funds", retry=what == "will_retry"
                )
            case "late_failure":
                return self._failed(payment, "refer_to_payer")
            case "retried":
                id = payment["id"]
                self.retries[id] = self.retries.get(id, 0) + 1
                payment["status"] = "pending_submission"
                payment["charge_date"] = objects.next_charge_date().isoformat()
                return objects.event("payments", "resubmission_requested", payment)
            case "charged_back":
                self.before[payment["id"]] = payment["status"]
                payment["status"] = what
                details = {"origin": "bank", "cause": "refund_requested"}
                return objects.event("payments", what, payment, details=details)
            case "chargeback_cancelled":
                payment["status"] = self.before[payment["id"]]
            case _:
                payment["status"] = what
        return objects.event("payments", what, payment)

    def _failed(self, payment: Object, cause: str, *, retry: bool = False) -> Object:
        payment["status"] = "failed"
        details = {"origin": "bank", "cause": cause, "will_attempt_retry": retry}
        return objects.event("payments", "failed", payment, details=details)

    # Refunds and payouts

    def give_back(self, payment: Object, asked: Mapping[str, Any]) -> Object:
        made = objects.refund(asked, payment)
        self.refunds[made["id"]] = made
        self.tell(objects.event("refunds", "created", made))
        return made

    def happen_to_refund(self, refund: Object, what: str) -> None:
        """`paid`, or `failed` (its money came back)."""
        if refund["status"] not in ("created", "paid") or refund["status"] == what:
            raise refusal(422, "invalid_state")
        refund["status"] = "paid" if what == "paid" else "bounced"
        self.tell(objects.event("refunds", what, refund))

    def pay_out(self, *payments: Object) -> Object:
        """Send what was confirmed to the bank, less the fees."""
        items = []
        for payment in payments:
            links = {"payment": payment["id"]}
            fee = max(_LEAST, payment["amount"] * _FEE)
            fee = (fee / _HALF).to_integral_value(ROUND_HALF_UP) * _HALF
            for kind, amount in (
                ("payment_paid_out", Decimal(payment["amount"])),
                ("gocardless_fee", -fee),
            ):
                item = {"type": kind, "amount": f"{amount:.1f}", "links": links}
                items.append(item | {"taxes": []})
            payment["status"] = "paid_out"
        net = _sum(items)
        gross = sum(payment["amount"] for payment in payments)
        made = objects.payout(net, gross - net, payments[0]["currency"])
        self.payouts[made["id"]], self.items[made["id"]] = made, items
        for payment in payments:
            payment["links"]["payout"] = made["id"]
        to = {"payout": made["id"]}
        self.tell(
            *(objects.event("payments", "paid_out", p, links=to) for p in payments),
            objects.event("payouts", "paid", made),
        )
        return made


def _sum(items: list[Object]) -> int:
    total = sum((Decimal(item["amount"]) for item in items), Decimal(0))
    return int(total.to_integral_value(ROUND_HALF_UP))
