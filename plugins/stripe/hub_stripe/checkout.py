"""The payer's way there and back: session, payment, refund.

Whatever the browser brings back is a hint only; the session of the charge is asked.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from hub.sdk import ledger
from hub.sdk.context import Context
from hub.sdk.errors import RejectedError, UnexpectedResponseError
from hub.sdk.facts import Fact
from hub.sdk.money import Money
from hub_stripe import amounts, client, fetching, resources, schemas
from hub_stripe.fetching import understood
from hub_stripe.provider import PAGES_HOST
from hub_stripe.resources import Told

_SESSIONS: Final = "/v1/checkout/sessions"
_MONEY: Final = {"expand[]": "payment_intent.latest_charge.balance_transaction"}
# Stripe refuses the whole session for an address it doesn't like.
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)


def start(charge: ledger.Charge, ctx: Context) -> ledger.Checkout:
    """Make the session of a charge; asked twice, Stripe shows the same one.

    A session the charge has already is shown again, or closed before another opens.
    """
    key = f"{charge.id}-checkout"
    if charge.reference is not None:
        standing = _still_open(charge, charge.reference, ctx)
        if standing is not None:
            return standing
        key += f"-{charge.reference[-12:]}"
    made = client.call(ctx, "POST", _SESSIONS, form=session_for(charge), key=key)
    return _checkout(made, ctx)


def session_for(charge: ledger.Charge) -> dict[str, str]:
    """Build the session. A session's metadata doesn't reach the payment intent, so
    both get it."""
    name = f"Invoice {charge.invoice.number}"
    mark = "&" if "?" in charge.return_url else "?"
    form = {
        "mode": "payment",
        "client_reference_id": charge.id,
        "success_url": f"{charge.return_url}{mark}session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": charge.cancel_url,
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": charge.amount.currency.lower(),
        "line_items[0][price_data][unit_amount]": amounts.wire(charge.amount),
        "line_items[0][price_data][product_data][name]": name,
        "payment_intent_data[description]": name,
    }
    for holder in ("metadata", "payment_intent_data[metadata]"):
        form[f"{holder}[hub_payment]"] = charge.id
        form[f"{holder}[hub_invoice]"] = charge.invoice.number
    if _EMAIL.fullmatch(charge.invoice.company.email):
        form["customer_email"] = charge.invoice.company.email
    return form


def settle(charge: ledger.Charge, ctx: Context) -> list[Fact]:
    """Ask the charge's session what became of it."""
    if charge.reference is None:
        return []
    answer, session = _session(charge, charge.reference, ctx)
    live = client.mode(ctx) == "live"
    if session["status"] == "expired":
        at = min(ctx.now(), session["expires_at"] or ctx.now())
        told = Told(at=at, id=f"session:{session['id']}:expired", live=live)
        return list(understood(lambda: list(resources.session_expired(answer, told))))
    # An open one may hold a declined try: the payer may still try again.
    intent = answer.get("payment_intent")
    if session["status"] != "complete" or not isinstance(intent, dict):
        return []
    return _money(intent, charge.reference, live, ctx)


def cancel(charge: ledger.Charge, ctx: Context) -> list[Fact]:
    """Close the charge's session, if it is open still, and say what came of it."""
    if charge.reference is None:
        return []
    _, found = _session(charge, charge.reference, ctx)
    if found["status"] == "open":
        try:
            _expire(charge, charge.reference, ctx)
        except RejectedError:
            # Somebody paid on it just now, or its time was over.
            _, found = _session(charge, charge.reference, ctx)
            if found["status"] == "open":
                raise
    return settle(charge, ctx)


def refund(payment: ledger.Payment, amount: Money, ctx: Context) -> list[Fact]:
    """Give part of a payment back, or what is left of it."""
    # Payments older than payment intents are charges.
    of = "charge" if payment.reference.startswith(("ch_", "py_")) else "payment_intent"
    made = client.call(
        ctx,
        "POST",
        "/v1/refunds",
        form={of: payment.reference, "amount": amounts.wire(amount)},
        key=ctx.idempotency_key("refund"),
    )
    return [fetching.refund(made, ctx, live=client.mode(ctx) == "live")]


def _session(
    charge: ledger.Charge, reference: str, ctx: Context
) -> tuple[dict[str, Any], dict[str, Any]]:
    path = f"{_SESSIONS}/{client.segment(reference)}"
    answer = client.call(ctx, "GET", path, params=_MONEY)
    found = understood(schemas.read, schemas.Session, answer, "checkout session")
    if found["client_reference_id"] != charge.id:
        raise UnexpectedResponseError("Stripe's session belongs to another payment.")
    return answer, found


def _still_open(
    charge: ledger.Charge, reference: str, ctx: Context
) -> ledger.Checkout | None:
    answer, found = _session(charge, reference, ctx)
    if found["status"] == "complete":
        raise RejectedError(
            "The client is through with the checkout already: wait for the payment, or"
            " check it now.",
            code="checkout_complete",
        )
    if found["status"] != "open":
        return None
    if amounts.wire(charge.amount) == str(found["amount_total"]):
        return _checkout(answer, ctx)
    _expire(charge, reference, ctx)
    return None


def _expire(charge: ledger.Charge, reference: str, ctx: Context) -> None:
    path = f"{_SESSIONS}/{client.segment(reference)}/expire"
    client.call(ctx, "POST", path, form={}, key=f"{charge.id}-expire-{reference[-12:]}")


def _checkout(answer: Mapping[str, Any], ctx: Context) -> ledger.Checkout:
    match answer:
        case {"id": str(reference), "url": str(url)} if url.startswith("https://"):
            # An account may have a page address of its own, which is used as it is.
            ours = urlsplit(url).hostname == PAGES_HOST
            page = ctx.http.rewrite(url) if ours else url
            return ledger.Checkout(reference=reference, url=page)
    raise UnexpectedResponseError("Stripe's session has no id or no page.")


def _money(data: dict[str, Any], checkout: str, live: bool, ctx: Context) -> list[Fact]:
    """Read the payment of a completed session, with fee, net and refunds."""
    found = understood(schemas.read, schemas.PaymentIntent, data, "payment intent")
    charge = data.get("latest_charge")
    charge = charge if isinstance(charge, dict) else {}
    told = _told(found, charge, live, ctx)
    # A completed session has no second try: the bank's no is final.
    facts: list[Fact] = understood(
        lambda: list(resources.intent(data, told, checkout=checkout, final=True))
    )
    if charge.get("amount_refunded"):
        of = {"payment_intent": found["id"]}
        facts += fetching.listed_refunds(ctx, live=live, **of)
    return facts


def _told(
    found: Mapping[str, Any], charge: Mapping[str, Any], live: bool, ctx: Context
) -> Told:
    """Say since when it stands. What waits has waited since it was asked for, so that
    no word of its end is older; what ended is as it is now."""
    id = f"payment_intent:{found['id']}:{found['status']}"
    if found["status"] == "processing":
        tried = understood(schemas.read, schemas.Charge, charge, "charge")
        return Told(at=tried["created"], id=id, live=live)
    kept = understood(resources.balance, found)
    # The fee is known a little later than the payment.
    mark = f":{kept['id']}" if kept else ""
    return Told(at=found["canceled_at"] or ctx.now(), id=id + mark, live=live)
