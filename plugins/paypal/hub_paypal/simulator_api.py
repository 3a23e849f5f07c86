"""The simulated PayPal's orders, captures, refunds and disputes."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.sdk.simulator import json_answer, read_json
from hub_paypal import simulator_objects as objects
from hub_paypal.simulator_objects import Object
from hub_paypal.simulator_site import PayPalSite, api, find, refusal

CAPTURE_EVENTS = {
    "COMPLETED": "PAYMENT.CAPTURE.COMPLETED",
    "PENDING": "PAYMENT.CAPTURE.PENDING",
    "DECLINED": "PAYMENT.CAPTURE.DENIED",
}


class PayPalApi(PayPalSite):
    """What moves money, and tells about it by webhook."""

    def reset(self) -> None:
        super().reset()
        self.orders: dict[str, Object] = {}
        self.captures: dict[str, Object] = {}
        self.refunds: dict[str, Object] = {}
        self.disputes: dict[str, Object] = {}
        # What an idempotency key made; where a payer returns to; how it will go.
        self._made: dict[tuple[str, str], str] = {}
        self.urls: dict[str, Mapping[str, Any]] = {}
        self.outcomes: dict[str, str] = {}

    def state(self) -> dict[str, Any]:
        kinds = ("orders", "captures", "refunds", "disputes", "hooks")
        return {kind: list(getattr(self, kind).values()) for kind in kinds}

    # Orders

    @api("POST", "/v2/checkout/orders")
    def _create_order(self, request: Request) -> Response:
        asked = read_json(request)
        key = request.headers.get("PayPal-Request-Id", "")
        if made := self._made.get(("order", key)):
            return self._order_answer(request, self.orders[made], 200)
        if "payment_source" in asked and not key:
            raise refusal(400, "PAYPAL_REQUEST_ID_REQUIRED")
        units = asked.get("purchase_units") or [{}]
        if issue := objects.amount_issue(units[0].get("amount")):
            raise refusal(422, issue)
        order = objects.order(asked, self.site)
        self.orders[order["id"]] = order
        self.urls[order["id"]] = _experience(asked)
        self._remember("order", key, order["id"])
        return self._order_answer(request, order, 201)

    @api("GET", "/v2/checkout/orders/<id>")
    def _show_order(self, _request: Request, id: str) -> Response:
        return json_answer(find(self.orders, id))

    @api("POST", "/v2/checkout/orders/<id>/capture")
    def _capture_order(self, request: Request, id: str) -> Response:
        order = find(self.orders, id)
        key = request.headers.get("PayPal-Request-Id", "")
        if ("capture", key) in self._made:
            return self._order_answer(request, order, 200)
        if order["status"] == "COMPLETED":
            raise refusal(422, "ORDER_ALREADY_CAPTURED")
        if order["status"] != "APPROVED":
            raise refusal(422, "ORDER_NOT_APPROVED")
        mock = json.loads(request.headers.get("PayPal-Mock-Response", "{}"))
        if issue := mock.get("mock_application_codes"):
            raise refusal(422, issue)
        self.take(order, self.outcomes.get(id, "COMPLETED"))
        self._remember("capture", key, id)
        return self._order_answer(request, order, 201)

    def _order_answer(self, request: Request, order: Object, status: int) -> Response:
        if "representation" in request.headers.get("Prefer", ""):
            return json_answer(order, status)
        return json_answer({n: order[n] for n in ("id", "status", "links")}, status)

    def _remember(self, kind: str, key: str, id: str) -> None:
        if key:
            self._made[kind, key] = id

    def take(self, order: Object, status: str) -> Object:
        capture = objects.capture(order, status, self.site)
        self.captures[capture["id"]] = capture
        self.tell(CAPTURE_EVENTS[status], capture)
        return capture

    # Captures, refunds, disputes

    @api("GET", "/v2/payments/captures/<id>")
    def _show_capture(self, _request: Request, id: str) -> Response:
        return json_answer(find(self.captures, id))

    @api("POST", "/v2/payments/captures/<id>/refund")
    def _refund_capture(self, request: Request, id: str) -> Response:
        capture = find(self.captures, id)
        key = request.headers.get("PayPal-Request-Id", "")
        if made := self._made.get(("refund", key)):
            return json_answer(self.refunds[made], 201)
        asked = read_json(request) if request.get_data() else {}
        refund = self.refund(capture, asked)
        self._remember("refund", key, refund["id"])
        return json_answer(refund, 201)

    def refund(self, capture: Object, asked: Mapping[str, Any]) -> Object:
        earlier = self.refunds_of(capture)
        if issue := _refund_issue(capture, asked, earlier):
            raise refusal(422, issue)
        refund = objects.refund(capture, asked, earlier, self.site)
        self.refunds[refund["id"]] = refund
        order = capture["supplementary_data"]["related_ids"]["order_id"]
        self.orders[order]["purchase_units"][0]["payments"]["refunds"].append(refund)
        self.tell("PAYMENT.CAPTURE.REFUNDED", refund)
        return refund

    def refunds_of(self, capture: Object) -> list[Object]:
        up = f"/captures/{capture['id']}"
        return [r for r in self.refunds.values() if r["links"][1]["href"].endswith(up)]

    @api("GET", "/v2/payments/refunds/<id>")
    def _show_refund(self, _request: Request, id: str) -> Response:
        return json_answer(find(self.refunds, id))

    @api("GET", "/v1/customer/disputes")
    def _list_disputes(self, _request: Request) -> Response:
        own = {"href": f"{self.site.api}/v1/customer/disputes", "rel": "self"}
        return json_answer({"items": list(self.disputes.values()), "links": [own]})

    @api("GET", "/v1/customer/disputes/<id>")
    def _show_dispute(self, _request: Request, id: str) -> Response:
        return json_answer(find(self.disputes, id))


def _experience(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    wallet = (asked.get("payment_source") or {}).get("paypal") or {}
    found: Mapping[str, Any] = wallet.get("experience_context") or asked.get(
        "application_context", {}
    )
    return found


def _refund_issue(
    capture: Object, asked: Mapping[str, Any], earlier: list[Object]
) -> str | None:
    left = objects.refundable(capture, earlier)
    if capture["status"] == "PENDING":
        return "PENDING_CAPTURE"
    if left <= 0:
        return "CAPTURE_FULLY_REFUNDED"
    if capture["status"] not in ("COMPLETED", "PARTIALLY_REFUNDED"):
        return "REFUND_NOT_ALLOWED"
    return _amount_issue(capture, asked["amount"], left) if "amount" in asked else None


def _amount_issue(capture: Object, amount: Any, left: Decimal) -> str | None:
    if issue := objects.amount_issue(amount):
        return issue
    if amount["currency_code"] != capture["amount"]["currency_code"]:
        return "REFUND_CAPTURE_CURRENCY_MISMATCH"
    return "REFUND_AMOUNT_EXCEEDED" if objects.value(amount) > left else None
