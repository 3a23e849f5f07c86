"""Twilio's error codes: what each means for the message, and what a person does.

https://www.twilio.com/docs/api/errors; a code that isn't here is a plain refusal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

# What follows from an error:
# settings   nothing can be sent until a person mends the connection
# opted_out  never again from this sender to this number
# number     never again to this number
# refused    this message can't be sent; others can
# wait       the sender or account is at its limit
# later      nobody is to blame; the same message may go through another time
# ambiguous  as `later`, but it may have been sent all the same
Class = Literal[
    "settings", "opted_out", "number", "refused", "wait", "later", "ambiguous"
]
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR


@dataclass(frozen=True)
class Code:
    """One meaning; `wait` is in seconds, None: the usual backoff."""

    kind: Class
    words: str
    wait: float | None = None


_CREDENTIALS = Code(
    "settings",
    "Twilio refused the account SID or auth token. Copy both again from the console.",
)
_GONE = Code(
    "refused",
    "Twilio knows no such account or message. Check the account SID.",
)
_BUSY = Code("ambiguous", "Twilio can't answer now.")
_NUMBER = Code(
    "number",
    "The number can't be texted: it is wrong, or not one for text messages. Correct"
    " the contact's number.",
)
_SENDER = Code(
    "settings",
    "The sender can't send texts: it isn't a number of this account, or not one for"
    " text messages. Correct the from number.",
)
_TRIAL = Code(
    "refused",
    "A trial account texts only numbers that were verified in the Twilio console."
    " Verify this one, or upgrade the account.",
)
_PAYLOAD = Code(
    "refused",
    "Twilio can't send this text: it is empty, too long or not allowed. Change it and"
    " send it again.",
)
_SERVICE = Code(
    "settings",
    "The messaging service is missing, or has no sender that can be used. Check it in"
    " the Twilio console, and the messaging service SID here.",
)
_UNREGISTERED = Code(
    "settings",
    "The sender is not registered, not verified or suspended for this kind of text."
    " Finish its registration in the Twilio console.",
)
_CARRIER_LIMIT = Code(
    "wait", "The sender reached the carrier's limit. Send it again later.", HOUR
)
_ONCE = "It may be sent once more, some hours from now."

CODES: Final[Mapping[int, Code]] = {
    # Told at once
    20003: _CREDENTIALS,
    20404: _GONE,
    20429: Code("wait", "Twilio asks us to wait: too many requests at once."),
    20500: _BUSY,
    20503: _BUSY,
    21211: _NUMBER,
    21214: _NUMBER,
    21217: _NUMBER,
    21401: _NUMBER,
    21421: _NUMBER,
    21408: Code(
        "refused",
        "The account may not text this country. Allow it in the Twilio console under"
        " Messaging, Geo permissions.",
    ),
    **dict.fromkeys((21601, 21606, 21607, 21212, 21210), _SENDER),
    **dict.fromkeys((21608, 21219), _TRIAL),
    21610: Code(
        "opted_out",
        "The recipient opted out of texts from this sender; only they can opt in again,"
        " by texting START.",
    ),
    21611: Code("wait", "The sender's queue at Twilio is full.", HOUR),
    21612: Code(
        "refused",
        "This sender can't reach this number. Another sender might: see the messaging"
        " service's senders.",
    ),
    21614: _NUMBER,
    **dict.fromkeys((21617, 21602, 21618, 21605), _PAYLOAD),
    21609: Code(
        "settings",
        "Twilio can't use the address for delivery reports. HUB_BASE_URL has to be"
        " reachable from outside, and its host name must hold no underscore.",
    ),
    **dict.fromkeys((21701, 21702, 21703, 21704, 21705), _SERVICE),
    21717: _UNREGISTERED,
    14107: Code("wait", "Twilio asks us to wait: too many texts at once."),
    # Told later, by a delivery report
    30001: Code("wait", f"The queue was too long. {_ONCE}", HOUR),
    30002: Code(
        "settings",
        "The Twilio account is suspended. See the console, or ask Twilio's support.",
    ),
    30003: Code("later", f"The phone is switched off or out of reach. {_ONCE}"),
    30004: Code(
        "refused",
        "The recipient or their carrier blocks these texts. Ask them by another way.",
    ),
    30005: Code(
        "number",
        "The number is unknown, or no longer in use. Correct the contact's number.",
    ),
    30006: Code(
        "number",
        "The number is a landline, or its carrier can't be reached. Correct the"
        " contact's number.",
    ),
    30007: Code(
        "refused",
        "Twilio or the carrier filtered the text as unwanted. Change its words or"
        " links; never send it again as it is.",
    ),
    30008: Code("later", f"It was not delivered, for a reason nobody tells. {_ONCE}"),
    30010: Code("refused", "It would have cost more than the price that was set."),
    30017: Code("later", "The carrier's network is congested. Send it again later."),
    **dict.fromkeys((30022, 30023, 30027), _CARRIER_LIMIT),
    **dict.fromkeys((30024, 30032, 30033, 30034, 30035), _UNREGISTERED),
    30410: Code("later", f"The carrier took too long. {_ONCE}"),
    30450: Code("refused", "Delivery was blocked. See the message in the console."),
    63038: Code(
        "wait", "The account sent all it may in a day. Send it again tomorrow.", DAY
    ),
}


def meaning(code: str) -> Code | None:
    """Return what a code means, if we know it."""
    return CODES.get(int(code)) if code.isascii() and code.isdecimal() else None


def explained(code: str) -> str:
    """Say what a code of a delivery report means; "" for none."""
    if not code.strip("0"):
        return ""
    known = meaning(code)
    if known is not None:
        return known.words
    return f"Twilio names error {code}: see twilio.com/docs/errors/{code}."
