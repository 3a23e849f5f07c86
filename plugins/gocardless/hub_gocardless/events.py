"""Events as facts: each says what happened to what; the thing itself is fetched."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    PayloadError,
    ProviderError,
    RateLimitError,
    RejectedError,
    UnexpectedResponseError,
)
from hub.sdk.facts import Fact
from hub_gocardless import client, payouts, resources, schemas
from hub_gocardless.provider import site
from hub_gocardless.resources import Told

_Read = TypeVar("_Read")
_Thing = list[dict[str, Any]]

# Others are ignored: what settles a late failure or a chargeback in a payout tells
# old bad news again.
PAYMENT_ACTIONS: Final = frozenset(
    {
        *("created", "submitted", "confirmed", "paid_out", "failed", "cancelled"),
        *("customer_approval_granted", "customer_approval_skipped"),
        *("customer_approval_denied", "resubmission_requested"),
        *("charged_back", "chargeback_cancelled"),
    }
)
_GONE: Final = 410


class Fetched:
    """What the events of one webhook or page point to; each is fetched once, and
    what fails once is not tried again for the next event."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self._known: dict[tuple[str, str], _Thing | ProviderError] = {}
        self._stopped: ProviderError | None = None

    def get(self, kind: str, id: str) -> dict[str, Any]:
        """Return a resource as it is now."""
        return self._once(kind, id, lambda: [client.get(self.ctx, kind, id)])[0]

    def items(self, payout: str) -> _Thing:
        """Return a payout's items; after six months they can't be had any more."""
        return self._once("payout_items", payout, lambda: self._items(payout))

    def _items(self, payout: str) -> _Thing:
        try:
            return list(client.listed(self.ctx, "payout_items", payout=payout))
        except RejectedError as error:
            if error.status == _GONE:
                return []
            raise

    def _once(self, kind: str, id: str, fetch: Callable[[], _Thing]) -> _Thing:
        if (kind, id) not in self._known:
            self._known[kind, id] = self._tried(fetch)
        found = self._known[kind, id]
        if isinstance(found, ProviderError):
            raise found
        return found

    def _tried(self, fetch: Callable[[], _Thing]) -> _Thing | ProviderError:
        if self._stopped is not None:
            return self._stopped
        try:
            return fetch()
        except ProviderError as error:
            # The next call would be refused for the same reason.
            if isinstance(error, RateLimitError | CredentialsError):
                self._stopped = error
            return error


def understood(read: Callable[[], Iterable[_Read]]) -> list[_Read]:
    """Read what GoCardless answered: what can't be read there is drift."""
    try:
        return list(read())
    except PayloadError as error:
        raise UnexpectedResponseError(str(error)) from error


def told(event: Mapping[str, Any], ctx: Context) -> Told:
    """Say what an event tells beside the thing itself."""
    return Told(
        at=event["created_at"],
        site=site(ctx.settings),
        id=event["id"],
        action=event["action"],
        details=event["details"] or {},
    )


def facts_of(event: Mapping[str, Any], fetched: Fetched) -> list[Fact]:
    """Understand one event; nothing where it is of a kind we don't know."""
    read = _READERS.get(event["resource_type"])
    if read is None:
        return []
    return understood(lambda: read(event, fetched))


def _payment(event: Mapping[str, Any], fetched: Fetched) -> Iterator[Fact]:
    if event["action"] in PAYMENT_ACTIONS:
        found = fetched.get("payments", _link(event, "payment"))
        yield from resources.payment(found, told(event, fetched.ctx))


def _mandate(event: Mapping[str, Any], fetched: Fetched) -> Iterator[Fact]:
    about = told(event, fetched.ctx)
    next_one = None
    if event["action"] == "replaced":
        next_one = _link(event, "new_mandate")
    found = fetched.get("mandates", _link(event, "mandate"))
    yield resources.mandate(found, about, replaced_by=next_one)
    if next_one:
        at = {name: getattr(about, name) for name in ("at", "site")}
        new = Told(id=f"{about.id}:new", **at)
        yield resources.mandate(fetched.get("mandates", next_one), new)


def _refund(event: Mapping[str, Any], fetched: Fetched) -> Iterator[Fact]:
    if event["action"] != "refund_settled":
        found = fetched.get("refunds", _link(event, "refund"))
        yield from resources.refund(found, told(event, fetched.ctx))


def _payout(event: Mapping[str, Any], fetched: Fetched) -> Iterator[Fact]:
    id = _link(event, "payout")
    found, items = fetched.get("payouts", id), fetched.items(id)
    yield from payouts.payout(found, items, told(event, fetched.ctx))


def _billing_request(event: Mapping[str, Any], fetched: Fetched) -> Iterator[Fact]:
    """What a client set up or paid on a hosted page. That one left it, or that a
    bank refused, is not the end: the page stays open."""
    if event["action"] not in ("fulfilled", "cancelled"):
        return
    found = fetched.get("billing_requests", _link(event, "billing_request"))
    yield from billing_request(found, told(event, fetched.ctx), fetched)


def billing_request(data: object, about: Told, fetched: Fetched) -> Iterator[Fact]:
    """Read a billing request with the mandate and the payment that came of it."""
    found = schemas.read(schemas.BillingRequest, data, "billing request")
    links, ours = found["links"] or {}, found["metadata"] or {}
    if mandate := links.get("mandate_request_mandate"):
        yield resources.mandate(
            fetched.get("mandates", mandate),
            about,
            request=ours.get("hub_request"),
            checkout=found["id"],
        )
    if payment := links.get("payment_request_payment"):
        id = f"{about.id}:payment" if about.id else ""
        yield from resources.payment(
            fetched.get("payments", payment),
            Told(at=about.at, site=about.site, id=id),
            resources.match_of(found, checkout=found["id"]),
        )
    else:
        yield from resources.checkout(found, about)


def _link(event: Mapping[str, Any], name: str) -> str:
    id = (event["links"] or {}).get(name)
    if id is None:
        raise PayloadError(f"GoCardless's event names no {name}.")
    return str(id)


_Reader = Callable[[Mapping[str, Any], Fetched], Iterator[Fact]]
_READERS: Final[Mapping[str, _Reader]] = {
    "payments": _payment,
    "mandates": _mandate,
    "refunds": _refund,
    "payouts": _payout,
    "billing_requests": _billing_request,
}
