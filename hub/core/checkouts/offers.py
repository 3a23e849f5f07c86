"""Which ways to pay an invoice has right now: those of healthy connections."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.boot import hub_of
from hub.core.configuration.live import live
from hub.core.models import Company, Invoice, Outage
from hub.sdk.provider import Provider

Kind = Literal["checkout", "mandate"]
_KINDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("checkout", ("start_checkout", "finish_checkout")),
    ("mandate", ("start_mandate", "collect_payment")),
)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One way to pay: on a hosted page, or by direct debit from now on."""

    slug: str
    plugin: str
    title: str
    kind: Kind


def offers(
    session: Session, invoice: Invoice | None = None, company: Company | None = None
) -> list[Offer]:
    """The ways there are, by slug; none for an invoice that needs no money. Only what
    takes the invoice's currency, and for mandates the company's."""
    if invoice is not None and invoice.state not in ("open", "partially_paid"):
        return []
    hub = hub_of(session)
    troubled = set(
        session.scalars(select(Outage.connection_id).where(Outage.ended_at.is_(None)))
    )
    payer = company or (invoice.company if invoice else None)
    wanted = {
        "checkout": invoice.currency if invoice else None,
        "mandate": payer.currency if payer else None,
    }
    return [
        Offer(slug=each.slug, plugin=each.plugin, title=each.title, kind=kind)
        for each in live(hub).all()
        if each.state == "active" and each.working and not each.error
        if each.id not in troubled
        for kind, hooks in _KINDS
        if all(hub.plugins.has(each.plugin, hook) for hook in hooks)
        if _takes(each.provider, kind, wanted[kind])
    ]


def _takes(provider: Provider | None, kind: Kind, currency: str | None) -> bool:
    if provider is None or currency is None:
        return True
    taken = {
        "checkout": provider.checkout_currencies,
        "mandate": provider.mandate_currencies,
    }[kind]
    return taken is None or currency in taken
