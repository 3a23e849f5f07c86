"""Apprise before the suites that every plugin passes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

import hub_apprise
from hub.sdk.errors import UnavailableError
from hub.sdk.testing import ProviderSuite, SimulatorSuite
from hub.sdk.testing.kit import call
from hub_apprise import library


class TestProvider(ProviderSuite):
    """What the plugin says of itself."""

    plugin = hub_apprise
    settings: ClassVar[Mapping[str, Any]] = {"urls": "jsons://user:xyzzy@example.com"}
    readme = Path(__file__).parents[1] / "README.md"


class TestSimulator(SimulatorSuite):
    """The service."""

    plugin = hub_apprise

    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(library, "SECONDS", 2.0)

    def test_fault_is_the_right_error(self, fault: str) -> None:
        """The library says no more than that it failed; any 2xx is none for it."""
        with self.stage() as stage:
            stage.post("/_sim/faults", kind=fault, count=1)
            if fault == "junk":
                assert call(self.plugin, "test_connection", ctx=stage.ctx)
                return
            with pytest.raises(UnavailableError) as caught:
                call(self.plugin, "test_connection", ctx=stage.ctx)
            assert caught.value.outcome_unknown
            assert call(self.plugin, "test_connection", ctx=stage.ctx)
