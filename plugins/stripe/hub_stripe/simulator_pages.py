"""The page on which a payer of the simulated Stripe pays."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from hub_stripe import amounts

STYLE = """
body { background: #f6f8fb; color: #1a1f36; font: 1rem/1.5 system-ui, sans-serif; }
main { background: #fff; border-radius: .5rem; margin: 3rem auto; max-width: 26rem;
  padding: 2rem; }
h1 { color: #4b45c6; font-size: 1.25rem; margin: 0; }
.amount { font-size: 2rem; margin: .5rem 0; }
.bad { color: #a3123a; }
button { border: 1px solid #4b45c6; border-radius: .4rem; cursor: pointer;
  display: block; background: #fff; color: #3f39a8; font: inherit; margin: .5rem 0;
  padding: .6rem; width: 100%; }
button.main { background: #4b45c6; color: #fff; }
button:focus-visible { outline: 3px solid #ffb020; }
"""

_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="{root}/c/style.css"></head>
<body><main><h1>Stripe, simulated</h1>{content}</main></body></html>
""")
_BUTTON = Markup(
    '<button name="choice" value="{choice}" class="{style}">{label}</button>'
)
_CHOICES = (
    ("approve", "main", "Pay"),
    ("decline", "", "Pay with a card that is declined"),
    ("pending", "", "Pay by bank debit, the money comes later"),
    ("leave", "", "Pay, but never return to the shop"),
    ("close", "", "Go back (cancel)"),
)
_DECLINED = Markup('<p class="bad" role="alert">Your card was declined. {hint}</p>')


def payment_page(
    session: Mapping[str, Any], description: str, root: str, *, declined: bool
) -> str:
    """Show what is to be paid, with a button for each way it can go."""
    amount = amounts.read(session["amount_total"], session["currency"])
    hint = _DECLINED.format(hint="Try another one.") if declined else Markup("")
    content = Markup(
        '<p class="amount">{amount}</p><p>{description}</p>{hint}'
        '<form method="post" action="{root}/c/pay/{id}">{buttons}</form>'
    ).format(
        amount=amount.format(),
        description=description,
        hint=hint,
        root=root,
        id=session["id"],
        buttons=Markup("").join(
            _BUTTON.format(choice=choice, style=style, label=label)
            for choice, style, label in _CHOICES
        ),
    )
    return _PAGE.format(title="Pay by card", root=root, content=content)


def notice_page(text: str, root: str) -> str:
    """Say one thing."""
    content = Markup("<p>{text}</p>").format(text=text)
    return _PAGE.format(title="Stripe", root=root, content=content)
