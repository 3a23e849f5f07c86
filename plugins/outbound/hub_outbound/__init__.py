"""Outgoing webhooks for the hub: every event, signed by the Standard Webhooks spec."""

from typing import Any

from hub.hookspecs import hookimpl
from hub_outbound import actions, provider

describe_provider = hookimpl(provider.describe_provider)
test_connection = hookimpl(actions.test_connection)
send_message = hookimpl(actions.send_message)

# Which of them are sent is ticked on the connection's page.
on_payment_received = hookimpl(actions.post_event)
on_payment_failed = hookimpl(actions.post_event)
on_payment_refunded = hookimpl(actions.post_event)
on_payment_disputed = hookimpl(actions.post_event)
on_invoice_created = hookimpl(actions.post_event)
on_invoice_updated = hookimpl(actions.post_event)
on_invoice_sent = hookimpl(actions.post_event)
on_invoice_paid = hookimpl(actions.post_event)
on_invoice_overdue = hookimpl(actions.post_event)
on_invoice_anomaly = hookimpl(actions.post_event)
on_quote_accepted = hookimpl(actions.post_event)
on_quote_declined = hookimpl(actions.post_event)
on_company_changed = hookimpl(actions.post_event)
on_device_count_changed = hookimpl(actions.post_event)
on_alert_raised = hookimpl(actions.post_event)
on_alert_resolved = hookimpl(actions.post_event)
on_mandate_changed = hookimpl(actions.post_event)
on_connection_failing = hookimpl(actions.post_event)
on_connection_recovered = hookimpl(actions.post_event)


# Not named `simulator`: importing the module of that name would take its place.
@hookimpl(specname="simulator")
def play_receiver() -> Any:
    """Return the stand-in for a receiver."""
    from hub_outbound.simulator import OutboundSimulator

    return OutboundSimulator
