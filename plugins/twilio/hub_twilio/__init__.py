"""Twilio for the hub: text messages out, delivery reports and answers in."""

from typing import Any

from hub.hookspecs import hookimpl
from hub_twilio import actions, provider, webhooks

describe_provider = hookimpl(provider.describe_provider)
test_connection = hookimpl(actions.test_connection)
send_message = hookimpl(actions.send_message)
verify_webhook = hookimpl(webhooks.verify)
handle_webhook = hookimpl(webhooks.handle)


# Not named `simulator`: importing the package of that name would take its place.
@hookimpl(specname="simulator")
def play_twilio() -> Any:
    """Return the stand-in for Twilio."""
    from hub_twilio.simulator import TwilioSimulator

    return TwilioSimulator
