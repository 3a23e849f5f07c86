"""The suite for `simulator`: the plugin against its own stand-in, over real HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import requests
from werkzeug.wrappers import Request, Response

from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import (
    ProviderError,
    RateLimitError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.samples import Sample
from hub.sdk.serving import Simulators, serve
from hub.sdk.simulator import ANSWER_FAULTS, WEBHOOK_FAULTS, Simulator
from hub.sdk.testing.kit import call, hooks_of, make_context, provider_of
from hub.sdk.webhooks import Heard, Result, Verified

FAULTS: Mapping[str, type[ProviderError]] = {
    "429": RateLimitError,
    "500": UnavailableError,
    "503": UnavailableError,
    "drop": UnavailableError,
    "drip": UnavailableError,
    "slow": UnavailableError,
    "junk": UnexpectedResponseError,
}
_SECONDS = 10


@dataclass
class Inbox:
    """Where the simulator's webhooks arrive."""

    taken: list[Sample] = field(default_factory=list)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Take anything."""
        request = Request(environ)
        headers = tuple((name, value) for name, value in request.headers)
        name = f"taken-{len(self.taken)}"
        self.taken.append(Sample(name=name, headers=headers, body=request.get_data()))
        return Response(status=200)(environ, start_response)


@dataclass(frozen=True)
class Stage:
    """A simulator being served, where its webhooks go, and a connection to it."""

    app: Simulator
    url: str
    inbox: Inbox
    ctx: Context

    def post(self, path: str, **data: Any) -> Any:
        """Drive the simulator."""
        answer = requests.post(self.url + path, json=data, timeout=_SECONDS)
        assert answer.ok, answer.text
        return answer.json()


class SimulatorSuite:
    """Subclass it in tests/test_conformance.py and say:

    - `plugin`: the plugin's module
    - `settings`: what a connection to the simulator needs besides what the
      simulator's own `settings(url)` says
    - `happen(stage)`: make something happen at the simulator that it tells the hub
      by webhook; leave it out where the simulator sends none
    """

    plugin: Any
    settings: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        """Leave out the cases that don't concern the simulator."""
        if cls.happen is SimulatorSuite.happen:
            for name in _ABOUT_WEBHOOKS:
                setattr(cls, name, None)

    def happen(self, stage: Stage) -> None:
        """Make something happen that the simulator tells the hub."""
        raise NotImplementedError

    def test_simulator_needs_no_configuration(self) -> None:
        with self.stage() as stage:
            state = requests.get(f"{stage.url}/_sim/state", timeout=_SECONDS).json()
        assert {"faults", "requests", "webhooks"} <= set(state)

    def test_connection_to_it_works(self) -> None:
        with self.stage() as stage:
            said = call(self.plugin, "test_connection", ctx=stage.ctx)
        assert str(said).strip(), "test_connection returns a sentence"

    def test_fault_is_the_right_error(self, fault: str) -> None:
        with self.stage(timeout=2.0) as stage:
            stage.post("/_sim/faults", kind=fault, count=None)
            with pytest.raises(ProviderError) as caught:
                call(self.plugin, "test_connection", ctx=stage.ctx)
            assert type(caught.value) is FAULTS[fault], repr(caught.value)
            requests.delete(f"{stage.url}/_sim/faults", timeout=_SECONDS)
            assert call(self.plugin, "test_connection", ctx=stage.ctx)

    def test_all_faults_are_offered(self) -> None:
        with self.stage() as stage:
            for kind in (*ANSWER_FAULTS, *WEBHOOK_FAULTS):
                stage.post("/_sim/faults", kind=kind, count=1)

    def test_unknown_path_is_the_callers_mistake(self) -> None:
        with self.stage() as stage:
            url = f"{stage.url}/no/such/path"
            answer = requests.get(url, timeout=_SECONDS)
        assert 400 <= answer.status_code < 500

    def test_reset_brings_back_the_beginning(self) -> None:
        with self.stage() as stage:
            before = requests.get(f"{stage.url}/_sim/state", timeout=_SECONDS).json()
            if type(self).happen is not SimulatorSuite.happen:
                self.happen(stage)
                stage.app.wait_idle()
            stage.post("/_sim/reset")
            after = requests.get(f"{stage.url}/_sim/state", timeout=_SECONDS).json()
        assert before == after

    def test_webhooks_verify_and_are_understood(self) -> None:
        with self.stage() as stage:
            self.happen(stage)
            stage.app.wait_idle()
            assert stage.inbox.taken, "nothing came"
            results = [
                result
                for sample in stage.inbox.taken
                for result in self.heard(sample, stage)
            ]
        assert all(isinstance(result, Heard) for result in results)

    def test_webhook_sent_twice_has_the_same_dedupe_key(self) -> None:
        with self.stage() as stage:
            stage.post("/_sim/faults", kind="duplicate", count=1)
            self.happen(stage)
            stage.app.wait_idle()
            first, second = stage.inbox.taken[:2]
            keys = {self.verified(s, stage).dedupe_key for s in (first, second)}
        assert len(keys) == 1

    @contextmanager
    def stage(self, timeout: float = 10.0) -> Iterator[Stage]:
        """Serve the simulator as `hub sim` does, below the plugin's name."""
        made = call(self.plugin, "simulator")
        app: Simulator = made if isinstance(made, Simulator) else made()
        name, inbox = provider_of(self.plugin).name, Inbox()
        with serve(inbox) as hub, serve(Simulators({name: app})) as served:
            url = f"{served.url}/{name}"
            given = {**app.settings(url), **self.settings}
            base = given.pop("api_base_url", url)
            ctx = make_context(
                self.plugin, given, api_base_url=base, delivery=None, timeout=timeout
            )
            app.configure({"webhook_url": f"{hub.url}/webhooks/{name}"})
            yield Stage(app, url, inbox, ctx)

    def verified(self, sample: Sample, stage: Stage) -> Verified:
        """Verify what came as the hub does, fetching a key where one is asked for."""
        request = sample.request(stage.ctx.webhook_url, clock.now())
        key = None
        if "webhook_key_url" in hooks_of(self.plugin):
            url = call(self.plugin, "webhook_key_url", request=request, ctx=stage.ctx)
            key = requests.get(url, timeout=_SECONDS).content if url else None
        request = sample.request(stage.ctx.webhook_url, clock.now(), key)
        verified = call(self.plugin, "verify_webhook", request=request, ctx=stage.ctx)
        assert isinstance(verified, Verified)
        return verified

    def heard(self, sample: Sample, stage: Stage) -> list[Result]:
        """Verify and understand what came."""
        self.verified(sample, stage)
        webhook = sample.webhook(clock.now())
        return list(call(self.plugin, "handle_webhook", webhook=webhook, ctx=stage.ctx))

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the case of faults for each fault."""
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", FAULTS)


_ABOUT_WEBHOOKS = (
    "test_webhooks_verify_and_are_understood",
    "test_webhook_sent_twice_has_the_same_dedupe_key",
)
