"""Outgoing webhooks before the suites that every plugin passes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import hub_outbound
from hub.sdk.testing import ProviderSuite, SimulatorSuite
from hub.sdk.testing.kit import call


class TestProvider(ProviderSuite):
    """What the plugin says of itself."""

    plugin = hub_outbound
    settings: ClassVar[Mapping[str, Any]] = {
        "url": "https://hooks.example.com/hub",
        "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    readme = Path(__file__).parents[1] / "README.md"


class TestSimulator(SimulatorSuite):
    """The receiver."""

    plugin = hub_outbound

    def test_fault_is_the_right_error(self, fault: str) -> None:
        """Whatever a receiver says with a 2xx, it took the webhook."""
        if fault != "junk":
            super().test_fault_is_the_right_error(fault)
            return
        with self.stage() as stage:
            stage.post("/_sim/faults", kind=fault, count=1)
            assert call(self.plugin, "test_connection", ctx=stage.ctx)
