"""What became of a text: callbacks per state, and events streamed as JSON."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, ProviderError, RejectedError
from hub.sdk.facts import ConsentSaid, Fact, MessageStatus
from hub.sdk.webhooks import Heard, Result, Unheard
from hub_twilio import client, codes
from hub_twilio.provider import sender_of

State = Literal[
    "accepted",
    "queued",
    "sending",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "canceled",
]
# Twilio's word → ours; a word that isn't here says nothing about a text of ours.
STATES: Final[Mapping[str, State]] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "queued",
    "sending": "sending",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "canceled",
}
FINAL: Final = frozenset({"delivered", "undelivered", "failed", "canceled"})
OPTED_OUT: Final = "21610"
_INCOMING: Final = frozenset({"received", "receiving"})
_SID = re.compile(r"(?:SM|MM)[A-Za-z0-9]{1,64}\Z", re.ASCII)
_OURS = re.compile(r"[A-Za-z0-9_-]{1,100}\Z", re.ASCII)
_STATUS = re.compile(r"[a-z_]{1,40}\Z")
_PRICE = re.compile(r"-?(?P<price>[0-9]{1,10}(?:\.[0-9]{1,10})?)\Z")
_SOURCE = re.compile(
    r"/2010-04-01/Accounts/(?P<account>AC\w{1,64})/Messages/(?P<sid>\w{1,66})(?:\.json)?\Z",
    re.ASCII,
)
_STREAMED: Final = "com.twilio.messaging.message."


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report, whichever way it came."""

    sid: str
    status: str
    account: str = ""
    address: str = ""
    sender: str = ""
    code: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Report":
        """Read a status callback."""
        return cls(
            sid=sid_of(given),
            status=status_of(given),
            account=given.get("AccountSid", ""),
            address=given.get("To", ""),
            sender=given.get("MessagingServiceSid", "") or given.get("From", ""),
            code=given.get("ErrorCode", ""),
        )

    @property
    def is_final(self) -> bool:
        """Nothing comes after it."""
        return STATES.get(self.status) in FINAL


def sid_of(given: Mapping[str, str]) -> str:
    """Return the message's SID; "" if there is none."""
    sid = given.get("MessageSid") or given.get("SmsSid") or ""
    return sid if _SID.match(sid) else ""


def status_of(given: Mapping[str, str]) -> str:
    """Return the state that a callback tells, in Twilio's word."""
    status = (given.get("MessageStatus") or given.get("SmsStatus") or "").lower()
    return status if _STATUS.match(status) else ""


def is_report(given: Mapping[str, str]) -> bool:
    """Tell a report about our text from a text to us."""
    return status_of(given) not in {"", *_INCOMING}


def delivery_of(query: Mapping[str, str]) -> str | None:
    """Return our own id of the text, which we put into the callback's address."""
    mid = query.get("mid", "")
    return mid if _OURS.match(mid) else None


def streamed(body: Any) -> list[Report]:
    """Read the events of Twilio's event streams; PayloadError if there is none."""
    events = body if isinstance(body, list) else [body]
    found = [_streamed(event) for event in events if isinstance(event, dict)]
    if not found or len(found) < len(events):
        raise PayloadError("The body holds no events of messages.")
    return found


def heard(
    report: Report, delivery: str | None, at: datetime, ctx: Context
) -> Iterator[Result]:
    """Say what a report means. What a text cost is fetched once nothing comes after;
    a fetch that fails is tried again, and holds the report itself not up."""
    event_id = f"{report.sid}:{report.status}"
    event_type = f"message.{report.status}"
    state = STATES.get(report.status)
    if state is None:
        yield Heard(event_id=event_id, event_type=event_type)
        return
    cost: Mapping[str, str] = {}
    error: ProviderError | None = None
    if report.is_final:
        try:
            cost = _cost(report.sid, ctx)
        except ProviderError as caught:
            error = caught
    # Heard again with the cost, it is another fact.
    status = MessageStatus(
        id=f"{event_id}:priced" if cost else event_id,
        as_of=at,
        reference=report.sid,
        state=state,
        delivery=delivery,
        address=report.address,
        error_code=report.code if report.code.strip("0") else "",
        error=codes.explained(report.code),
        **cost,
    )
    facts = (status, *_opt_out(report, at, ctx))
    yield Heard(event_id=event_id, event_type=event_type, facts=facts)
    if error is not None:
        yield Unheard(
            event_id=f"{event_id}:cost", event_type="message.cost", error=error
        )


def _streamed(event: Mapping[str, Any]) -> Report:
    source = _SOURCE.match(str(event.get("source", "")))
    if source is None or not _SID.match(source["sid"]):
        raise PayloadError("An event names no message.")
    kind, data = str(event.get("type", "")), event.get("data")
    data = data if isinstance(data, dict) else {}
    status = str(data.get("messageStatus") or kind.removeprefix(_STREAMED)).lower()
    known = kind.startswith(_STREAMED) and _STATUS.match(status)
    return Report(
        sid=source["sid"],
        status=status if known else "unknown",
        account=source["account"],
        address=_text(data.get("to")),
        sender=_text(data.get("messagingServiceSid")) or _text(data.get("from")),
        code=_digits(data.get("errorCode")),
    )


def _opt_out(report: Report, at: datetime, ctx: Context) -> Iterable[Fact]:
    """With a messaging service Twilio takes the text first, and only then finds that
    the recipient had opted out."""
    if report.code != OPTED_OUT or not report.address:
        return ()
    said = ConsentSaid(
        id=f"{report.sid}:{report.status}:stop",
        as_of=at,
        address=report.address,
        sender=sender_of(ctx.settings) or report.sender,
        says="stop",
        how="Twilio refused a text: the recipient had opted out (21610)",
    )
    return (said,)


def _cost(sid: str, ctx: Context) -> dict[str, str]:
    """Return segments, price and currency, as far as Twilio knows them."""
    try:
        message = client.message(ctx, sid)
    except RejectedError:
        return {}  # it was deleted there
    price = _price(message.get("price"))
    segments = _digits(message.get("num_segments"))
    unit = _text(message.get("price_unit")).upper()
    found = {"segments": segments.lstrip("0"), "price": price}
    return {**found, "currency": unit if price else ""} if any(found.values()) else {}


def _price(told: Any) -> str:
    """Return what Twilio took off the balance (a negative number) as a price."""
    found = _PRICE.match(told) if isinstance(told, str) else None
    return found["price"] if found else ""


def _digits(value: Any) -> str:
    text = str(value) if isinstance(value, int | str) else ""
    return text if text.isascii() and text.isdecimal() and len(text) <= 6 else ""


def _text(value: Any) -> str:
    return value[:100] if isinstance(value, str) else ""
