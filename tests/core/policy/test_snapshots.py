"""Every default text as a file, of plain and of hostile names, for a person to read.

`WRITE_SNAPSHOTS=1` writes them anew: look at what changed before it is committed.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from hub.core.policy import texts
from hub.core.policy.defaults import DEFAULTS, OPT_OUT
from hub.core.policy.variables import values
from hub.sdk.segments import segments

FOLDER = Path(__file__).parent / "snapshots"
NAMES = {
    "plain": "Smith & Co",
    "markup": "<script>alert(1)</script><b>Smith</b> &amp; \"Co\" <a href='//x'>",
    "template": "{{ 7*7 }}{% for x in y %}{# gone #}${jndi:x}%s{0}",
    "endless": "Smith and Sons " + "and Sons " * 600,
    "lines": "Smith\r\nBcc: all@x.example\r\n\r\nFree\x1b[31m\x00\u2028money\x85now",
    "right-to-left": "\u202egnp.exe\u202c \u2067\u05e9\u05dc\u05d5\u05dd\u2069"
    " \u0645\u0631\u062d\u0628\u0627 Ltd",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 Smith \U0001f600\ufe0f"
    " Z\u0351\u0343\u036a\u0302\u036b\u033d\u034falgo",
    "mrkdwn": "<!channel> <https://x.example|Smith> *Co* _x_ ~y~ `z` <@U1>",
    "markdown": "[Smith](https://x.example) ![i](//x.example/i.png) **Co** # h | t |",
    "nothing": "\u200b\u202e\u2060 \ufeff",
}


def written(name: str) -> str:
    """All default texts for a client of this name, one after the other."""
    parts = []
    for (reach, kind), text in DEFAULTS.items():
        said = texts.filled(reach, text, values(reach, kind, _given(kind, name)))
        body = said["text"]
        if reach == "phone":
            body += f"\n{OPT_OUT}"
            found = segments(body)
            head = f"Segments: {found.count}, {found.encoding}"
        else:
            head = f"Subject: {said['subject']}"
        parts.append(f"==== {reach}: {kind}\n{head}\n\n{body}\n")
    return "\n".join(parts)


def _given(kind: str, name: str) -> dict[str, Any]:
    return {
        "sender_name": "North IT",
        "company.name": name,
        "contact.name": name if name != NAMES["plain"] else "Ana Lima",
        "link": f"https://hub.example/pay/lnk_01k0000000000000000000000.{'s' * 43}",
        "today": "21 March 2026",
        "invoice.number": name if name != NAMES["plain"] else "INV-1042",
        "issue_date": "12 February 2026",
        "due_date": "14 March 2026",
        "days_overdue": 7,
        "amount": "1,200.00 EUR",
        "open_amount": "" if kind == "invoice.paid" else "700.00 EUR",
        "payment_date": "20 March 2026",
        "refund_amount": "50.00 EUR",
        "overdue_amount": "500.00 EUR",
        "statement.count": 2,
        "statement.lines": "INV-1042, due 14 March 2026: 500.00 EUR\n"
        "INV-1044, due 2 April 2026: 200.00 EUR",
    }


@pytest.mark.parametrize("name", NAMES)
def test_default_texts_read_as_they_did(name: str) -> None:
    file = FOLDER / f"{name}.txt"
    now = written(NAMES[name])
    if os.environ.get("WRITE_SNAPSHOTS"):
        file.write_text(now, encoding="utf-8", newline="\n")

    assert file.read_text(encoding="utf-8") == now


def test_there_is_a_name_for_every_file() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(NAMES)
