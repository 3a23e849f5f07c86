"""Texts filled in and looked over before they are saved. Pure.

Whatever a name holds, a text keeps to its limits and a subject to its line.
"""

import re
from collections.abc import Mapping
from typing import Final

from hub.core.policy import sandbox
from hub.core.policy.defaults import OPT_OUT, Text
from hub.core.policy.variables import Values, example, harmless, longest, seen
from hub.sdk.errors import InvalidError

Message = dict[str, str]
LONGEST_SOURCE: Final = 4_000
LONGEST: Final = {"phone": 1_600, "email": 20_000}
LONGEST_SUBJECT: Final = 200
_ROOM_TO_OPT_OUT: Final = len(OPT_OUT) + 1
_LINES: Final = re.compile(r"\n{3,}")
# What word processors put into texts, and the GSM alphabet lacks.
_QUOTES: Final = "\u2018\u2019\u201a\u201b\u2032\u00b4`"
_DOUBLE: Final = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_SPACES: Final = "\u00a0\u2002\u2003\u2009\u202f\t"
_PLAIN: Final = str.maketrans(
    dict.fromkeys(_QUOTES, "'")
    | dict.fromkeys(_DOUBLE, '"')
    | dict.fromkeys(_DASHES, "-")
    | dict.fromkeys(_SPACES, " ")
    | {"\u2026": "...", "\u2022": "-"}
)


def preview(
    reach: str,
    kind: str,
    subject: str,
    body: str,
    sample: Mapping[str, str | int] | None = None,
) -> Message:
    """Write a text with example values, of which `sample` gives others (by name, `_`
    for the dot). InvalidError if it has problems."""
    found = problems(reach, subject, body, kind)
    if found:
        raise InvalidError(" ".join(found), {"body": found})
    return filled(reach, Text(body, subject), example(kind, **(sample or {})))


def problems(reach: str, subject: str, body: str, kind: str = "") -> list[str]:
    """Say in plain words what keeps a text from being saved; [] if nothing does. With
    `kind`, only the variables of that kind are known."""
    if not body.strip():
        return ["Write a text."]
    if reach == "email" and not subject.strip():
        return ["Write a subject."]
    long = LONGEST_SOURCE
    if len(body) > long or len(subject) > long:
        return [f"The text and the subject may have {long} characters each."]
    if reach != "email" and subject.strip():
        return ["A text message has no subject."]
    largest = longest(reach, kind)
    names, counts = sandbox.known(largest), sandbox.numbers(largest)
    found = sandbox.problems(_source(reach, body), names, counts)
    found += [f"Subject: {each}" for each in sandbox.problems(subject, names, counts)]
    return found or _too_long(reach, Text(body, subject), largest)


def _too_long(reach: str, text: Text, largest: Values) -> list[str]:
    """A text that fits with the longest names always fits: sending can't fail on it."""
    length, most = sandbox.most(_source(reach, text.body), largest), _most(reach)
    if length > most:
        return [
            f"With long names the text has {length} characters; {most} is the most."
        ]
    try:
        filled(reach, text, largest)
    except InvalidError as error:
        return [str(error)]
    return []


def filled(reach: str, text: Text, values: Values) -> Message:
    """Fill a text in; InvalidError if it can't be, or comes out empty or too long."""
    body = _lines(sandbox.fill(_source(reach, text.body), values))
    if not body or len(body) > _most(reach):
        raise InvalidError(
            f"The text comes out with {len(body)} characters; it needs some, and"
            f" {_most(reach)} is the most."
        )
    subject = seen(sandbox.fill(text.subject, values)) if reach == "email" else ""
    if reach == "email" and not subject:
        subject = body.partition("\n")[0]
    return {"text": body, "subject": _cut(subject), "link": "", "label": ""}


def _most(reach: str) -> int:
    return LONGEST[reach] - (_ROOM_TO_OPT_OUT if reach == "phone" else 0)


def _source(reach: str, body: str) -> str:
    """The text as it is filled in: names in it stay as they are, whatever they cost."""
    unix = body.replace("\r\n", "\n").replace("\r", "\n")
    return unix.translate(_PLAIN) if reach == "phone" else unix


def _lines(text: str) -> str:
    kept = "\n".join(seen(line) for line in text.split("\n"))
    return _LINES.sub("\n\n", kept).strip()


def _cut(subject: str) -> str:
    return harmless(subject, "email", LONGEST_SUBJECT)
