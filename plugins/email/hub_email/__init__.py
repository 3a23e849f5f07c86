"""E-mail for the hub, over SMTP: to clients' contacts and to staff."""

from typing import Any

from hub.hookspecs import hookimpl
from hub_email import actions, provider

describe_provider = hookimpl(provider.describe_provider)
test_connection = hookimpl(actions.test_connection)
send_message = hookimpl(actions.send_message)


# Not named `simulator`: importing the package of that name would take its place.
@hookimpl(specname="simulator")
def play_mail_server() -> Any:
    """Return the stand-in for a mail server."""
    from hub_email.simulator import EmailSimulator

    return EmailSimulator
