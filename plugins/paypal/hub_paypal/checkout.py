"""The payer's way there and back: order, approval, capture, refund.

Whatever the browser brings back is a hint only; the order of the charge is asked.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar

from hub.sdk import ledger
from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, RejectedError, UnexpectedResponseError
from hub.sdk.facts import Fact, Match, PaymentCancelled, PaymentFailed
from hub.sdk.money import Money
from hub_paypal import client, resources
from hub_paypal.provider import WHOLE_CURRENCIES, site

_Read = TypeVar("_Read")

# Three hours to send the payer there, three more to approve.
_ORDER_LIVES: Final = timedelta(hours=6)
# The order stands: the payer hasn't decided, picks another way to pay, or another
# worker of ours is at it. The next return, webhook or check goes on from there.
_GOES_ON: Final = frozenset(
    {
        "ORDER_NOT_APPROVED",
        "ORDER_COMPLETION_IN_PROGRESS",
        "INSTRUMENT_DECLINED",
        "PAYER_ACTION_REQUIRED",
        "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
    }
)
_ENDED: Final = frozenset(
    {
        "PAYER_CANNOT_PAY",
        "TRANSACTION_REFUSED",
        "COMPLIANCE_VIOLATION",
        "TRANSACTION_LIMIT_EXCEEDED",
        "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
    }
)


def start(charge: ledger.Charge, ctx: Context) -> ledger.Checkout:
    """Make the order of a charge; asked twice, PayPal shows the same one."""
    order = client.call(
        ctx,
        "POST",
        "/v2/checkout/orders",
        json=order_for(charge),
        request_id=f"{charge.id}-create",
    )
    match order:
        case {"id": str(reference), "links": list(links)}:
            return ledger.Checkout(reference=reference, url=_page(links, ctx))
    raise UnexpectedResponseError("PayPal's new order has no id or no links.")


def order_for(charge: ledger.Charge) -> dict[str, Any]:
    """Build the order; without items and breakdown there is less to fail."""
    number = charge.invoice.number
    unit = {
        "description": f"Invoice {number}"[:127],
        "custom_id": charge.id,
        "invoice_id": resources.invoice_reference(number, charge.id),
        "amount": wire(charge.amount),
    }
    experience = {
        "user_action": "PAY_NOW",
        "shipping_preference": "NO_SHIPPING",
        "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
        "return_url": charge.return_url,
        "cancel_url": charge.cancel_url,
    }
    return {
        "intent": "CAPTURE",
        "purchase_units": [unit],
        "payment_source": {"paypal": {"experience_context": experience}},
    }


def settle(charge: ledger.Charge, ctx: Context) -> list[Fact]:
    """Capture the charge's order if it is approved, and say what became of it."""
    if charge.reference is None:
        return []
    try:
        order = _order(charge, ctx)
    except RejectedError as error:
        if error.status != 404 or ctx.now() - charge.created_at < _ORDER_LIVES:
            raise
        return [_cancelled(charge, charge.reference, ctx)]
    if order.get("status") == "APPROVED":
        return _captured(charge, charge.reference, ctx)
    if order.get("status") == "VOIDED":
        return [_cancelled(charge, charge.reference, ctx)]
    return list(_money(order, ctx))


def cancel(charge: ledger.Charge, ctx: Context) -> list[Fact]:
    """Say what came of the charge's order, and capture nothing: an order that we
    don't capture takes no money and ends by itself."""
    if charge.reference is None:
        return []
    try:
        return list(_money(_order(charge, ctx), ctx))
    except RejectedError as error:
        if error.status != 404:
            raise
        return []


def refund(payment: ledger.Payment, amount: Money, ctx: Context) -> list[Fact]:
    """Give part of a capture back, or what is left of it."""
    made = client.call(
        ctx,
        "POST",
        f"/v2/payments/captures/{client.segment(payment.reference)}/refund",
        json={"amount": wire(amount)},
        request_id=ctx.idempotency_key("refund"),
    )
    return [_understood(resources.refund, made, ctx)]


def wire(amount: Money) -> dict[str, str]:
    """Write an amount with the decimals PayPal takes."""
    value = str(amount)
    if amount.currency in WHOLE_CURRENCIES:
        value, _, fraction = value.partition(".")
        if fraction.strip("0"):
            raise RejectedError(
                f"PayPal takes {amount.currency} in whole units only; {amount.format()}"
                " can't be paid or refunded there."
            )
    return {"currency_code": amount.currency, "value": value}


def _page(links: list[Any], ctx: Context) -> str:
    for link in links:
        match link:
            # The second belongs to the older way of asking.
            case {"rel": "payer-action" | "approve", "href": str(href)}:
                return ctx.http.rewrite(href)
    raise UnexpectedResponseError("PayPal's order has no page for the payer.")


def _order(charge: ledger.Charge, ctx: Context) -> dict[str, Any]:
    path = f"/v2/checkout/orders/{client.segment(charge.reference or '')}"
    match client.call(ctx, "GET", path):
        case {"purchase_units": [{"custom_id": charge.id}, *_]} as order:
            found: dict[str, Any] = order
            return found
    raise UnexpectedResponseError("PayPal's order belongs to another payment.")


def _captured(charge: ledger.Charge, reference: str, ctx: Context) -> list[Fact]:
    path = f"/v2/checkout/orders/{client.segment(reference)}/capture"
    key = f"{charge.id}-capture"
    try:
        order = client.call(ctx, "POST", path, json={}, request_id=key)
    except RejectedError as error:
        if error.code == "ORDER_ALREADY_CAPTURED":
            return list(_money(_order(charge, ctx), ctx))
        if error.code in _GOES_ON:
            return []
        if error.code in _ENDED or str(error.code).startswith(
            ("PAYER_ACCOUNT_", "PAYEE_")
        ):
            return [_failed(charge, reference, str(error.code), ctx)]
        raise
    return list(_money(order, ctx))


def _money(order: Any, ctx: Context) -> Iterator[Fact]:
    """Read the captures and refunds of an order; its own status says nothing."""
    for unit in client.listed(order, "purchase_units"):
        made = unit.get("payments") or {}
        for found in client.listed(made, "captures"):
            yield _understood(resources.capture, found, ctx)
        for found in client.listed(made, "refunds"):
            yield _understood(resources.refund, found, ctx)


def _understood(read: Callable[..., _Read], found: Any, ctx: Context) -> _Read:
    try:
        return read(found, site(ctx.settings), told=ctx.now())
    except PayloadError as error:
        raise UnexpectedResponseError(str(error)) from error


def _about(charge: ledger.Charge, reference: str, ctx: Context) -> Mapping[str, Any]:
    """What is told of an order no money came of: the order stands for the money."""
    return {
        "as_of": ctx.now(),
        "reference": reference,
        "amount": charge.amount,
        "match": Match(charge=charge.id, checkout=reference),
        "method": "paypal",
    }


def _failed(
    charge: ledger.Charge, reference: str, reason: str, ctx: Context
) -> PaymentFailed:
    return PaymentFailed(
        id=f"order:{reference}:failed",
        reason=reason,
        **_about(charge, reference, ctx),
    )


def _cancelled(charge: ledger.Charge, reference: str, ctx: Context) -> PaymentCancelled:
    return PaymentCancelled(
        id=f"order:{reference}:cancelled", **_about(charge, reference, ctx)
    )
