"""GoCardless, played: its API, the payer's page, and what drives it."""

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from hub.sdk.money import Money
from hub.sdk.simulator import json_answer, read_json, route
from hub_gocardless import simulator_objects as objects
from hub_gocardless import simulator_pages as pages
from hub_gocardless.simulator_api import GoCardlessApi
from hub_gocardless.simulator_objects import MANDATE_LIFE, PAYMENT_LIFE, Object
from hub_gocardless.simulator_site import api, find, given, refusal

# How a payment of `POST /_sim/pay` goes: what happens to it, one after the other.
_WAYS: Mapping[str, tuple[str, ...]] = {
    "pending": (),
    "submitted": ("submitted",),
    "completed": ("submitted", "confirmed"),
    "paid_out": ("submitted", "confirmed", "paid_out"),
    "denied": ("submitted", "failed"),
    "retried": ("submitted", "failed", "retried", "submitted", "confirmed"),
    "late_failure": ("submitted", "confirmed", "late_failure"),
    "charged_back": ("confirmed", "paid_out", "charged_back"),
    "chargeback_cancelled": (
        *("confirmed", "paid_out"),
        *("charged_back", "chargeback_cancelled"),
    ),
}
_REFUND_LIFE = {"created": ("paid", "failed"), "paid": ("failed",)}
# As the sandbox names them.
_SANDBOX: Mapping[str, tuple[str, ...]] = {
    "payment_submitted": ("submitted",),
    "payment_confirmed": ("confirmed",),
    "payment_paid_out": ("confirmed", "paid_out"),
    "payment_failed": ("failed",),
    "payment_late_failure": ("confirmed", "late_failure"),
    "payment_charged_back": ("confirmed", "paid_out", "charged_back"),
    "mandate_activated": ("active",),
    "mandate_failed": ("failed",),
    "mandate_expired": ("expired",),
    "refund_paid": ("paid",),
    "refund_bounced": ("failed",),
}
_FOR_EVER = 10**9


class Simulator(GoCardlessApi):
    """The whole of it."""

    # The payer's page

    @route("GET", "/billing/static/style.css", page=True)
    def _style(self, _request: Request) -> Response:
        return Response(pages.STYLE, content_type="text/css")

    @route("GET", "/billing/static/flow", page=True)
    def _flow_page(self, request: Request) -> Response:
        flow = self.flows.get(request.args.get("id", ""))
        asked = self.requests[flow["links"]["billing_request"]] if flow else None
        if flow is None or asked is None or asked["status"] != "pending":
            text = "This page is done with, or never was."
            return _html(pages.notice_page(text, request.root_path), 404)
        return self._shown(flow, asked, request, declined=False)

    @route("POST", "/billing/static/flow", page=True)
    def _decide(self, request: Request) -> Response:
        flow = find(self.flows, request.form.get("id"))
        asked = self.requests[flow["links"]["billing_request"]]
        choice = request.form.get("choice", "")
        if choice == "close":
            self.tell(objects.event("billing_requests", "flow_exited", asked))
            return _back(flow["exit_uri"], request)
        if asked["status"] == "pending":
            if choice == "decline":
                what = "bank_authorisation_denied"
                self.tell(objects.event("billing_requests", what, asked))
                return self._shown(flow, asked, request, declined=True)
            self._approve(asked, request, waits=choice == "pending")
        return _back(None if choice == "leave" else flow["redirect_uri"], request)

    def _shown(
        self, flow: Object, asked: Object, request: Request, *, declined: bool
    ) -> Response:
        root = request.root_path
        return _html(pages.flow_page(flow, asked, root, declined=declined))

    def _approve(self, asked: Object, request: Request, *, waits: bool) -> None:
        payer = {name: request.form.get(name) for name in ("company_name", "email")}
        self.fulfil(asked, payer, request.form.get("bank", ""), waits=waits)

    # What can happen, by page and by program

    @route("GET", "/_sim/scenarios", page=True)
    def _scenarios(self, request: Request) -> Response:
        tables: dict[str, list[pages.Row]] = {
            "mandate": [
                (m["id"], m["scheme"], m["status"], _next(MANDATE_LIFE, m["status"]))
                for m in self.mandates.values()
            ],
            "payment": [
                (p["id"], _amount(p), p["status"], _next(PAYMENT_LIFE, p["status"]))
                for p in self.payments.values()
            ],
            "refund": [
                (r["id"], _amount(r), r["status"], _REFUND_LIFE.get(r["status"], ()))
                for r in self.refunds.values()
            ],
        }
        return _html(pages.scenarios_page(tables, request.root_path))

    @route("POST", "/_sim/scenarios", page=True)
    def _scenario(self, request: Request) -> Response:
        self._happen(request.form)
        return redirect(f"{request.root_path}/_sim/scenarios", 303)

    @route("POST", "/_sim/event", page=True)
    def _event(self, request: Request) -> Response:
        """Something happens: `{"payment" | "mandate" | "refund" | "payout" |
        "billing_request": id, "event", "after"?: seconds}`."""
        asked = read_json(request)
        if seconds := asked.get("after"):
            self.later(float(seconds), lambda: self._happen(asked))
            return json_answer({"event": asked["event"], "after": seconds})
        return json_answer(self._happen(asked))

    def _happen(self, asked: Mapping[str, Any]) -> Object:
        what = str(asked.get("event"))
        if id := asked.get("mandate"):
            thing = find(self.mandates, id)
            self.happen_to_mandate(thing, what)
        elif id := asked.get("refund"):
            thing = find(self.refunds, id)
            self.happen_to_refund(thing, what)
        elif id := asked.get("payout"):
            thing = find(self.payouts, id)
            thing["status"] = what
            self.tell(objects.event("payouts", what, thing))
        elif id := asked.get("billing_request"):
            thing = find(self.requests, id)
            self.fulfil(thing, {"company_name": "Harbour Dental Ltd"})
        else:
            thing = find(self.payments, asked.get("payment"))
            self._happen_to_money(thing, what)
        return {"id": thing["id"], "status": thing["status"]}

    def _happen_to_money(self, payment: Object, what: str) -> None:
        if what == "refunded":
            left = payment["amount"] - payment["amount_refunded"]
            self.happen_to_refund(self.give_back(payment, {"amount": left}), "paid")
        else:
            self.happen_to_payment(payment, what)

    @route("POST", "/_sim/payout", page=True)
    def _payout(self, request: Request) -> Response:
        """Pay out all that is confirmed, or `{"payments": [id, …]}`."""
        ids = read_json(request).get("payments")
        chosen = [self.payments[i] for i in ids] if ids else self.payments.values()
        ready = [each for each in chosen if self.may(each, "paid_out")]
        if not ready:
            raise refusal(422, "invalid_state")
        return json_answer(self.pay_out(*ready))

    @route("POST", "/_sim/mandate", page=True)
    def _mandate(self, request: Request) -> Response:
        """A client gives a mandate: `{"currency"?, "metadata"?}`."""
        asked = read_json(request)
        mandate = {"currency": asked.get("currency", "GBP")}
        metadata = asked.get("metadata") or {}
        made = objects.billing_request(
            {"mandate_request": mandate | {"metadata": metadata}, "metadata": metadata}
        )
        self.requests[made["id"]] = made
        self.fulfil(made, {"company_name": "Harbour Dental Ltd"})
        id = made["links"]["mandate_request_mandate"]
        return json_answer({"billing_request": made["id"], "mandate": id})

    @route("POST", "/_sim/pay", page=True)
    def _pay(self, request: Request) -> Response:
        """A client pays; `event` says how it goes, `completed` if nothing is said."""
        asked = read_json(request)
        event = asked.get("event", "completed")
        if event not in (*_WAYS, "refunded"):
            raise refusal(400, "unknown_event")
        money = _money(asked.get("amount"))
        if money.currency not in objects.CURRENCIES:
            raise refusal(422, field="currency")
        known = {"hub_payment": "custom_id", "hub_invoice": "invoice_id"}
        metadata = {n: str(asked[key]) for n, key in known.items() if asked.get(key)}
        mandate = objects.mandate(money.currency, {"customer": "CU000SIMULATED"}, {})
        mandate["status"] = "active"
        self.mandates[mandate["id"]] = mandate
        wanted = {"amount": money.minor, "currency": money.currency}
        day = objects.next_charge_date()
        payment = self.begin(
            objects.payment(
                wanted | {"metadata": metadata}, day, {"mandate": mandate["id"]}
            )
        )
        for what in (*_WAYS.get(event, _WAYS["completed"]), *_last(event)):
            if payment["status"] != "failed" or what == "retried":
                self._happen_to_money(payment, what)
        return json_answer({"mandate": mandate["id"], "payment": payment["id"]})

    @api("POST", "/scenario_simulators/<name>/actions/run")
    def _sandbox(self, request: Request, name: str) -> Response:
        if name not in _SANDBOX:
            raise refusal(404, "resource_not_found")
        id = (given(request, "data").get("links") or {}).get("resource")
        for what in _SANDBOX[name]:
            self._happen({name.partition("_")[0]: id, "event": what})
        return json_answer({"scenario_simulators": {"id": name}})

    @route("POST", "/_sim/sign", page=True)
    def _sign(self, request: Request) -> Response:
        wanted = read_json(request)["body"]
        body = wanted if isinstance(wanted, str) else json.dumps(wanted)
        headers = dict(self.signed(body.encode()))
        return json_answer({"headers": headers, "body": body})

    @route("POST", "/_sim/faults", page=True)
    def _add_fault(self, request: Request) -> Response:
        """Also `declined`: payments fail at once; `409`: things are made, and
        answered as if the key had made them before."""
        asked = read_json(request)
        count = asked.get("count", 1)
        count = _FOR_EVER if count is None else int(count)
        match asked.get("kind"):
            case "declined":
                self.declines = count
            case "409":
                self.conflicts = count
            case _:
                return super()._add_fault(request)
        return json_answer({"declines": self.declines, "conflicts": self.conflicts})


def _next(life: Mapping[str, tuple[str, ...]], status: str) -> list[str]:
    return [what for what, states in life.items() if status in states]


def _last(event: str) -> tuple[str, ...]:
    return ("refunded",) if event == "refunded" else ()


def _amount(thing: Object) -> str:
    return Money(thing["amount"], thing["currency"]).format()


def _money(asked: Any) -> Money:
    """Read `{"value", "currency_code"}`, as every payment simulator takes it."""
    try:
        money = Money.parse(asked["value"].strip(), asked["currency_code"])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise refusal(422, field="amount") from None
    if money.minor < 1:
        raise refusal(422, field="amount")
    return money


def _back(url: str | None, request: Request) -> Response:
    if not url:
        text = "Thank you. You can close this window."
        return _html(pages.notice_page(text, request.root_path))
    return redirect(url, 303)


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status, content_type="text/html; charset=utf-8")
