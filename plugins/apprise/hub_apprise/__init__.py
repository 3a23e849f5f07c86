"""Apprise for the hub: what happens, told to any service that it knows."""

from typing import Any

from hub.hookspecs import hookimpl
from hub_apprise import actions, provider

describe_provider = hookimpl(provider.describe_provider)
test_connection = hookimpl(actions.test_connection)
send_message = hookimpl(actions.send_message)

# One look per event type stands in `hub.sdk.cards`; telling is the same for all.
on_payment_received = hookimpl(actions.tell)
on_payment_failed = hookimpl(actions.tell)
on_payment_refunded = hookimpl(actions.tell)
on_payment_disputed = hookimpl(actions.tell)
on_invoice_sent = hookimpl(actions.tell)
on_invoice_paid = hookimpl(actions.tell)
on_invoice_overdue = hookimpl(actions.tell)
on_invoice_anomaly = hookimpl(actions.tell)
on_quote_accepted = hookimpl(actions.tell)
on_alert_raised = hookimpl(actions.tell)
on_alert_resolved = hookimpl(actions.tell)
on_mandate_changed = hookimpl(actions.tell_of_mandate)
on_connection_failing = hookimpl(actions.tell)
on_connection_recovered = hookimpl(actions.tell)


# Not named `simulator`: importing the module of that name would take its place.
@hookimpl(specname="simulator")
def play_target() -> Any:
    """Return the stand-in for a service."""
    from hub_apprise.simulator import AppriseSimulator

    return AppriseSimulator
