"""Slash commands: what somebody typed, and the answer, made from the ledger.

https://docs.slack.dev/interactivity/implementing-slash-commands
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hub.sdk.context import Context
from hub.sdk.ledger import Balance, Invoice
from hub.sdk.money import Money
from hub.sdk.text import one_line
from hub_slack.blocks import (
    Body,
    actions,
    coloured,
    fields,
    header,
    link_button,
    section,
    signed,
)
from hub_slack.cards import AMBER, BLUE, GREEN, RED, short
from hub_slack.mrkdwn import link

MOST_NAMED: Final = 5
_LONGEST: Final = 200
_COMMAND = re.compile(r"/[a-z0-9_-]{1,31}", re.ASCII)
# What people put around a name, and what their keyboards make of it.
_QUOTES: Final = "\"'`\u201c\u201d\u2018\u2019\xab\xbb"
_UNPAID: Final = ("open", "partially_paid")


@dataclass(frozen=True)
class Asked:
    """A command as typed: `/hub client Acme` is ("/hub", "client", "Acme")."""

    command: str
    verb: str
    about: str


def asked(form: Mapping[str, Any]) -> Asked | None:
    """Read a slash command; None if the request is something else."""
    command = form.get("command")
    if not isinstance(command, str) or not _COMMAND.fullmatch(command):
        return None
    verb, _, about = one_line(_decoded(str(form.get("text") or ""))).partition(" ")
    return Asked(command, verb.lower(), about.strip(_QUOTES + " ")[:_LONGEST])


def answer(command: Asked, ctx: Context) -> Body:
    """Build the answer, for the eyes of who asked."""
    make = _ANSWERS.get(command.verb) if command.about else None
    said = make(command.about, ctx) if make else _help(command)
    return {"response_type": "ephemeral", **said}


def _help(command: Asked) -> Body:
    name = short(command.command)
    verb = short(command.verb.replace("`", ""), 50)
    known = f"I don't know `{verb}`. " if _is_odd(command) else ""
    lines = (
        f"{known}This is what I can tell you:",
        f"• `{name} invoice INV-1`: what is open of an invoice",
        f"• `{name} client NAME`: what a client owes; a part of the name will do",
        f"• `{name} help`: this",
    )
    return _said("\n".join(lines))


def _is_odd(command: Asked) -> bool:
    return command.verb not in ("", "help", *_ANSWERS)


def _invoice(number: str, ctx: Context) -> Body:
    found = ctx.ledger.invoice(number)
    if found is None:
        return _said(f"There is no invoice {short(number)}.")
    url = f"{ctx.hub_url}/invoices/{found.id}"
    state, colour = _state(found, ctx.now())
    name = short(found.company.name) or "A client"
    linked = link(url, short(found.number)) or "The invoice"
    facts = {
        "Total": found.total.format(),
        "Balance due": found.open_amount.format(),
        "Issued": found.issue_date.isoformat(),
        "Due": found.due_date.isoformat(),
    }
    blocks = [
        header("Invoice"),
        section(f"{linked} of *{name}* is {state}."),
        *fields({label: short(value) for label, value in facts.items()}),
        *actions("hub_invoice", link_button("View invoice", "open_invoice", url)),
        signed(ctx.now()),
    ]
    summary = f"Invoice {short(found.number)} of {name} is {state}"
    return coloured(summary, colour, blocks)


def _state(invoice: Invoice, now: datetime) -> tuple[str, str]:
    days = (now.date() - invoice.due_date).days
    if invoice.state in _UNPAID and days > 0:
        return f"{days} day{'' if days == 1 else 's'} overdue", RED
    colour = {"paid": GREEN, "draft": AMBER, "void": AMBER}.get(invoice.state, BLUE)
    return short(invoice.state.replace("_", " ")) or "in the hub", colour


def _client(name: str, ctx: Context) -> Body:
    found = ctx.ledger.companies(name, limit=MOST_NAMED + 1)
    if not found:
        return _said(f"There is no client whose name has {short(name)} in it.")
    return _several(found, ctx) if len(found) > 1 else _one(found[0], ctx)


def _one(found: Balance, ctx: Context) -> Body:
    url = f"{ctx.hub_url}/companies/{found.company.id}"
    name = short(found.company.name) or "A client"
    facts = {
        "Open": _amounts(found.open_amounts),
        "Overdue invoices": str(found.overdue),
    }
    blocks = [
        header("Client"),
        section(f"*{link(url, name) or name}* {_owes(found)}."),
        *fields(facts),
        *actions("hub_client", link_button("View client", "open_client", url)),
        signed(ctx.now()),
    ]
    return coloured(f"{name} {_owes(found)}", _colour([found]), blocks)


def _several(found: Sequence[Balance], ctx: Context) -> Body:
    lines = []
    for each in found[:MOST_NAMED]:
        url = f"{ctx.hub_url}/companies/{each.company.id}"
        name = short(each.company.name) or "A client"
        lines.append(f"• *{link(url, name) or name}* {_owes(each)}")
    if len(found) > MOST_NAMED:
        lines.append("There are more: give more of the name.")
    blocks = [header("Clients"), section("\n".join(lines)), signed(ctx.now())]
    return coloured("Several clients have such a name", _colour(found), blocks)


def _owes(found: Balance) -> str:
    if not found.open_amounts:
        return "owes nothing"
    count = found.overdue
    late = f", {count} invoice{'' if count == 1 else 's'} overdue" if count else ""
    return f"owes {_amounts(found.open_amounts)}{late}"


def _colour(found: Sequence[Balance]) -> str:
    if any(each.overdue for each in found):
        return RED
    return BLUE if any(each.open_amounts for each in found) else GREEN


def _amounts(amounts: Sequence[Money]) -> str:
    return short(" and ".join(amount.format() for amount in amounts)) or "nothing"


def _said(text: str) -> Body:
    return {"text": text, "blocks": [section(text)]}


def _decoded(text: str) -> str:
    """Slack sends these three escaped, in commands too."""
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text


_ANSWERS: Final[Mapping[str, Callable[[str, Context], Body]]] = {
    "invoice": _invoice,
    "client": _client,
}
