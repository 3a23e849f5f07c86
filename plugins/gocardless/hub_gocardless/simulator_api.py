"""The simulated GoCardless's requests, mandates, payments, refunds and payouts."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.sdk.simulator import json_answer
from hub_gocardless import simulator_objects as objects
from hub_gocardless.simulator_life import Life
from hub_gocardless.simulator_objects import Object
from hub_gocardless.simulator_site import api, find, given, page, refusal, since

_USABLE = ("pending_customer_approval", "pending_submission", "submitted", "active")
_INSTANT = ("GBP", "EUR")


class GoCardlessApi(Life):
    """What programs call."""

    # Billing requests

    @api("POST", "/billing_requests")
    def _create_request(self, request: Request) -> Response:
        return self.once(request, "billing_requests", lambda: self._request(request))

    def _request(self, request: Request) -> Object:
        asked = given(request, "billing_requests")
        for kind in ("mandate_request", "payment_request"):
            part = asked.get(kind)
            if part and part.get("currency") not in objects.CURRENCIES:
                raise refusal(422, field="currency")
        paying = asked.get("payment_request")
        if paying and paying["currency"] not in _INSTANT:
            raise refusal(422, field="currency")
        if paying and not _is_amount(paying.get("amount")):
            raise refusal(422, field="amount")
        if not paying and not asked.get("mandate_request"):
            raise refusal(422, field="mandate_request")
        _check_metadata(asked)
        made = objects.billing_request(asked)
        self.requests[made["id"]] = made
        self.tell(objects.event("billing_requests", "created", made))
        return made

    @api("GET", "/billing_requests")
    def _list_requests(self, request: Request) -> Response:
        found = since(list(self.requests.values()), request)
        return page("billing_requests", found, request)

    @api("GET", "/billing_requests/<id>")
    def _show_request(self, _request: Request, id: str) -> Response:
        return json_answer({"billing_requests": find(self.requests, id)})

    @api("POST", "/billing_requests/<id>/actions/cancel")
    def _cancel_request(self, _request: Request, id: str) -> Response:
        found = find(self.requests, id)
        if found["status"] not in ("pending", "ready_to_fulfil"):
            raise refusal(422, "billing_request_not_pending")
        found["status"] = "cancelled"
        self.tell(objects.event("billing_requests", "cancelled", found))
        return json_answer({"billing_requests": found})

    @api("POST", "/billing_request_flows")
    def _create_flow(self, request: Request) -> Response:
        asked = given(request, "billing_request_flows")
        id = (asked.get("links") or {}).get("billing_request")
        if find(self.requests, id)["status"] != "pending":
            raise refusal(422, "billing_request_not_pending")
        email = (asked.get("prefilled_customer") or {}).get("email")
        if email is not None and "@" not in email:
            raise refusal(422, field="email")

        def make() -> Object:
            made = objects.flow(asked)
            self.flows[made["id"]] = made
            return made

        return self.once(request, "billing_request_flows", make)

    # Mandates

    @api("GET", "/mandates")
    def _list_mandates(self, request: Request) -> Response:
        found = since(list(self.mandates.values()), request)
        if owner := request.args.get("customer"):
            found = [each for each in found if each["links"]["customer"] == owner]
        return page("mandates", found, request)

    @api("GET", "/mandates/<id>")
    def _show_mandate(self, _request: Request, id: str) -> Response:
        found = find(self.mandates, id)
        if found["status"] in _USABLE:
            day = objects.next_charge_date().isoformat()
            found["next_possible_charge_date"] = day
        return json_answer({"mandates": found})

    @api("POST", "/mandates/<id>/actions/cancel")
    def _cancel_mandate(self, _request: Request, id: str) -> Response:
        found = find(self.mandates, id)
        if found["status"] not in _USABLE:
            raise refusal(422, "cancellation_failed")
        self.end_mandate(found, "cancelled", "mandate_cancelled", origin="api")
        return json_answer({"mandates": found})

    @api("POST", "/mandates/<id>/actions/reinstate")
    def _reinstate_mandate(self, _request: Request, id: str) -> Response:
        found = find(self.mandates, id)
        if found["status"] not in ("cancelled", "expired"):
            raise refusal(422, "mandate_not_inactive")
        self.happen_to_mandate(found, "reinstated")
        return json_answer({"mandates": found})

    # Payments

    @api("POST", "/payments")
    def _create_payment(self, request: Request) -> Response:
        return self.once(request, "payments", lambda: self._payment(request))

    def _payment(self, request: Request) -> Object:
        asked = given(request, "payments")
        mandate = find(self.mandates, (asked.get("links") or {}).get("mandate"))
        if mandate["status"] not in _USABLE:
            raise refusal(422, "mandate_is_inactive")
        if not _is_amount(asked.get("amount")):
            raise refusal(422, field="amount")
        if asked.get("currency") != objects.currency_of(mandate):
            raise refusal(422, field="currency")
        _check_metadata(asked)
        links = {"mandate": mandate["id"]}
        made = objects.payment(asked, _day(asked.get("charge_date")), links)
        return self.begin(made)

    @api("GET", "/payments")
    def _list_payments(self, request: Request) -> Response:
        found = since(list(self.payments.values()), request)
        for name in ("status", "currency"):
            if value := request.args.get(name):
                found = [each for each in found if each[name] == value]
        if mandate := request.args.get("mandate"):
            found = [e for e in found if e["links"].get("mandate") == mandate]
        return page("payments", found, request)

    @api("GET", "/payments/<id>")
    def _show_payment(self, _request: Request, id: str) -> Response:
        return json_answer({"payments": find(self.payments, id)})

    @api("PUT", "/payments/<id>")
    def _change_payment(self, request: Request, id: str) -> Response:
        found = find(self.payments, id)
        asked = given(request, "payments")
        _check_metadata(asked)
        found["metadata"] = dict(asked.get("metadata") or found["metadata"])
        return json_answer({"payments": found})

    @api("POST", "/payments/<id>/actions/<action>")
    def _act_on_payment(self, _request: Request, id: str, action: str) -> Response:
        found = find(self.payments, id)
        wanted = {"cancel": "cancelled", "retry": "retried"}.get(action)
        if wanted is None:
            raise refusal(404, "resource_not_found")
        if not self.may(found, wanted):
            failed = "retry_failed" if action == "retry" else "cancellation_failed"
            raise refusal(422, failed)
        self.happen_to_payment(found, wanted)
        return json_answer({"payments": found})

    # Refunds

    @api("POST", "/refunds")
    def _create_refund(self, request: Request) -> Response:
        return self.once(request, "refunds", lambda: self._refund(request))

    def _refund(self, request: Request) -> Object:
        asked = given(request, "refunds")
        payment = find(self.payments, (asked.get("links") or {}).get("payment"))
        amount = asked.get("amount")
        if not _is_amount(amount):
            raise refusal(422, field="amount")
        total = payment["amount_refunded"] + amount
        if asked.get("total_amount_confirmation") != total:
            raise refusal(422, "total_amount_confirmation_invalid")
        if payment["status"] not in ("confirmed", "paid_out"):
            raise refusal(422, "refund_is_not_allowed")
        if total > payment["amount"]:
            raise refusal(422, "available_refund_amount_insufficient")
        _check_metadata(asked)
        return self.give_back(payment, asked)

    @api("GET", "/refunds")
    def _list_refunds(self, request: Request) -> Response:
        found = since(list(self.refunds.values()), request)
        if payment := request.args.get("payment"):
            found = [each for each in found if each["links"]["payment"] == payment]
        return page("refunds", found, request)

    @api("GET", "/refunds/<id>")
    def _show_refund(self, _request: Request, id: str) -> Response:
        return json_answer({"refunds": find(self.refunds, id)})

    # Payouts, events, and who is who

    @api("GET", "/payouts")
    def _list_payouts(self, request: Request) -> Response:
        found = since(list(self.payouts.values()), request)
        return page("payouts", found, request)

    @api("GET", "/payouts/<id>")
    def _show_payout(self, _request: Request, id: str) -> Response:
        return json_answer({"payouts": find(self.payouts, id)})

    @api("GET", "/payout_items")
    def _list_items(self, request: Request) -> Response:
        id = find(self.payouts, request.args.get("payout"))["id"]
        return page("payout_items", self.items[id], request)

    @api("GET", "/events")
    def _list_events(self, request: Request) -> Response:
        found = since(list(self.events.values()), request)
        for kind in ("payment", "mandate", "payout", "refund", "billing_request"):
            if id := request.args.get(kind):
                found = [each for each in found if each["links"].get(kind) == id]
        for name in ("resource_type", "action"):
            if value := request.args.get(name):
                found = [each for each in found if each[name] == value]
        return page("events", found, request)

    @api("GET", "/events/<id>")
    def _show_event(self, _request: Request, id: str) -> Response:
        return json_answer({"events": find(self.events, id)})

    @api("GET", "/creditors")
    def _list_creditors(self, request: Request) -> Response:
        return page("creditors", [objects.creditor()], request)

    @api("GET", "/customers")
    def _list_customers(self, request: Request) -> Response:
        return page("customers", list(self.customers.values()), request)

    @api("GET", "/customers/<id>")
    def _show_customer(self, _request: Request, id: str) -> Response:
        return json_answer({"customers": find(self.customers, id)})


def _is_amount(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _check_metadata(asked: Mapping[str, Any]) -> None:
    metadata = asked.get("metadata") or {}
    if len(metadata) > 3 or any(
        not isinstance(value, str) or len(value) > 500 or len(name) > 50
        for name, value in metadata.items()
    ):
        raise refusal(422, field="metadata")


def _day(asked: Any) -> date:
    earliest = objects.next_charge_date()
    if asked is None:
        return earliest
    try:
        wanted = date.fromisoformat(asked)
    except (TypeError, ValueError):
        raise refusal(422, field="charge_date") from None
    if wanted < earliest:
        raise refusal(422, field="charge_date")
    return objects.bank_day(wanted)
