"""Slack for the hub: cards and free messages out, signed requests in."""

from typing import Any

from hub.hookspecs import hookimpl
from hub_slack import actions, conversation, provider, webhooks

describe_provider = hookimpl(provider.describe_provider)
test_connection = hookimpl(actions.test_connection)
verify_webhook = hookimpl(webhooks.verify)
handle_webhook = hookimpl(conversation.handle)
send_message = hookimpl(actions.send_message)

# One look per event type stands in `cards`; posting is the same for all.
on_payment_received = hookimpl(actions.post_card)
on_payment_failed = hookimpl(actions.post_card)
on_payment_refunded = hookimpl(actions.post_card)
on_payment_disputed = hookimpl(actions.post_card)
on_invoice_sent = hookimpl(actions.post_card)
on_invoice_overdue = hookimpl(actions.post_card)
on_invoice_anomaly = hookimpl(actions.post_card)
on_quote_accepted = hookimpl(actions.post_card)
on_mandate_changed = hookimpl(actions.post_mandate_card)
on_connection_failing = hookimpl(actions.post_card)
on_connection_recovered = hookimpl(actions.post_card)


# Not named `simulator`: importing the package of that name would take its place.
@hookimpl(specname="simulator")
def play_slack() -> Any:
    """Return the stand-in for Slack."""
    from hub_slack.simulator import SlackSimulator

    return SlackSimulator
