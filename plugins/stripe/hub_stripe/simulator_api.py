"""The simulated Stripe's sessions, payment intents, refunds, disputes and invoices."""

import copy
import re
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.sdk.simulator import json_answer
from hub_stripe import simulator_objects as objects
from hub_stripe.simulator_objects import Object
from hub_stripe.simulator_site import StripeSite, api, find, refusal

_CURRENCY = re.compile(r"[a-z]{3}", re.ASCII)
_ITEM = "line_items[0][price_data]"


class StripeApi(StripeSite):
    """What moves money, and tells about it by webhook."""

    def reset(self) -> None:
        super().reset()
        self.sessions: dict[str, Object] = {}
        self.intents: dict[str, Object] = {}
        self.charges: dict[str, Object] = {}
        self.balances: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.disputes: dict[str, Object] = {}
        self.invoices: dict[str, Object] = {}
        self.invoice_payments: dict[str, Object] = {}
        # What a session gives its intent.
        self.promised: dict[str, tuple[Mapping[str, str], str]] = {}

    def state(self) -> dict[str, Any]:
        kinds = ("sessions", "intents", "charges", "refunds", "disputes", "invoices")
        return {kind: list(getattr(self, kind).values()) for kind in kinds}

    # Checkout sessions

    @api("POST", "/v1/checkout/sessions")
    def _create_session(self, request: Request) -> Response:
        form = request.form
        for name in ("mode", "line_items[0][quantity]"):
            if not form.get(name):
                raise refusal(400, "parameter_missing", f"Missing {name}.")
        amount, currency = money_of(form, f"{_ITEM}[unit_amount]", f"{_ITEM}[currency]")
        total = amount * int(form["line_items[0][quantity]"])
        session = objects.session(form, total, currency)
        self.sessions[session["id"]] = session
        self.promised[session["id"]] = (
            objects.below(form, "payment_intent_data[metadata]"),
            form.get("payment_intent_data[description]", ""),
        )
        return json_answer(session)

    @api("GET", "/v1/checkout/sessions")
    def _list_sessions(self, request: Request) -> Response:
        return page(self.sessions, request)

    @api("GET", "/v1/checkout/sessions/<id>")
    def _show_session(self, request: Request, id: str) -> Response:
        return self.shown(find(self.sessions, id, "checkout.session"), request)

    @api("POST", "/v1/checkout/sessions/<id>/expire")
    def _expire_session(self, _request: Request, id: str) -> Response:
        session = find(self.sessions, id, "checkout.session")
        if session["status"] != "open":
            raise refusal(400, "", "Only open sessions can be expired.")
        self.expire(session)
        return json_answer(session)

    def expire(self, session: Object) -> None:
        session |= {"status": "expired", "url": None}
        self.tell("checkout.session.expired", session)

    def open_intent(self, session: Object) -> Object:
        """Return the session's intent, made when the payer first tries."""
        if session["payment_intent"]:
            return self.intents[session["payment_intent"]]
        made = objects.intent(
            session["amount_total"], session["currency"], *self.promised[session["id"]]
        )
        self.intents[made["id"]] = made
        session["payment_intent"] = made["id"]
        return made

    # Payment intents and charges

    @api("POST", "/v1/payment_intents")
    def _create_intent(self, request: Request) -> Response:
        amount, currency = money_of(request.form, "amount", "currency")
        made = objects.intent(amount, currency, objects.below(request.form, "metadata"))
        self.intents[made["id"]] = made
        return json_answer(made)

    @api("GET", "/v1/payment_intents/<id>")
    def _show_intent(self, request: Request, id: str) -> Response:
        return self.shown(find(self.intents, id, "payment_intent"), request)

    @api("GET", "/v1/charges/<id>")
    def _show_charge(self, request: Request, id: str) -> Response:
        return self.shown(find(self.charges, id, "charge"), request)

    def take(self, intent: Object, status: str) -> Object:
        """Try to take the money: succeeded, pending (a bank debit) or failed."""
        charge = objects.charge(intent, status)
        self.charges[charge["id"]] = charge
        intent["latest_charge"] = charge["id"]
        self.settle(intent, status)
        return charge

    def settle(self, intent: Object, status: str) -> None:
        """Give an intent and its charge the state they have from now on."""
        charge = self.charges[intent["latest_charge"]]
        charge |= {"status": status, "paid": status == "succeeded"}
        match status:
            case "succeeded":
                made = objects.balance(charge)
                self.balances[made["id"]] = made
                charge |= {"captured": True, "balance_transaction": made["id"]}
                charge["amount_captured"] = charge["amount"]
                intent |= {"status": "succeeded", "last_payment_error": None}
                intent["amount_received"] = intent["amount"]
                self.tell("payment_intent.succeeded", intent)
            case "pending":
                intent["status"] = "processing"
                self.tell("payment_intent.processing", intent)
            case "failed":
                error = {"type": "card_error", "code": "card_declined"}
                intent["status"] = "requires_payment_method"
                intent["last_payment_error"] = {
                    **error,
                    "decline_code": "insufficient_funds",
                    "message": "Your card has insufficient funds.",
                }
                self.tell("payment_intent.payment_failed", intent)

    # Refunds, disputes, invoices, events

    @api("POST", "/v1/refunds")
    def _create_refund(self, request: Request) -> Response:
        form = request.form
        charge_id = form.get("charge", "")
        if "payment_intent" in form:
            intent = find(self.intents, form["payment_intent"], "payment_intent")
            charge_id = intent["latest_charge"] or ""
        charge = find(self.charges, charge_id, "charge")
        amount = form.get("amount", str(left_of(charge)))
        if not amount.isdecimal():
            raise refusal(400, "parameter_invalid_integer", "Invalid integer.")
        reason = form.get("reason")
        made = self.refund(charge, int(amount), objects.below(form, "metadata"), reason)
        return json_answer(made)

    def refund(
        self,
        charge: Object,
        amount: int,
        metadata: Mapping[str, str] | None = None,
        reason: str | None = None,
    ) -> Object:
        if not charge["paid"]:
            raise refusal(400, "", "This charge has not been paid.")
        if left_of(charge) == 0:
            raise refusal(400, "charge_already_refunded", "Already refunded.")
        if not 0 < amount <= left_of(charge):
            raise refusal(400, "amount_too_large", "More than is left.")
        before = {"amount_refunded": charge["amount_refunded"]}
        made = objects.refund(charge, amount, metadata or {}, reason)
        self.refunds[made["id"]] = made
        self.tell("refund.created", made)
        self.tell("charge.refunded", charge, before)
        return made

    @api("GET", "/v1/refunds")
    def _list_refunds(self, request: Request) -> Response:
        return page(self.refunds, request, "charge", "payment_intent")

    @api("GET", "/v1/refunds/<id>")
    def _show_refund(self, request: Request, id: str) -> Response:
        return self.shown(find(self.refunds, id, "refund"), request)

    @api("GET", "/v1/disputes/<id>")
    def _show_dispute(self, request: Request, id: str) -> Response:
        return self.shown(find(self.disputes, id, "dispute"), request)

    @api("GET", "/v1/invoices/<id>")
    def _show_invoice(self, request: Request, id: str) -> Response:
        found = dict(find(self.invoices, id, "invoice"))
        if any("payments" in path for path in request.args.values()):
            paid = [p for p in self.invoice_payments.values() if p["invoice"] == id]
            found["payments"] = objects.listed(paid, "/v1/invoice_payments")
        return self.shown(found, request)

    @api("GET", "/v1/invoice_payments")
    def _list_invoice_payments(self, request: Request) -> Response:
        return page(self.invoice_payments, request, "invoice")

    @api("GET", "/v1/events")
    def _list_events(self, request: Request) -> Response:
        return page(self.events, request, "type")

    @api("GET", "/v1/events/<id>")
    def _show_event(self, request: Request, id: str) -> Response:
        return self.shown(find(self.events, id, "event"), request)

    def shown(self, found: Object, request: Request) -> Response:
        """Answer an object, with what was asked to be expanded in place of its id."""
        answer = copy.deepcopy(found)
        for name, path in request.args.items(multi=True):
            if name.startswith("expand["):
                self._expand(answer, path.split("."))
        return json_answer(answer)

    def _expand(self, found: Any, path: list[str]) -> None:
        if isinstance(found, list):
            for item in found:
                self._expand(item, path)
            return
        if not path or not isinstance(found, dict):
            return
        name, *rest = path
        value = found.get(name)
        if isinstance(value, str):
            value = found[name] = copy.deepcopy(self._held(name)[value])
        self._expand(value, rest)

    def _held(self, name: str) -> Mapping[str, Object]:
        kinds: dict[str, Mapping[str, Object]] = {
            "payment_intent": self.intents,
            "latest_charge": self.charges,
            "charge": self.charges,
            "balance_transaction": self.balances,
        }
        return kinds[name]


def money_of(form: Mapping[str, str], amount: str, currency: str) -> tuple[int, str]:
    """Read an amount, or refuse as Stripe does."""
    number, code = form.get(amount, ""), form.get(currency, "").lower()
    if not number or not code:
        raise refusal(400, "parameter_missing", f"Missing {amount} or {currency}.")
    if not number.isdecimal():
        raise refusal(400, "parameter_invalid_integer", f"Invalid integer: {amount}")
    if not _CURRENCY.fullmatch(code):
        raise refusal(400, "", "Invalid currency.")
    if int(number) < 1:
        raise refusal(400, "amount_too_small", "Amount must be at least 1.")
    return int(number), code


def left_of(charge: Object) -> int:
    """Return what of a charge was not given back."""
    return int(charge["amount"] - charge["amount_refunded"])


def page(held: Mapping[str, Object], request: Request, *by: str) -> Response:
    """Answer a page of a list, newest first."""
    wanted = {name: request.args[name] for name in by if name in request.args}
    items = [
        item
        for item in reversed(list(held.values()))
        if all(item[name] == value for name, value in wanted.items())
    ]
    after = request.args.get("starting_after")
    ids = [item["id"] for item in items]
    items = items[ids.index(after) + 1 :] if after in ids else items
    limit = int(request.args.get("limit", 10))
    more = len(items) > limit
    return json_answer(objects.listed(items[:limit], request.path, more))
