"""The phones at the other end: texts, opt-outs, and what is written back."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any, Final

from hub.sdk import clock
from hub.sdk.segments import segments
from hub_twilio.inbound import HELP, START, STOP
from hub_twilio.simulator.rules import NUMBER, Fate

VERSION: Final = "2010-04-01"
FINAL: Final = frozenset({"delivered", "undelivered", "failed", "canceled"})
PRICE: Final = Decimal("0.00790")  # of a segment, in USD
# What Twilio answers by itself.
ANSWERS: Final[Mapping[str, str]] = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more"
    " messages from this number. Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number."
    " Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}
PLACE: Final = {"Country": "US", "State": "WA", "City": "SEATTLE", "Zip": "98101"}


@dataclass
class Text:
    """One text, either way; `callback` is where its reports go."""

    sid: str
    account: str
    phone: str
    sender: str
    body: str
    at: datetime
    direction: str
    status: str
    callback: str = ""
    code: int | None = None
    words: str | None = None
    priced: bool = False

    @property
    def service(self) -> str | None:
        """The messaging service that sent it."""
        return self.sender if self.sender.startswith("MG") else None

    @property
    def number(self) -> str:
        """Our number at its end."""
        return NUMBER if self.service else self.sender

    @property
    def is_ours(self) -> bool:
        """Sent to the phone rather than by it."""
        return self.direction != "inbound"

    @property
    def is_final(self) -> bool:
        """Nothing changes any more."""
        return self.status in FINAL

    @property
    def count(self) -> int:
        """How many segments it takes."""
        return segments(self.body).count

    def end(self, fate: Fate) -> None:
        """Let it end so."""
        self.status, self.code, self.words = fate.status, fate.code, fate.words
        self.priced = fate.status == "delivered"

    def shown(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        unsent = self.service and self.status == "accepted"
        path = f"/{VERSION}/Accounts/{self.account}/Messages/{self.sid}"
        at = stamp(self.at)
        ends = (self.number, self.phone) if self.is_ours else (self.phone, self.number)
        price = str(-self.count * PRICE) if self.priced else None
        return {
            "account_sid": self.account,
            "api_version": VERSION,
            "body": self.body,
            "date_created": at,
            "date_sent": at if self.priced else None,
            "date_updated": at,
            "direction": self.direction,
            "error_code": self.code,
            "error_message": self.words,
            "from": None if unsent else ends[0],
            "messaging_service_sid": self.service,
            "num_media": "0",
            "num_segments": "0" if unsent else str(self.count),
            "price": price,
            "price_unit": "USD" if self.priced else None,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{path}/Media.json"},
            "to": ends[1],
            "uri": f"{path}.json",
        }

    def report(self) -> dict[str, str]:
        """Return what a status callback says of it."""
        said = {
            "SmsSid": self.sid,
            "SmsStatus": self.status,
            "MessageStatus": self.status,
            "To": self.phone,
            **({"MessagingServiceSid": self.service} if self.service else {}),
            "MessageSid": self.sid,
            "AccountSid": self.account,
            "From": self.number,
            "ApiVersion": VERSION,
        }
        if self.status in ("delivered", "undelivered"):
            said["RawDlrDoneDate"] = self.at.strftime("%y%m%d%H%M")
        if self.code is not None:
            said |= {"ErrorCode": str(self.code), "ErrorMessage": self.words or ""}
        return said

    def incoming(self) -> dict[str, str]:
        """Return what a webhook says of a text from a phone."""
        word = keyword(self.body)
        return {
            **{f"To{name}": value for name, value in PLACE.items()},
            **{f"From{name}": value for name, value in PLACE.items()},
            "SmsMessageSid": self.sid,
            "NumMedia": "0",
            "SmsSid": self.sid,
            "SmsStatus": "received",
            # Only numbers of a service with Advanced Opt-Out are told so.
            **({"OptOutType": word} if word and self.service else {}),
            "Body": self.body,
            "To": self.number,
            **({"MessagingServiceSid": self.service} if self.service else {}),
            "NumSegments": str(self.count),
            "MessageSid": self.sid,
            "AccountSid": self.account,
            "From": self.phone,
            "ApiVersion": VERSION,
        }


@dataclass
class Phones:
    """All phones, and who opted out of which sender."""

    texts: dict[str, Text] = field(default_factory=dict)
    opted_out: set[tuple[str, str]] = field(default_factory=set)

    def add(self, text: Text) -> Text:
        """Keep a text."""
        self.texts[text.sid] = text
        return text

    def of(self, phone: str) -> list[Text]:
        """Return the texts of one phone, oldest first."""
        return [text for text in self.texts.values() if text.phone == phone]

    def lately(self) -> Iterator[tuple[str, Text]]:
        """Yield each phone with its last text, the latest first."""
        last = {text.phone: text for text in self.texts.values()}
        yield from sorted(last.items(), key=lambda item: item[1].at, reverse=True)

    def obey(self, text: Text) -> str:
        """Do what a keyword says, as Twilio does by itself; returns its answer."""
        word = keyword(text.body)
        if word == "STOP":
            self.opted_out.add((text.sender, text.phone))
        if word == "START":
            self.opted_out.discard((text.sender, text.phone))
        return ANSWERS.get(word, "")


def keyword(body: str) -> str:
    """Return what a text is to Twilio: STOP, START, HELP, or "" for anything else."""
    word = re.sub(r"\s+", " ", body).strip().upper()
    for name, words in (("STOP", STOP), ("START", START), ("HELP", HELP)):
        if word in words:
            return name
    return ""


def new(**given: Any) -> Text:
    """Make a text, now."""
    return Text(at=clock.now(), **given)


def stamp(at: datetime) -> str:
    """Write a time as the API does."""
    return format_datetime(at)
