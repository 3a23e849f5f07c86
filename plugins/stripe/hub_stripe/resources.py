"""Stripe's objects as facts; pure, and the same for webhooks and API replies.

A payment is named by its payment intent, whatever tells of it: session, intent,
invoice, refund or dispute. So the ledger books it once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.sdk.facts import (
    Match,
    PaymentCancelled,
    PaymentFact,
    PaymentFailed,
    PaymentPending,
    PaymentReceived,
)
from hub_stripe import schemas
from hub_stripe.provider import DASHBOARD


@dataclass(frozen=True, kw_only=True)
class Told:
    """When something was told, under which id, and of which of Stripe's two worlds."""

    at: datetime
    id: str
    live: bool = False

    def page(self, reference: str) -> str:
        """Return the payment's page in the dashboard."""
        world = "" if self.live else "/test"
        return f"{DASHBOARD}{world}/payments/{reference}"


def _match(metadata: Mapping[str, Any] | None, **known: Any) -> Match:
    ours = metadata or {}
    return Match(
        charge=ours.get("hub_payment") or known.get("charge") or None,
        checkout=known.get("checkout"),
        invoice_number=ours.get("hub_invoice") or known.get("number") or None,
    )


def session(data: object, told: Told) -> Iterator[PaymentFact]:
    """Read a session the payer is done with: paid, or waiting for a bank.

    A subscription's session has no payment intent; its invoices tell of the money.
    """
    found = schemas.read(schemas.Session, data, "checkout session")
    if found["payment_intent"] is None or found["payment_status"] not in (
        "paid",
        "unpaid",
    ):
        return
    about = _about_session(found, told)
    if found["payment_status"] == "paid":
        yield PaymentReceived(**about)
    else:
        yield PaymentPending(reason="processing", **about)


def session_failed(data: object, told: Told) -> Iterator[PaymentFact]:
    """Read a session whose bank payment did not come."""
    found = schemas.read(schemas.Session, data, "checkout session")
    if found["payment_intent"] is not None:
        yield PaymentFailed(
            reason="async_payment_failed", **_about_session(found, told)
        )


def session_expired(data: object, told: Told) -> Iterator[PaymentFact]:
    """Read a session nobody paid through; without an intent it stands for itself."""
    found = schemas.read(schemas.Session, data, "checkout session")
    if found["mode"] == "payment" and found["amount_total"]:
        yield PaymentCancelled(**_about_session(found, told))


def _about_session(found: Mapping[str, Any], told: Told) -> dict[str, Any]:
    reference = found["payment_intent"] or found["id"]
    return {
        "id": told.id,
        "as_of": told.at,
        "reference": reference,
        "amount": schemas.money(
            found["amount_total"] or 0, found["currency"] or "", "checkout session"
        ),
        "match": _match(
            found["metadata"], charge=found["client_reference_id"], checkout=found["id"]
        ),
        "method": "stripe",
        "url": told.page(reference) if found["payment_intent"] else "",
    }


def intent(
    data: object,
    told: Told,
    *,
    number: str | None = None,
    checkout: str | None = None,
    final: bool = False,
) -> Iterator[PaymentFact]:
    """Read a payment intent. `number` and `checkout` are what else is known of it.

    A declined try of the hub's own checkout is not the end, unless it is `final`:
    the payer may try again on the same page, which tells itself how it ended.
    """
    found = schemas.read(schemas.PaymentIntent, data, "payment intent")
    about = _about_intent(found, told, number, checkout)
    match found["status"]:
        case "succeeded":
            about["amount"] = schemas.money(
                found["amount_received"] or found["amount"],
                found["currency"],
                "payment intent",
            )
            yield PaymentReceived(**about, **_fee(found))
        case "processing":
            yield PaymentPending(reason="processing", **about)
        case "canceled":
            yield PaymentCancelled(**about)
        case "requires_payment_method" if final or not about["match"].charge:
            reason = _failure(found) or ("failed" if final else "")
            if reason:
                yield PaymentFailed(reason=reason, **about)


def _failure(found: Mapping[str, Any]) -> str:
    """Return why the last try failed, in Stripe's words; nothing if there was none."""
    error = found["last_payment_error"] or {}
    return error.get("decline_code") or error.get("code") or ("failed" if error else "")


def _about_intent(
    found: Mapping[str, Any], told: Told, number: str | None, checkout: str | None
) -> dict[str, Any]:
    return {
        "id": told.id,
        "as_of": told.at,
        "reference": found["id"],
        "amount": schemas.money(found["amount"], found["currency"], "payment intent"),
        "match": _match(found["metadata"], checkout=checkout, number=number),
        "method": "stripe",
        "url": told.page(found["id"]),
    }


def _fee(found: Mapping[str, Any]) -> dict[str, Any]:
    """Read fee and net, where they were asked for and are in the payment's currency."""
    kept = balance(found)
    if kept is None or kept["currency"] != found["currency"]:
        return {}
    fee = schemas.money(kept["fee"], kept["currency"], "fee")
    return {"fee": fee, "net": schemas.money(kept["net"], kept["currency"], "net")}


def balance(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the expanded balance transaction of an intent's charge."""
    charge = found["latest_charge"]
    kept = charge.get("balance_transaction") if isinstance(charge, Mapping) else None
    if not isinstance(kept, Mapping):
        return None
    return schemas.read(schemas.BalanceTransaction, kept, "balance transaction")


def legacy_invoice(found: Mapping[str, Any], told: Told) -> Iterator[PaymentFact]:
    """Read a paid invoice of the older shape, which names its payment intent."""
    if not found["amount_paid"] or found["paid_out_of_band"]:
        return
    reference = found["payment_intent"]
    yield PaymentReceived(
        id=told.id,
        as_of=told.at,
        reference=reference,
        amount=schemas.money(found["amount_paid"], found["currency"], "invoice"),
        match=_match(found["metadata"], number=found["number"]),
        method="stripe",
        url=told.page(reference),
    )


def paid_invoice(found: Mapping[str, Any], told: Told) -> Iterator[PaymentFact]:
    """Read a fetched invoice with the intents that paid it.

    Money that came another way (out of band) is none of Stripe's.
    """
    ours = found["metadata"] or {}
    for item in (found["payments"] or {"data": []})["data"]:
        paid_by = (item["payment"] or {}).get("payment_intent")
        if item["status"] != "paid" or paid_by is None:
            continue
        each = Told(at=told.at, id=f"{told.id}:{item['id']}", live=told.live)
        yield from intent(
            paid_by, each, number=ours.get("hub_invoice") or found["number"]
        )
