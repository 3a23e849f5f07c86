"""What Twilio refuses about a text, and what becomes of those it takes: by number.

The first five are those of Twilio's own test credentials
(https://www.twilio.com/docs/iam/test-credentials); the others are ours.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 1600
NUMBER: Final = "+15005550006"
_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")


@dataclass(frozen=True)
class Refusal:
    """An error of the API, as Twilio words it."""

    code: int
    message: str
    status: int = 400


INVALID: Final = Refusal(21211, "Invalid 'To' Phone Number: {to}")
OPTED_OUT: Final = Refusal(21610, "Attempt to send to unsubscribed recipient")
TOO_LONG: Final = Refusal(
    21617, "The concatenated message body exceeds the 1600 character limit"
)
NO_BODY: Final = Refusal(21602, "Message body is required.")
NO_TO: Final = Refusal(21604, "A 'To' phone number is required.")
NO_SENDER: Final = Refusal(21603, "A 'From' phone number is required.")
NO_SERVICE: Final = Refusal(21701, "The Messaging Service does not exist.")
BAD_CALLBACK: Final = Refusal(21609, "The 'StatusCallback' URL is not a valid URL.")
NOT_FOUND: Final = Refusal(20404, "The requested resource was not found", 404)
NOT_US: Final = Refusal(20003, "Authenticate", 401)
TOO_MANY: Final = Refusal(20429, "Too Many Requests", 429)

TO: Final[Mapping[str, Refusal]] = {
    "+15005550001": INVALID,
    "+15005550002": Refusal(
        21612, "The 'To' phone number: {to}, is not currently reachable via SMS"
    ),
    "+15005550003": Refusal(
        21408,
        "Permission to send an SMS has not been enabled for the region indicated by"
        " the 'To' number: {to}",
    ),
    "+15005550004": OPTED_OUT,
    "+15005550009": Refusal(21614, "'To' number is not a valid mobile number"),
    "+15005550029": TOO_MANY,
}
FROM: Final[Mapping[str, Refusal]] = {
    "+15005550001": Refusal(21212, "Invalid From Number: {sender}"),
    "+15005550007": Refusal(
        21606, "The 'From' phone number provided is not a valid message-capable number"
    ),
    "+15005550008": Refusal(21611, "This 'From' number has exceeded the maximum queue"),
}


@dataclass(frozen=True)
class Fate:
    """How a text ends that was taken: the state, and the error's code and words."""

    status: str = "delivered"
    code: int | None = None
    words: str | None = None


DELIVERED: Final = Fate()
FATES: Final[Mapping[str, Fate]] = {
    "+15005550033": Fate("undelivered", 30003, "Unreachable destination handset"),
    "+15005550034": Fate("undelivered", 30034, "Message from an Unregistered Number"),
    "+15005550035": Fate("undelivered", 30005, "Unknown destination handset"),
    "+15005550036": Fate("undelivered", 30006, "Landline or unreachable carrier"),
    "+15005550037": Fate("undelivered", 30007, "Message filtered"),
    "+15005550038": Fate("failed", 30008, "Unknown error"),
    "+15005550039": Fate("failed", 21610, OPTED_OUT.message),
}
# By hand, on a phone's page: what its button says and how the text then ends.
REPORTS: Final[Mapping[str, tuple[str, Fate]]] = {
    "delivered": ("Delivered", DELIVERED),
    "30003": ("Phone switched off (30003)", FATES["+15005550033"]),
    "30007": ("Filtered (30007)", FATES["+15005550037"]),
    "30008": ("Failed (30008)", FATES["+15005550038"]),
}


def refusal(form: Mapping[str, str], opted_out: bool) -> Refusal | None:
    """Return what is wrong with a text first; None if nothing is."""
    return next(_refusals(form, opted_out), None)


def _refusals(form: Mapping[str, str], opted_out: bool) -> Iterator[Refusal]:
    to, sender = form.get("To", ""), form.get("From", "")
    service, body = form.get("MessagingServiceSid", ""), form.get("Body", "")
    found = (
        (not to, NO_TO),
        (not service and not sender, NO_SENDER),
        (bool(service) and not service.startswith("MG"), NO_SERVICE),
        (not service and sender in FROM, FROM.get(sender)),
        (not _E164.match(to) or to == sender, INVALID),
        (not body, NO_BODY),
        (len(body) > LONGEST, TOO_LONG),
        (not _is_callback(form.get("StatusCallback")), BAD_CALLBACK),
        (to in TO, TO.get(to)),
        (opted_out, OPTED_OUT),
    )
    yield from (wrong for is_wrong, wrong in found if is_wrong and wrong)


def _is_callback(url: str | None) -> bool:
    if not url:
        return True
    host = re.match(r"https?://([^/?#]+)", url)
    return host is not None and "_" not in host[1]
