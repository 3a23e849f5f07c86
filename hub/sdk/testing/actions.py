"""The suite for hooks that call the provider: events, messages, checkouts, tests."""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.sdk.context import Context
from hub.sdk.errors import (
    CredentialsError,
    ProviderError,
    RateLimitError,
    RejectedError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.http import CallRecord
from hub.sdk.redaction import Redactor
from hub.sdk.testing import exchanges
from hub.sdk.testing.exchanges import BROKEN_REPLIES, Exchange
from hub.sdk.testing.kit import (
    MemoryLog,
    call,
    make_context,
    provider_of,
    secrets_of,
    settings_of,
)

ERRORS: Mapping[str, type[ProviderError]] = {
    "429": RateLimitError,
    "401": CredentialsError,
    "400": RejectedError,
    "500": UnavailableError,
    "timeout": UnavailableError,
    "junk": UnexpectedResponseError,
}
_ABOUT_KEYS = "test_idempotency_key_is_sent_and_stays"
# Logs what it is asked for; it stands in for the network.
_MOCK_LOG = "requests_mock"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One use of a hook. `file` (in the suite's `samples`) has its calls in order;
    `returns` is what the hook gives back, where that matters.

    `errors` replaces what a failure of the last call must lead to; None: the action
    succeeds all the same. `settings` are set over the suite's.
    """

    hook: str
    file: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, type[Exception] | None] = field(default_factory=dict)
    returns: Any = ...

    @property
    def name(self) -> str:
        """What the case is called."""
        return f"{self.hook}-{Path(self.file).stem}"


@dataclass(frozen=True)
class Outcome:
    """What became of one run of an action."""

    returned: Any
    error: BaseException | None
    sent: list[Any]
    headers: list[Mapping[str, str]]
    records: list[CallRecord]
    ctx: Context


class ActionSuite:
    """Subclass it in tests/test_conformance.py and say:

    - `plugin`: the plugin's module; `settings`: those of the connection
    - `samples`: the folder of the files that the actions name
    - `actions`: an `Action` for each hook that calls the provider
    - `key_header`: the header that carries the idempotency key, if the provider
      knows one
    - `prepare(ctx)`: what to put into state or references before each run
    """

    plugin: Any
    settings: ClassVar[Mapping[str, Any]] = {}
    samples: ClassVar[Path]
    actions: ClassVar[tuple[Action, ...]] = ()
    key_header: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Leave out the case that doesn't concern the provider."""
        plugin = getattr(cls, "plugin", None)
        if plugin and not (cls.key_header or provider_of(plugin).remembers_keys):
            setattr(cls, _ABOUT_KEYS, None)

    def prepare(self, ctx: Context) -> None:
        """Put what the actions need into state or references."""

    def test_request_is_built_as_the_sample_says(self, action: Action) -> None:
        outcome = self.run(action)
        wanted = [dict(exchange.request) for exchange in self.calls(action)]
        assert wanted == outcome.sent, repr(outcome.error)
        if outcome.error:
            raise outcome.error
        if action.returns is not ...:
            assert action.returns == outcome.returned

    def test_base_url_takes_every_call(self, action: Action) -> None:
        base = "http://localhost:9/stand-in"
        outcome = self.run(action, base=base)
        if outcome.error:
            raise outcome.error
        assert all(request["url"].startswith(base) for request in outcome.sent)

    def test_failure_means_the_right_error(self, action: Action, failure: str) -> None:
        wanted = {**ERRORS, **action.errors}[failure]
        outcome = self.run(action, broken=BROKEN_REPLIES[failure])
        if wanted is None:
            assert outcome.error is None
            return
        assert type(outcome.error) is wanted, f"{failure} led to {outcome.error!r}"
        if failure == "429" and isinstance(outcome.error, RateLimitError):
            assert outcome.error.retry_after == 7.0
        assert str(outcome.error).strip(), "an error says what happened"

    def test_no_secret_shows_however_it_ends(
        self, action: Action, ending: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The provider even says our secrets back to us."""
        caplog.set_level(logging.DEBUG)
        echo = {"text": " ".join(self.secrets(action))}
        broken = {**BROKEN_REPLIES[ending], **echo} if ending != "success" else None
        if broken and "exc" in broken:
            broken = {"exc": BROKEN_REPLIES[ending]["exc"](echo["text"])}
        outcome = self.run(action, broken=broken)
        assert outcome.records, "every call goes through ctx.http"
        shown = [repr(record) for record in outcome.records]
        shown += [repr(outcome.ctx), repr(outcome.ctx.http), repr(_log(outcome.ctx))]
        shown += [r.getMessage() for r in caplog.records if _MOCK_LOG not in r.name]
        if outcome.error:
            shown += [repr(vars(outcome.error)), str(outcome.error)]
            shown += traceback.format_exception(outcome.error)
        redactor = Redactor(self.secrets(action))
        leaking = [text for text in shown if redactor.text(text) != text]
        if leaking:  # an assertion would print them
            pytest.fail(redactor.text(f"a secret shows in: {leaking[0]}"))

    def test_idempotency_key_is_sent_and_stays(self, action: Action) -> None:
        """A retry carries the same key: the provider does it once."""
        assert self.key_header, "say which header carries the idempotency key"
        keys = [self._keys(self.run(action)) for _ in range(2)]
        assert keys[0] == keys[1]

    def _keys(self, outcome: Outcome) -> list[str | None]:
        changing = [r for r in outcome.records if r.method not in ("GET", "HEAD")]
        keys = [headers.get(self.key_header) for headers in outcome.headers]
        assert not changing or any(keys), f"no call carries {self.key_header}"
        return keys

    def run(
        self,
        action: Action,
        *,
        broken: Mapping[str, Any] | None = None,
        base: str = "",
    ) -> Outcome:
        """Run an action against its file."""
        records: list[CallRecord] = []
        ctx = make_context(
            self.plugin,
            {**self.settings, **action.settings},
            api_base_url=base,
            record=records.append,
        )
        self.prepare(ctx)
        calls = self.calls(action)
        calls = exchanges.at(base, calls) if base else calls
        returned, error = None, None
        with exchanges.played(calls, broken) as mocker:
            try:
                returned = call(self.plugin, action.hook, ctx=ctx, **action.arguments)
            except Exception as caught:
                error = caught
        sent = exchanges.sent(mocker, calls)
        headers = [request.headers for request in mocker.request_history]
        return Outcome(returned, error, sent, headers, records, ctx)

    def calls(self, action: Action) -> list[Exchange]:
        """Read the action's file."""
        return exchanges.read(self.samples / action.file)

    def secrets(self, action: Action) -> list[str]:
        """Return the values of the connection's secret settings."""
        provider = provider_of(self.plugin)
        settings = settings_of(provider, {**self.settings, **action.settings})
        return secrets_of(provider, settings)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each case for each action and failure."""
        if "action" in metafunc.fixturenames:
            assert self.actions, "say which actions the plugin has"
            names = [action.name for action in self.actions]
            metafunc.parametrize("action", self.actions, ids=names)
        if "failure" in metafunc.fixturenames:
            metafunc.parametrize("failure", BROKEN_REPLIES)
        if "ending" in metafunc.fixturenames:
            metafunc.parametrize("ending", ["success", *BROKEN_REPLIES])


def _log(ctx: Context) -> object:
    return ctx.log.entries if isinstance(ctx.log, MemoryLog) else ctx.log
