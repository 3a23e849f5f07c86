"""The pages of the simulated GoCardless: the payer's, and the one that drives it."""

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from hub.sdk.money import Money

STYLE = """
body { background: #f7f5f0; color: #1c1b18; font: 1rem/1.5 system-ui, sans-serif; }
main { background: #fff; border-radius: .5rem; margin: 3rem auto; max-width: 28rem;
  padding: 2rem; }
main.wide { max-width: 60rem; }
h1 { font-size: 1.25rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
.amount { font-size: 2rem; margin: .5rem 0; }
.bad { color: #a3123a; }
label { display: block; margin: .5rem 0; }
input, select { border: 1px solid #77736a; border-radius: .3rem; box-sizing: border-box;
  display: block; font: inherit; padding: .5rem; width: 100%; }
button { border: 1px solid #1c1b18; border-radius: .4rem; cursor: pointer;
  display: block; background: #fff; color: #1c1b18; font: inherit; margin: .5rem 0;
  padding: .6rem; width: 100%; }
button.main { background: #1c1b18; color: #f1f252; }
button:focus-visible, input:focus-visible, select:focus-visible {
  outline: 3px solid #6a5acd; }
table { border-collapse: collapse; width: 100%; }
th, td { border-top: 1px solid #ddd; padding: .4rem; text-align: left; }
td button { display: inline-block; margin: .1rem; padding: .2rem .5rem; width: auto; }
"""

_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{root}/billing/static/style.css"></head>
<body><main class="{style}"><h1>GoCardless, simulated</h1>{content}</main></body></html>
""")
_BUTTON = Markup(
    '<button name="{name}" value="{choice}" class="{style}">{label}</button>'
)
_DEBIT = (
    ("approve", "main", "Set up the direct debit"),
    ("decline", "", "Give an account the bank refuses"),
    ("leave", "", "Set it up, but never return to the shop"),
    ("close", "", "Close (cancel)"),
)
_PAYMENT = (
    ("approve", "main", "Approve at the bank"),
    ("pending", "", "Approve, the money comes later"),
    ("decline", "", "Decline at the bank"),
    ("leave", "", "Approve, but never return to the shop"),
    ("close", "", "Close (cancel)"),
)
_BANKS = ("Barclays Bank PLC", "Lloyds Bank PLC", "Monzo Bank Ltd")
_REFUSED = Markup(
    '<p class="bad" role="alert">The bank refused. Try another account.</p>'
)
_FIELD = Markup('<label>{label}<input name="{name}" value="{value}"></label>')


def flow_page(
    flow: Mapping[str, Any], request: Mapping[str, Any], root: str, *, declined: bool
) -> str:
    """Show what is asked for, with a button for each way it can go."""
    known = flow["prefilled_customer"] or {}
    paying = request["payment_request"]
    fields = (("company_name", "Company name"), ("email", "Email address"))
    content = Markup(
        '{asked}{refused}<form method="post" action="{root}/billing/static/flow">'
        '<input type="hidden" name="id" value="{id}">{fields}'
        '<label>Bank<select name="bank">{banks}</select></label>{buttons}</form>'
    ).format(
        asked=_asked(request),
        refused=_REFUSED if declined else "",
        root=root,
        id=flow["id"],
        fields=Markup("").join(
            _FIELD.format(name=name, label=label, value=known.get(name) or "")
            for name, label in fields
        ),
        banks=Markup("").join(Markup("<option>{}</option>").format(b) for b in _BANKS),
        buttons=_buttons("choice", _PAYMENT if paying else _DEBIT),
    )
    title = "Pay by bank" if paying else "Set up a direct debit"
    return _PAGE.format(title=title, root=root, content=content, style="")


def _asked(request: Mapping[str, Any]) -> Markup:
    paying = request["payment_request"]
    if not paying:
        currency = request["mandate_request"]["currency"]
        return Markup("<p>Set up a direct debit in {}.</p>").format(currency)
    amount = Money(paying["amount"], paying["currency"]).format()
    return Markup('<p class="amount">{}</p><p>{}</p>').format(
        amount, paying.get("description") or ""
    )


def _buttons(name: str, choices: Iterable[tuple[str, str, str]]) -> Markup:
    return Markup("").join(
        _BUTTON.format(name=name, choice=choice, style=style, label=label)
        for choice, style, label in choices
    )


def notice_page(text: str, root: str) -> str:
    """Say one thing."""
    content = Markup("<p>{text}</p>").format(text=text)
    return _PAGE.format(title="GoCardless", root=root, content=content, style="")


Row = tuple[str, str, str, Iterable[str]]


def scenarios_page(tables: Mapping[str, Iterable[Row]], root: str) -> str:
    """Show what there is, with a button for all that can happen to it: each row is
    (id, what it is, its status, what may happen)."""
    content = Markup("").join(
        Markup("<h2>{}</h2><table>{}</table>").format(
            kind.capitalize() + "s",
            Markup("").join(_row(kind, row, root) for row in rows),
        )
        for kind, rows in tables.items()
    )
    return _PAGE.format(title="Scenarios", root=root, content=content, style="wide")


def _row(kind: str, row: Row, root: str) -> Markup:
    id, what, status, events = row
    buttons = [(event, "", event.replace("_", " ")) for event in events]
    return Markup(
        "<tr><td>{id}</td><td>{what}</td><td>{status}</td><td>"
        '<form method="post" action="{root}/_sim/scenarios">'
        '<input type="hidden" name="{kind}" value="{id}">{buttons}</form></td></tr>'
    ).format(
        id=id,
        what=what,
        status=status,
        root=root,
        kind=kind,
        buttons=_buttons("event", buttons),
    )
