"""The hub that the pages show."""

from typing import cast

from flask import current_app

from hub.boot import Hub


def the_hub() -> Hub:
    """The hub this application serves."""
    return cast(Hub, current_app.extensions["hub"])
