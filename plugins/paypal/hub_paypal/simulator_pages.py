"""The page on which a payer of the simulated PayPal decides."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

STYLE = """
body { background: #f5f7fa; color: #001435; font: 1rem/1.5 system-ui, sans-serif; }
main { background: #fff; border-radius: .75rem; margin: 3rem auto; max-width: 26rem;
  padding: 2rem; }
h1 { color: #003087; font-size: 1.25rem; margin: 0; }
.amount { font-size: 2rem; margin: .5rem 0; }
button { border: 1px solid #003087; border-radius: 2rem; cursor: pointer;
  display: block; background: #fff; color: #003087; font: inherit; margin: .5rem 0;
  padding: .6rem; width: 100%; }
button.main { background: #0070e0; color: #fff; }
button:focus-visible { outline: 3px solid #ffc439; }
"""

_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="{root}/checkoutnow/style.css"></head>
<body><main><h1>PayPal, simulated</h1>{content}</main></body></html>
""")
_BUTTON = Markup(
    '<button name="choice" value="{choice}" class="{style}">{label}</button>'
)
_CHOICES = (
    ("approve", "main", "Approve"),
    ("decline", "", "Decline (the bank refuses)"),
    ("pending", "", "Approve, the money comes later"),
    ("leave", "", "Approve, but never return to the shop"),
    ("close", "", "Close (cancel)"),
)


def approval_page(order: Mapping[str, Any], root: str) -> str:
    """Show what is to be paid, with a button for each way it can go."""
    unit = order["purchase_units"][0]
    content = Markup(
        '<p class="amount">{value} {currency}</p><p>{description}</p><p>{invoice}</p>'
        '<form method="post" action="{root}/checkoutnow">'
        '<input type="hidden" name="token" value="{token}">{buttons}</form>'
    ).format(
        value=unit["amount"]["value"],
        currency=unit["amount"]["currency_code"],
        description=unit.get("description", ""),
        invoice=unit.get("invoice_id", ""),
        root=root,
        token=order["id"],
        buttons=Markup("").join(
            _BUTTON.format(choice=choice, style=style, label=label)
            for choice, style, label in _CHOICES
        ),
    )
    return _PAGE.format(title="Pay with PayPal", root=root, content=content)


def notice_page(text: str, root: str) -> str:
    """Say one thing."""
    content = Markup("<p>{text}</p>").format(text=text)
    return _PAGE.format(title="PayPal", root=root, content=content)
