"""PayPal, played: its API, the page a payer decides on, and what drives it."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from hub.sdk.simulator import json_answer, read_json, route
from hub_paypal import simulator_objects as objects
from hub_paypal import simulator_pages as pages
from hub_paypal.simulator_api import CAPTURE_EVENTS, PayPalApi
from hub_paypal.simulator_objects import Object
from hub_paypal.simulator_site import find, refusal

# What a payer chooses → what becomes of the capture.
_OUTCOMES = {
    "approve": "COMPLETED",
    "leave": "COMPLETED",
    "decline": "DECLINED",
    "pending": "PENDING",
}


# What may happen to money; the first three may also be how it begins.
_BEGINNINGS = {"completed": "COMPLETED", "pending": "PENDING", "denied": "DECLINED"}
_SEQUELS = ("refunded", "reversed", "dispute", "dispute_won", "dispute_lost")


class Simulator(PayPalApi):
    """The whole of it."""

    # The payer's page

    @route("GET", "/checkoutnow/style.css", page=True)
    def _style(self, _request: Request) -> Response:
        return Response(pages.STYLE, content_type="text/css")

    @route("GET", "/checkoutnow", page=True)
    def _approval_page(self, request: Request) -> Response:
        order = self.orders.get(request.args.get("token", ""))
        if order is None or "payer" in order:
            text = "This order is done, or was never made."
            return _html(pages.notice_page(text, request.root_path), 404)
        return _html(pages.approval_page(order, request.root_path))

    @route("POST", "/checkoutnow", page=True)
    def _decide(self, request: Request) -> Response:
        order = find(self.orders, request.form.get("token", ""))
        choice = request.form.get("choice", "")
        url = self.urls[order["id"]].get("cancel_url")
        query = {"token": order["id"]}
        if choice in _OUTCOMES:
            if "payer" not in order:
                objects.approve(order)
                self.outcomes[order["id"]] = _OUTCOMES[choice]
                self.tell("CHECKOUT.ORDER.APPROVED", order)
            url = self.urls[order["id"]].get("return_url")
            query["PayerID"] = objects.PAYER_ID
        if choice == "leave" or not url:
            text = "Thank you. You can close this window."
            return _html(pages.notice_page(text, request.root_path))
        mark = "&" if "?" in url else "?"
        return redirect(url + mark + urlencode(query), 303)

    # For demos, tests and loads

    @route("GET", "/_sim/ca.pem", page=True)
    def _root(self, _request: Request) -> Response:
        return Response(self.authority.root_pem, content_type="application/x-pem-file")

    @route("POST", "/_sim/sign", page=True)
    def _sign(self, request: Request) -> Response:
        given = read_json(request)["body"]
        body = given if isinstance(given, str) else json.dumps(given)
        headers = {"Content-Type": "application/json"} | dict(
            self.signed(body.encode())
        )
        return json_answer({"headers": headers, "body": body})

    @route("POST", "/_sim/pay", page=True)
    def _pay(self, request: Request) -> Response:
        """A client pays; `event` says how it goes, `completed` if nothing is said."""
        given = read_json(request)
        event = _event_of(given)
        if issue := objects.amount_issue(given.get("amount")):
            raise refusal(422, issue)
        order = objects.order({"purchase_units": [given]}, self.site)
        self.orders[order["id"]] = order
        objects.approve(order)
        capture = self.take(order, _BEGINNINGS.get(event, "COMPLETED"))
        if event in _SEQUELS:
            self._happen(capture, event, {})
        return json_answer({"order_id": order["id"], "capture_id": capture["id"]})

    @route("POST", "/_sim/event", page=True)
    def _event(self, request: Request) -> Response:
        """Something happens to a capture: `{"capture_id", "event", "amount"?}`."""
        given = read_json(request)
        capture = find(self.captures, given.get("capture_id", ""))
        self._happen(capture, _event_of(given), given)
        return json_answer({"capture_id": capture["id"], "status": capture["status"]})

    def _happen(self, capture: Object, event: str, given: Mapping[str, Any]) -> None:
        match event:
            case "refunded":
                self.refund(capture, {n: given[n] for n in ("amount",) if n in given})
            case "reversed":
                taken = objects.refund(capture, {}, self.refunds_of(capture), self.site)
                self.refunds[taken["id"]] = taken
                self.tell("PAYMENT.CAPTURE.REVERSED", taken)
            case "dispute":
                dispute = objects.dispute(capture, self.site)
                self.disputes[dispute["dispute_id"]] = dispute
                self.tell("CUSTOMER.DISPUTE.CREATED", dispute)
            case "dispute_won" | "dispute_lost":
                side = "SELLER" if event == "dispute_won" else "BUYER"
                for dispute in _about(self.disputes, capture):
                    objects.resolve(dispute, f"RESOLVED_{side}_FAVOUR")
                    self.tell("CUSTOMER.DISPUTE.RESOLVED", dispute)
            case _:
                objects.settle(capture, _BEGINNINGS[event])
                self.tell(CAPTURE_EVENTS[capture["status"]], capture)


def _event_of(given: Mapping[str, Any]) -> str:
    event = given.get("event", "completed")
    if event not in (*_BEGINNINGS, *_SEQUELS):
        raise refusal(400, "UNKNOWN_EVENT")
    return str(event)


def _about(disputes: Mapping[str, Object], capture: Object) -> list[Object]:
    return [
        dispute
        for dispute in disputes.values()
        if dispute["disputed_transactions"][0]["seller_transaction_id"] == capture["id"]
    ]


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status, content_type="text/html; charset=utf-8")
