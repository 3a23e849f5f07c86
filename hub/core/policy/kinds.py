"""The kinds of events as the policy sees them: in plain words, and what holds for each
where nobody decided otherwise. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from hub.sdk.events import EVENT_TYPES

Audience = Literal["channel", "contact", "staff"]
Reach = Literal["channel", "phone", "email"]
WHENS: Final = ("off", "now", "hourly", "daily")
DIGESTS: Final = ("hourly", "daily")
AUDIENCES: Final[tuple[Audience, ...]] = ("channel", "contact", "staff")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One event type.

    `many` is the heading of a digest of several ("14 invoices became overdue"),
    `one` of a single one; `page` lists what it is about. `critical` can't be muted
    or grouped, `noisy` may be told by the hour or day. A client's contact hears of
    it by the ways in `contact`, and by no others unless an admin says so.
    """

    type: str
    title: str
    one: str
    many: str
    page: str
    critical: bool = False
    noisy: bool = False
    admins: bool = False
    contact: frozenset[str] = frozenset()

    def heading(self, count: int) -> str:
        """`14 invoices became overdue`."""
        return self.one if count == 1 else f"{count} {self.many}"

    def plainly(self, data: Mapping[str, Any]) -> str:
        """What nobody put into words: the kind, its number and whose it is."""
        company = data.get("company")
        owner = company.get("name") if isinstance(company, Mapping) else None
        parts = (data.get("number"), owner or data.get("name"))
        return ": ".join([self.title, *(str(part) for part in parts if part)])


_BY_MAIL = frozenset({"email"})
_BY_BOTH = frozenset({"email", "phone"})
_INVOICES, _COMPANIES = "/invoices", "/companies"
_PAYMENTS, _QUOTES, _OTHER = "/payments", "/quotes", "/events"

_KINDS: Final = (
    Kind(
        type="payment.received",
        title="Payment received",
        one="1 payment was received",
        many="payments were received",
        page=_PAYMENTS,
        noisy=True,
        contact=_BY_BOTH,
    ),
    Kind(
        type="payment.failed",
        title="Payment failed",
        one="1 payment failed",
        many="payments failed",
        page=_PAYMENTS,
    ),
    Kind(
        type="payment.refunded",
        title="Payment refunded",
        one="1 payment was refunded",
        many="payments were refunded",
        page=_PAYMENTS,
    ),
    Kind(
        type="payment.disputed",
        title="Payment disputed or charged back",
        one="1 payment is disputed",
        many="payments are disputed",
        page=_PAYMENTS,
        critical=True,
    ),
    Kind(
        type="invoice.created",
        title="Invoice created",
        one="1 invoice was created",
        many="invoices were created",
        page=_INVOICES,
        noisy=True,
    ),
    Kind(
        type="invoice.updated",
        title="Invoice changed",
        one="1 invoice was changed",
        many="invoices were changed",
        page=_INVOICES,
        noisy=True,
    ),
    Kind(
        type="invoice.sent",
        title="Invoice sent",
        one="1 invoice was sent",
        many="invoices were sent",
        page=_INVOICES,
        noisy=True,
        contact=_BY_MAIL,
    ),
    Kind(
        type="invoice.paid",
        title="Invoice paid in full",
        one="1 invoice was paid",
        many="invoices were paid",
        page=_INVOICES,
        noisy=True,
    ),
    Kind(
        type="invoice.overdue",
        title="Invoice overdue",
        one="1 invoice became overdue",
        many="invoices became overdue",
        page=_INVOICES,
        noisy=True,
        contact=_BY_BOTH,
    ),
    Kind(
        type="invoice.anomaly",
        title="Something looks unusual",
        one="1 invoice looks unusual",
        many="invoices look unusual",
        page=_INVOICES,
    ),
    Kind(
        type="quote.accepted",
        title="Quote accepted",
        one="1 quote was accepted",
        many="quotes were accepted",
        page=_QUOTES,
    ),
    Kind(
        type="quote.declined",
        title="Quote declined",
        one="1 quote was declined",
        many="quotes were declined",
        page=_QUOTES,
    ),
    Kind(
        type="company.changed",
        title="Client changed",
        one="1 client was changed",
        many="changes to clients",
        page=_COMPANIES,
        noisy=True,
    ),
    Kind(
        type="device_count.changed",
        title="Number of devices changed",
        one="1 device count changed",
        many="device counts changed",
        page="/devices",
        noisy=True,
    ),
    Kind(
        type="alert.raised",
        title="Alert raised",
        one="1 alert was raised",
        many="alerts were raised",
        page=_OTHER,
        noisy=True,
    ),
    Kind(
        type="alert.resolved",
        title="Alert resolved",
        one="1 alert was resolved",
        many="alerts were resolved",
        page=_OTHER,
        noisy=True,
    ),
    Kind(
        type="mandate.changed",
        title="Direct debit mandate changed",
        one="1 mandate changed",
        many="mandates changed",
        page="/mandates",
        noisy=True,
    ),
    Kind(
        type="connection.failing",
        title="Connection failing",
        one="1 connection is failing",
        many="connections are failing",
        page="/settings",
        critical=True,
        admins=True,
    ),
    Kind(
        type="connection.recovered",
        title="Connection works again",
        one="1 connection works again",
        many="connections work again",
        page="/settings",
        admins=True,
    ),
)
KINDS: Final[Mapping[str, Kind]] = {kind.type: kind for kind in _KINDS}
CRITICAL: Final = frozenset(kind.type for kind in _KINDS if kind.critical)
NOISY: Final = frozenset(kind.type for kind in _KINDS if kind.noisy)
assert tuple(KINDS) == EVENT_TYPES  # noqa: S101 - a new type needs its words here


def of(type: str) -> Kind:
    """The kind of this event type; what a plugin emits as its own is told as it is."""
    known = KINDS.get(type)
    if known is not None:
        return known
    return Kind(
        type=type, title=type, one=f"1 event {type}", many=f"events {type}", page="/"
    )


def default(type: str, audience: str, *, reach: str = "channel") -> str:
    """What holds where no admin decided: `off` or `now`. A new connection hears all
    that its plugin implements; to staff `now` means: to whoever asked for it."""
    if audience == "contact":
        return "now" if reach in of(type).contact else "off"
    return "now"


def choices(type: str, audience: str, *, reach: str, summarises: bool) -> list[str]:
    """What can be chosen: a digest only of noisy kinds, where one can be written, and
    never to clients, who are written to about one thing at a time."""
    whole = audience == "contact" or type not in NOISY
    if whole or not (summarises or reach == "email"):
        return ["off", "now"]
    return list(WHENS)
