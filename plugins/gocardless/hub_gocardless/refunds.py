"""Money given back by the hub."""

from typing import Any, Final

from hub.sdk import ledger
from hub.sdk.context import Context
from hub.sdk.facts import Fact
from hub.sdk.money import Money
from hub_gocardless import client, events, resources, schemas
from hub_gocardless.provider import site
from hub_gocardless.resources import Told

_REFUNDS: Final = "refunds"
_NEVER: Final = frozenset({"cancelled", "failed", "bounced", "funds_returned"})


def refund(payment: ledger.Payment, amount: Money, ctx: Context) -> list[Fact]:
    """Give part of a payment back, or what is left of it.

    Those under way are asked for first: the total that GoCardless wants confirmed
    has them in it, and one of them may be this very refund, asked for before.
    """
    key = ctx.idempotency_key("refund")
    known = [_read(item) for item in _listed(payment, ctx)]
    ours = [each for each in known if (each["metadata"] or {}).get("hub_refund") == key]
    if ours:
        made = client.get(ctx, _REFUNDS, ours[0]["id"])
    else:
        living = sum(e["amount"] for e in known if e["status"] not in _NEVER)
        asked = refund_for(payment, amount, living + amount.minor, key)
        made = client.create(ctx, _REFUNDS, asked, key=key)
    told = Told(at=ctx.now(), site=site(ctx.settings))
    return events.understood(lambda: resources.refund(made, told))


def refund_for(
    payment: ledger.Payment, amount: Money, total: int, key: str
) -> dict[str, Any]:
    """Build the refund; `total` is all that will have been given back."""
    return {
        "amount": amount.minor,
        "total_amount_confirmation": total,
        "metadata": {"hub_refund": key},
        "links": {"payment": payment.reference},
    }


def _listed(payment: ledger.Payment, ctx: Context) -> list[dict[str, Any]]:
    return list(client.listed(ctx, _REFUNDS, payment=payment.reference))


def _read(item: object) -> dict[str, Any]:
    (found,) = events.understood(lambda: [schemas.read(schemas.Refund, item, "refund")])
    return found
