"""What a plugin is tested with: suites that ours and third parties' plugins pass.

Subclass them in the plugin's tests/test_conformance.py; each says what it needs.
"""

import pytest

_MODULES = ("actions", "exchanges", "kit", "provider", "simulator", "sync", "webhooks")
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _MODULES))

from hub.sdk.testing.actions import Action, ActionSuite  # noqa: E402 - after rewriting
from hub.sdk.testing.kit import (  # noqa: E402
    MemoryLedger,
    MemoryLog,
    MemoryReferences,
    MemoryState,
    call,
    facts_from_json,
    facts_to_json,
    hooks_of,
    make_context,
    no_network,
    results_to_json,
)
from hub.sdk.testing.provider import ProviderSuite  # noqa: E402
from hub.sdk.testing.simulator import SimulatorSuite, Stage  # noqa: E402
from hub.sdk.testing.sync import SyncSuite  # noqa: E402
from hub.sdk.testing.webhooks import WebhookSuite  # noqa: E402

__all__ = [
    "Action",
    "ActionSuite",
    "MemoryLedger",
    "MemoryLog",
    "MemoryReferences",
    "MemoryState",
    "ProviderSuite",
    "SimulatorSuite",
    "Stage",
    "SyncSuite",
    "WebhookSuite",
    "call",
    "facts_from_json",
    "facts_to_json",
    "hooks_of",
    "make_context",
    "no_network",
    "results_to_json",
]
