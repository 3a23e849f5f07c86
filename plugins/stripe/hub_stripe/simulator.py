"""Stripe, played: its API, the page a payer pays on, and what drives it."""

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from hub.sdk.errors import RejectedError
from hub.sdk.money import Money
from hub.sdk.simulator import json_answer, read_json, route
from hub_stripe import amounts
from hub_stripe import simulator_objects as objects
from hub_stripe import simulator_pages as pages
from hub_stripe.simulator_api import StripeApi, left_of
from hub_stripe.simulator_objects import Object
from hub_stripe.simulator_site import find, refusal

# What may happen to money; the first three may also be how it begins.
_BEGINNINGS = {"completed": "succeeded", "pending": "pending", "denied": "failed"}
_SEQUELS = (
    *("refunded", "refund_failed", "dispute", "dispute_won", "dispute_lost"),
    *("reversed", "invoice"),
)
_CARD_PAID = ("approve", "leave")


class Simulator(StripeApi):
    """The whole of it."""

    # The payer's page

    @route("GET", "/c/style.css", page=True)
    def _style(self, _request: Request) -> Response:
        return Response(pages.STYLE, content_type="text/css")

    @route("GET", "/c/pay/<id>", page=True)
    def _payment_page(self, request: Request, id: str) -> Response:
        session = self.sessions.get(id)
        if session is None or session["status"] != "open":
            text = "This page is done with, or never was."
            return _html(pages.notice_page(text, request.root_path), 404)
        return self._paying(session, request, declined=False)

    @route("POST", "/c/pay/<id>", page=True)
    def _decide(self, request: Request, id: str) -> Response:
        session = find(self.sessions, id)
        choice = request.form.get("choice", "")
        if choice == "close":
            return _back(session["cancel_url"], session, request)
        if session["status"] == "open":
            if choice == "decline":
                self.take(self.open_intent(session), "failed")
                return self._paying(session, request, declined=True)
            self._complete(session, "succeeded" if choice in _CARD_PAID else "pending")
        if choice == "leave":
            return _back(None, session, request)
        return _back(session["success_url"], session, request)

    def _paying(self, session: Object, request: Request, *, declined: bool) -> Response:
        description = self.promised[session["id"]][1]
        root = request.root_path
        return _html(pages.payment_page(session, description, root, declined=declined))

    def _complete(self, session: Object, status: str) -> Object:
        intent = self.open_intent(session)
        session |= {"status": "complete", "url": None}
        session["payment_status"] = "paid" if status == "succeeded" else "unpaid"
        self.take(intent, status)
        self.tell("checkout.session.completed", session)
        return intent

    # For demos, tests and loads

    @route("POST", "/_sim/sign", page=True)
    def _sign(self, request: Request) -> Response:
        given = read_json(request)["body"]
        body = given if isinstance(given, str) else json.dumps(given)
        headers = dict(self.signed(body.encode()))
        return json_answer({"headers": headers, "body": body})

    @route("POST", "/_sim/pay", page=True)
    def _pay(self, request: Request) -> Response:
        """A client pays; `event` says how it goes, `completed` if nothing is said."""
        given = read_json(request)
        event = _event_of(given)
        amount, currency = _money(given.get("amount"))
        known = {"hub_payment": "custom_id", "hub_invoice": "invoice_id"}
        metadata = {n: str(given[key]) for n, key in known.items() if given.get(key)}
        if event == "invoice":
            intent = self._pay_invoice(amount, currency, given)
            return json_answer({"payment_intent": intent["id"]})
        form = {"mode": "payment", **{f"metadata[{n}]": v for n, v in metadata.items()}}
        session = objects.session(form, amount, currency)
        self.sessions[session["id"]] = session
        self.promised[session["id"]] = (metadata, "")
        if event == "denied":
            self.take(intent := self.open_intent(session), "failed")
        else:
            intent = self._complete(session, _BEGINNINGS.get(event, "succeeded"))
        if event in _SEQUELS:
            self._happen(intent, event, {})
        return json_answer({"session": session["id"], "payment_intent": intent["id"]})

    def _pay_invoice(
        self, amount: int, currency: str, given: Mapping[str, Any]
    ) -> Object:
        intent = objects.intent(amount, currency, {})
        self.intents[intent["id"]] = intent
        self.take(intent, "succeeded")
        invoice, paid = objects.invoice(intent, str(given.get("invoice_id") or "IN-1"))
        self.invoices[invoice["id"]] = invoice
        self.invoice_payments[paid["id"]] = paid
        self.tell("invoice_payment.paid", paid)
        self.tell("invoice.paid", invoice)
        return intent

    @route("POST", "/_sim/event", page=True)
    def _event(self, request: Request) -> Response:
        """Something happens: `{"payment_intent", "event", "amount"?}`; `expired`
        takes `{"session"}`."""
        given = read_json(request)
        if given.get("event") == "expired":
            self.expire(find(self.sessions, given.get("session", "")))
            return json_answer({"session": given["session"], "status": "expired"})
        intent = find(self.intents, given.get("payment_intent", ""))
        self._happen(intent, _event_of(given), given)
        return json_answer({"payment_intent": intent["id"], "status": intent["status"]})

    def _happen(self, intent: Object, event: str, given: Mapping[str, Any]) -> None:
        charge = find(self.charges, intent["latest_charge"] or "")
        match event:
            case "refunded":
                whole = "amount" not in given
                amount = left_of(charge) if whole else _money(given["amount"])[0]
                self.refund(charge, amount)
            case "refund_failed":
                self._undo_refunds(charge)
            case "dispute" | "reversed":
                self._dispute(charge, lost=event == "reversed")
            case "dispute_won" | "dispute_lost":
                self._decide_disputes(charge, event.removeprefix("dispute_"))
            case _:
                self._end_pending(intent, _BEGINNINGS[event])

    def _undo_refunds(self, charge: Object) -> None:
        for refund in self.refunds.values():
            if refund["charge"] == charge["id"] and refund["status"] == "succeeded":
                refund |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
                charge["amount_refunded"] -= refund["amount"]
                charge["refunded"] = False
                self.tell("refund.failed", refund)

    def _dispute(self, charge: Object, *, lost: bool) -> None:
        dispute = objects.dispute(charge)
        self.disputes[dispute["id"]] = dispute
        self.tell("charge.dispute.created", dispute)
        self.tell("charge.dispute.funds_withdrawn", dispute)
        if lost:
            self._decide_disputes(charge, "lost")

    def _decide_disputes(self, charge: Object, outcome: str) -> None:
        for dispute in self.disputes.values():
            if dispute["charge"] == charge["id"]:
                before = {"status": dispute["status"]}
                dispute["status"] = outcome
                self.tell("charge.dispute.closed", dispute, before)
                if outcome == "won":
                    self.tell("charge.dispute.funds_reinstated", dispute)

    def _end_pending(self, intent: Object, status: str) -> None:
        """The bank debit of a completed session ends, well or not."""
        self.settle(intent, status)
        for session in self.sessions.values():
            if session["payment_intent"] == intent["id"] and status != "pending":
                paid = status == "succeeded"
                session["payment_status"] = "paid" if paid else "unpaid"
                end = "async_payment_succeeded" if paid else "async_payment_failed"
                self.tell(f"checkout.session.{end}", session)


def _money(given: Any) -> tuple[int, str]:
    """Read `{"value", "currency_code"}`, as every payment simulator takes it."""
    try:
        money = Money.parse(given["value"].strip(), given["currency_code"])
        amount = int(amounts.wire(money))
    except (AttributeError, KeyError, TypeError, ValueError, RejectedError):
        raise refusal(400, "parameter_invalid_integer", "No amount.") from None
    if amount < 1:
        raise refusal(400, "amount_too_small", "Too small an amount.")
    return amount, money.currency.lower()


def _event_of(given: Mapping[str, Any]) -> str:
    event = given.get("event", "completed")
    if event not in (*_BEGINNINGS, *_SEQUELS):
        raise refusal(400, "unknown_event")
    return str(event)


def _back(url: str | None, session: Object, request: Request) -> Response:
    if not url:
        text = "Thank you. You can close this window."
        return _html(pages.notice_page(text, request.root_path))
    return redirect(url.replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status, content_type="text/html; charset=utf-8")
