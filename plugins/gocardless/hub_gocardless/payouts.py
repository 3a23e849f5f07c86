"""Payouts as facts: what arrived, of which payments it is made, and what was kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from hub.sdk.facts import Fact, FeeCharged, PayoutLine, PayoutMade
from hub.sdk.money import Money
from hub_gocardless import schemas
from hub_gocardless.resources import Told

_STATES: Final[Mapping[str, Any]] = {"paid": "paid", "bounced": "failed"}
_PAYMENT: Final = "payment_paid_out"
_FEES: Final = frozenset({"gocardless_fee", "app_fee", "surcharge_fee"})
# What the sum of the items and the payout differ by, if it ever does.
_REST: Final = "rounding"


def payout(data: object, items: Iterable[object], told: Told) -> Iterator[Fact]:
    """Read a payout with its items, none if they can't be had any more."""
    found = schemas.read(schemas.Payout, data, "payout")
    known = [schemas.read(schemas.PayoutItem, each, "payout item") for each in items]
    currency = found["currency"]
    amount = schemas.money(found["amount"], currency, "payout")
    lines = _lines(known, amount)
    fees = found["deducted_fees"]
    id = told.id or f"payout:{found['id']}:{found['status']}"
    yield PayoutMade(
        id=id,
        as_of=told.at,
        reference=found["id"],
        amount=amount,
        state=_STATES.get(found["status"], "pending"),
        payments=tuple(
            sorted({line.payment for line in lines if _paid(line) and line.payment})
        ),
        fees=None if fees is None else Money(fees, currency),
        arrives_on=found["arrival_date"] or "",
        lines=lines,
        url=told.site.page("payouts", found["id"]),
    )
    yield from _fees(lines, found["id"], id, told)


def _lines(items: Sequence[Mapping[str, Any]], amount: Money) -> tuple[PayoutLine, ...]:
    """Round the items, which have fractions, so that they add up to the payout.

    The running sum is rounded, and each line is what it rises by.
    """
    ordered = sorted(items, key=_order)
    lines: list[PayoutLine] = []
    exact, whole = Decimal(0), 0
    for item in ordered:
        exact += item["amount"]
        rise = int(exact.to_integral_value(ROUND_HALF_UP)) - whole
        whole += rise
        lines.append(
            PayoutLine(
                kind=item["type"],
                amount=Money(rise, amount.currency),
                payment=(item["links"] or {}).get("payment"),
            )
        )
    if lines and whole != amount.minor:
        rest = Money(amount.minor - whole, amount.currency)
        lines.append(PayoutLine(kind=_REST, amount=rest))
    return tuple(lines)


def _order(item: Mapping[str, Any]) -> tuple[bool, str, str, Decimal]:
    """Whole amounts first, so that fractions fall to the fees; else any fixed order."""
    links = item["links"] or {}
    return (
        item["amount"] % 1 != 0 or item["type"] in _FEES,
        links.get("payment") or "",
        item["type"],
        item["amount"],
    )


def _paid(line: PayoutLine) -> bool:
    return line.kind == _PAYMENT


def _fees(
    lines: Iterable[PayoutLine], reference: str, id: str, told: Told
) -> Iterator[FeeCharged]:
    """Say what each payment cost, as far as it is said of one."""
    kept: dict[str, Money] = {}
    for line in lines:
        if line.kind in _FEES and line.payment:
            so_far = kept.get(line.payment, Money(0, line.amount.currency))
            kept[line.payment] = Money(
                so_far.minor - line.amount.minor, line.amount.currency
            )
    for payment, fee in sorted(kept.items()):
        if fee.minor:
            yield FeeCharged(
                id=f"{id}:fee:{payment}",
                as_of=told.at,
                reference=f"{reference}/{payment}",
                payment=payment,
                amount=fee,
            )
