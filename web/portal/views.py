"""The page behind a link: an invoice, a quote, or a company's open invoices."""

from dataclasses import dataclass
from typing import Any, Final

from flask import render_template, request, url_for

from hub.core.checkouts.checkout import Offer, offers, standing
from hub.core.configuration.live import live
from hub.core.ledger import charges
from hub.core.ledger import quotes as ledger_quotes
from hub.core.queries import portal
from hub.sdk.errors import NotFoundError
from hub.sdk.money import Money
from web.hub import the_hub
from web.portal import entrance
from web.portal.history import history
from web.portal.words import Notice, debit, notice

# How long until the page looks again, by how often it did; then a person has to.
_LOOKS: Final = (2, 3, 3, 5, 5, 5, 10, 10, 15, 15, 30, 30, 60, 60, 60, 60)


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to pay, as its button says it."""

    slug: str
    label: str
    kind: str


@entrance.pages.get("")
def index() -> str:
    """What the link is for."""
    with the_hub().read() as session:
        link = entrance.link(session)
        show = {"invoice": _invoice, "quote": quote_page, "company": _company}
        shown = show[portal.kind_of(link)](session, link)
    entrance.opened()
    return shown


def title_of(connection_id: str) -> str:
    """How clients know a connection."""
    try:
        return live(the_hub()).by_id(connection_id).title
    except NotFoundError:
        return ""


def _company(session: Any, link: Any) -> str:
    if request.args.get("invoice"):
        return _invoice(session, link)
    company = portal.company(session, link)
    rows = portal.open_invoices(session, company.id)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row.currency] = totals.get(row.currency, 0) + row.open_minor
    return render_template(
        "portal/company.html",
        company=company,
        rows=rows,
        totals=totals,
        notice=_debit(session, link),
    )


def quote_page(session: Any, link: Any, problem: str = "") -> str:
    """A quote, with the form to answer it while it can be."""
    row = portal.quote(session, link)
    return render_template(
        "portal/quote.html",
        row=row,
        expired=ledger_quotes.is_expired(session, row),
        problem=problem,
        form=request.form,
    )


def _invoice(session: Any, link: Any) -> str:
    row = portal.invoice(session, link, request.args.get("invoice", ""))
    attempt = portal.charge(session, link, request.args.get("charge", ""))
    mine = attempt is not None and attempt.invoice_id == row.id
    found = standing(session, attempt.id if attempt and mine else row.id)
    tried = portal.charge(session, link, found.charge_id or "")
    # One that never had a page at the provider is nothing the payer has seen.
    unseen = found.state == "failed" and tried is not None and not tried.reference
    asked = request.args.get("state", "")
    said = None if unseen else notice(found, row, asked=asked)
    said = _debit(session, link) or said
    return invoice_page(session, link, row, said)


def invoice_page(
    session: Any, link: Any, row: Any, said: Notice | None, problem: str = ""
) -> str:
    """An invoice, how its payment stands, and the ways to pay what is left."""
    left = max(0, row.open_minor - charges.on_its_way(session, row))
    ways = [_way(each) for each in offers(session, row)] if left else []
    by_debit = portal.can_be_collected(session, row.company_id)
    look = request.args.get("look", 0, type=int)
    return render_template(
        "portal/invoice.html",
        row=row,
        left=left,
        plain_left=str(Money(left, row.currency)),
        ways=_distinct([way for way in ways if way.kind == "checkout"]),
        debits=[] if by_debit else _distinct([w for w in ways if w.kind == "mandate"]),
        by_debit=by_debit,
        part=the_hub().settings.part_payments,
        notice=said,
        problem=problem,
        form=request.form,
        history=history(row, portal.money(session, row.id), _title),
        within=portal.kind_of(link) == "company",
        refresh=_refresh(look) if said and said.waits else None,
    )


def _debit(session: Any, link: Any) -> Notice | None:
    asked = request.args.get("debit", "")
    return debit(portal.mandate_request(session, link, asked))


def address(link: Any, invoice_id: str, **more: Any) -> str:
    """Where an invoice is shown by this link."""
    if portal.kind_of(link) == "company":
        more["invoice"] = invoice_id
    return url_for("portal.index", **more)


def _refresh(look: int) -> tuple[int, str] | None:
    if not 0 <= look < len(_LOOKS):
        return None
    kept: dict[str, Any] = {
        name: request.args[name]
        for name in ("invoice", "charge")
        if request.args.get(name)
    }
    return _LOOKS[look], url_for("portal.index", **kept, look=look + 1)


def _way(offer: Offer) -> Way:
    provider = live(the_hub()).by_slug(offer.slug).provider
    label = provider.checkout_label if provider else ""
    if offer.kind == "mandate":
        label = "Set up direct debit"
    return Way(
        slug=offer.slug, label=label or f"Pay with {offer.title}", kind=offer.kind
    )


def _distinct(ways: list[Way]) -> list[Way]:
    """Two accounts at one provider look the same to a client: one button is enough."""
    found: dict[str, Way] = {}
    for way in ways:
        found.setdefault(way.label, way)
    return list(found.values())


def _title(plugin: str) -> str:
    known = {each.name: each.provider for each in the_hub().plugins.all()}
    provider = known.get(plugin)
    return provider.title if provider else ""
