"""Is an invoice unusual for this client? Its total against the recent ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.ledger.snapshots import invoice_data
from hub.core.models import Invoice
from hub.core.publish import publish
from hub.sdk.money import Money

NEEDED = 4
RECENT = 12
THRESHOLD = Decimal("0.75")
# One median absolute deviation of normally spread values is 0.6745 sigma.
_SIGMA = Decimal("1.4826")
# Even a client who pays the same each month may differ by a tenth of it.
_LEAST_SPREAD = Decimal("0.1")
_FAR = 8  # spreads from the usual at which the score is 1


@dataclass(frozen=True, kw_only=True)
class Anomaly:
    """How unusual an invoice is, from 0 (as always) to 1, and why in plain words."""

    score: Decimal
    reason: str


def judge(total: Money, recent: Sequence[int]) -> Anomaly | None:
    """Compare a total with the client's recent totals in the same currency (minor
    units); None if there are fewer than four. Median and its deviation are robust:
    one odd invoice in the past doesn't hide the next one."""
    if len(recent) < NEEDED:
        return None
    usual = Decimal(median(recent))
    deviation = Decimal(median([abs(Decimal(each) - usual) for each in recent]))
    spread = max(deviation * _SIGMA, usual * _LEAST_SPREAD, Decimal(1))
    distance = abs(total.minor - usual) / spread
    score = min(Decimal(1), distance / _FAR).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return Anomaly(score=score, reason=_reason(total, usual, len(recent)))


def watch(session: Session, invoice: Invoice) -> None:
    """Publish `invoice.anomaly` if the invoice just issued is unusual."""
    total = Money(invoice.total_minor, invoice.currency)
    anomaly = judge(total, _recent(session, invoice))
    if anomaly is None or anomaly.score < THRESHOLD:
        return
    publish(
        session,
        "invoice.anomaly",
        subject=f"invoice:{invoice.id}",
        key=f"invoice.anomaly:{invoice.id}",
        data={
            **invoice_data(invoice),
            "score": str(anomaly.score),
            "reason": anomaly.reason,
        },
    )


def _recent(session: Session, invoice: Invoice) -> Sequence[int]:
    return session.scalars(
        select(Invoice.total_minor)
        .where(
            Invoice.company_id == invoice.company_id,
            Invoice.currency == invoice.currency,
            Invoice.id != invoice.id,
            Invoice.issued_at.is_not(None),
            Invoice.voided_at.is_(None),
        )
        .order_by(Invoice.issue_date.desc(), Invoice.id.desc())
        .limit(RECENT)
    ).all()


def _reason(total: Money, usual: Decimal, count: int) -> str:
    typical = Money(int(usual.to_integral_value(ROUND_HALF_UP)), total.currency)
    text = f"The last {count} invoices were about {typical.format()}"
    if usual > 0 and total.minor >= usual:
        times = (total.minor / usual).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return f"{text}, this one is {total.format()}: {times} times as much."
    if usual > 0:
        share = (100 * total.minor / usual).quantize(Decimal(1), ROUND_HALF_UP)
        return f"{text}, this one is {total.format()}: {share} % of that."
    return f"{text}, this one is {total.format()}."
