"""Every extension point of the hub, one sentence each; details in docs/hooks.md.

A plugin is a module (or object) whose functions carry `@hookimpl` and these names.
It implements what it can and nothing else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import pluggy

from hub.sdk import ledger
from hub.sdk.context import Context
from hub.sdk.events import EVENT_TYPES, Event, Message, hook_of
from hub.sdk.facts import Fact
from hub.sdk.money import Money
from hub.sdk.provider import Provider
from hub.sdk.sync import Change, Page
from hub.sdk.webhooks import InboundWebhook, Result, Verified, WebhookRequest

ENTRY_POINT_GROUP = "hub.plugins"
hookimpl = pluggy.HookimplMarker("hub")
_hookspec = pluggy.HookspecMarker("hub")

EventHook = Callable[[Event, Context], None]


class Hooks(Protocol):
    """The hooks. Signatures are the contract: argument names are checked at load."""

    @_hookspec
    def describe_provider(self) -> Provider:
        """Return the provider as data: name, settings schema, budget, links."""

    @_hookspec
    def test_connection(self, ctx: Context) -> str:
        """Make the cheapest authenticated call; return a sentence for the admin."""

    @_hookspec
    def webhook_key_url(self, request: WebhookRequest, ctx: Context) -> str | None:
        """Return the URL, host already checked, of the key `verify_webhook` needs."""

    @_hookspec
    def verify_webhook(self, request: WebhookRequest, ctx: Context) -> Verified:
        """Check the signature over the raw bytes, purely, or raise SignatureError."""

    @_hookspec
    def handle_webhook(self, webhook: InboundWebhook, ctx: Context) -> Iterable[Result]:
        """Parse, fetch where it only points, and yield one result per event in it."""

    @_hookspec
    def register_webhook(self, ctx: Context) -> ledger.Registration:
        """Create or renew the webhook at the provider and return its id."""

    @_hookspec
    def sync(self, ctx: Context, cursor: str | None) -> Iterator[Page]:
        """Yield pages of facts with the cursor to go on from."""

    @_hookspec
    def send_message(self, message: Message, ctx: Context) -> str | None:
        """Send a free message; return the provider's id of it, if there is one."""

    @_hookspec
    def find_made(self, reference: str, ctx: Context) -> str | None:
        """Return the provider's id of what `reference` (a key) made, if it exists."""

    @_hookspec
    def start_checkout(
        self, invoice: ledger.Invoice, charge: ledger.Charge, ctx: Context
    ) -> ledger.Checkout:
        """Open a hosted payment page for the charge, an attempt to pay the invoice."""

    @_hookspec
    def finish_checkout(
        self, charge: ledger.Charge, params: Mapping[str, str], ctx: Context
    ) -> Iterable[Fact]:
        """Take the payer back from the hosted page and say what became of it."""

    @_hookspec
    def check_payment(self, attempt: ledger.Charge, ctx: Context) -> Iterable[Fact]:
        """Ask the provider what became of an open charge."""

    @_hookspec
    def cancel_checkout(self, charge: ledger.Charge, ctx: Context) -> Iterable[Fact]:
        """Close a charge's hosted page, so that nobody pays there any more."""

    @_hookspec
    def refund_payment(
        self, payment: ledger.Payment, amount: Money, ctx: Context
    ) -> Iterable[Fact]:
        """Give money back and return the refund as facts."""

    @_hookspec
    def start_mandate(
        self, company: ledger.Company, request: ledger.MandateRequest, ctx: Context
    ) -> ledger.Checkout:
        """Open the provider's page on which a company gives a mandate."""

    @_hookspec
    def finish_mandate(
        self, request: ledger.MandateRequest, params: Mapping[str, str], ctx: Context
    ) -> Iterable[Fact]:
        """Take the payer back from the mandate page and say what became of it."""

    @_hookspec
    def collect_payment(
        self,
        invoice: ledger.Invoice,
        charge: ledger.Charge,
        mandate: ledger.Mandate,
        ctx: Context,
    ) -> Iterable[Fact]:
        """Collect the charge's amount of the invoice by direct debit."""

    @_hookspec
    def cancel_mandate(self, mandate: ledger.Mandate, ctx: Context) -> Iterable[Fact]:
        """Cancel a mandate at the provider."""

    @_hookspec
    def read_remote(
        self, kind: str, cursor: str | None, ctx: Context
    ) -> Iterator[Page]:
        """Read one kind of record of books or PSA, to plan changes against."""

    @_hookspec
    def push(self, change: Change, ctx: Context) -> str | None:
        """Apply one planned change and return the provider's id of the record."""

    @_hookspec
    def disconnect(self, ctx: Context) -> None:
        """Revoke tokens and unregister webhooks before a connection is removed."""

    @_hookspec
    def export_format(self) -> Any:
        """Return one or more export formats with their streaming writers."""

    @_hookspec
    def benchmark_figures(self, ctx: Context) -> Iterable[ledger.Figure]:
        """Return industry figures with source and year."""

    @_hookspec
    def simulator(self) -> Any:
        """Return a WSGI app factory that plays the provider (hub.sdk.simulator)."""


def _event_hook(event_type: str) -> Any:
    def on_event(self: Any, event: Event, ctx: Context) -> None: ...

    on_event.__name__ = hook_of(event_type)
    on_event.__doc__ = f"Act on `{event_type}` at the provider."
    return _hookspec(on_event)


for _type in EVENT_TYPES:
    setattr(Hooks, hook_of(_type), _event_hook(_type))

EVENT_HOOKS: Mapping[str, str] = {hook_of(name): name for name in EVENT_TYPES}
