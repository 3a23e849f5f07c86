"""E-mail before the suites that every plugin passes; it makes no HTTP calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import hub_email
from hub.sdk.testing import ProviderSuite, SimulatorSuite


class TestProvider(ProviderSuite):
    """What e-mail says of itself."""

    plugin = hub_email
    settings: ClassVar[Mapping[str, Any]] = {
        "host": "smtp.example.com",
        "username": "billing@example.com",
        "password": "made-up/Plover+42",
        "from_address": "Example IT <billing@example.com>",
    }
    readme = Path(__file__).parents[1] / "README.md"


class TestSimulator(SimulatorSuite):
    """The stand-in for a mail server."""

    plugin = hub_email
