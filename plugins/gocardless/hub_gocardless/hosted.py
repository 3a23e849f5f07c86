"""GoCardless's hosted pages: a billing request and the flow that leads through it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from hub.sdk import ledger
from hub.sdk.context import Context
from hub.sdk.errors import RejectedError, UnexpectedResponseError
from hub_gocardless import client, events, schemas

_REQUESTS: Final = "billing_requests"
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_REFUSED: Final = 422


def opened(
    ctx: Context,
    made: ledger.Charge | ledger.MandateRequest,
    asked: Mapping[str, Any],
    company: ledger.Company,
) -> ledger.Checkout:
    """Open the page of a billing request: the one there is already, while it can
    still be used, or a new one."""
    found = standing(ctx, made)
    if found is not None and found["status"] in ("fulfilled", "fulfilling"):
        raise RejectedError(
            "The client is through with the page already: wait for GoCardless, or check"
            " it now.",
            code="checkout_complete",
        )
    if found is None or found["status"] == "cancelled":
        mark = f"-{found['id'][-12:]}" if found else ""
        answer = client.create(ctx, _REQUESTS, asked, key=f"{made.id}-request{mark}")
        found = _read(answer)
    return ledger.Checkout(
        reference=found["id"], url=_page(ctx, made, found["id"], company)
    )


def standing(
    ctx: Context, made: ledger.Charge | ledger.MandateRequest
) -> dict[str, Any] | None:
    """Return the billing request of a charge or mandate request, if it has one."""
    return known(ctx, made, made.reference) if made.reference else None


def known(
    ctx: Context, made: ledger.Charge | ledger.MandateRequest, reference: str
) -> dict[str, Any]:
    """Return a billing request that must be the hub's own."""
    found = _read(client.get(ctx, _REQUESTS, reference))
    ours = found["metadata"] or {}
    if made.id not in (ours.get("hub_payment"), ours.get("hub_request")):
        raise UnexpectedResponseError(
            "GoCardless's billing request belongs to somebody else."
        )
    return found


def _read(answer: object) -> dict[str, Any]:
    what = "billing request"
    (found,) = events.understood(
        lambda: [schemas.read(schemas.BillingRequest, answer, what)]
    )
    return found


def _page(
    ctx: Context,
    made: ledger.Charge | ledger.MandateRequest,
    reference: str,
    company: ledger.Company,
) -> str:
    """Make a flow. It lives for a week, and another one of the same request does no
    harm, so it needs no key."""
    asked: dict[str, Any] = {
        "redirect_uri": made.return_url,
        "exit_uri": made.cancel_url,
        "lock_currency": True,
        "links": {"billing_request": reference},
    }
    try:
        answer = _flow(ctx, asked | {"prefilled_customer": prefilled(company)})
    except RejectedError as error:
        if error.status != _REFUSED:
            raise
        # An address it doesn't like must not keep the client from the page.
        answer = _flow(ctx, asked)
    url = answer.get("authorisation_url")
    if not isinstance(url, str) or not url.startswith("https://"):
        raise UnexpectedResponseError("GoCardless's flow has no page.")
    return ctx.http.rewrite(url)


def _flow(ctx: Context, asked: Mapping[str, Any]) -> dict[str, Any]:
    kind = "billing_request_flows"
    answer = client.call(ctx, "POST", f"/{kind}", json={kind: asked})
    match answer.get(kind):
        case dict() as flow:
            return flow
    raise UnexpectedResponseError("GoCardless's flow is not as it documents.")


def prefilled(company: ledger.Company) -> dict[str, str]:
    """Say what the hub knows of the client, so that nobody has to type it."""
    known = {"company_name": company.name[:100]}
    if _EMAIL.fullmatch(company.email):
        known["email"] = company.email
    if _COUNTRY.fullmatch(company.country):
        known["country_code"] = company.country
    return known
