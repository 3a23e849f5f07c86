"""A contact's consents as pages show them."""

from typing import Any


def newest(contact: Any, channel: str) -> Any:
    """The newest word on a channel, None if there never was one."""
    said = [each for each in contact.consents if each.channel == channel]
    return said[-1] if said else None
