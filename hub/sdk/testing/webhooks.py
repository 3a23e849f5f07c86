"""The suite for `verify_webhook` and `handle_webhook`."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests_mock
import time_machine

from hub.sdk import samples
from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, SignatureError
from hub.sdk.samples import Sample
from hub.sdk.testing.kit import (
    call,
    hooks_of,
    make_context,
    no_network,
    results_to_json,
)
from hub.sdk.webhooks import Heard, Result, Unheard, Verified

DEEP = 100_000
BROKEN_BODIES = {
    "empty": b"",
    "junk": b"\x00\x01junk that nobody sends",
    "not an object": b"[1, 2, 3]",
    "null": b"null",
    "only braces": b"{}",
    "wrong types": b'{"id": {"a": 1}, "type": 7, "event_type": [], "resource": 0}',
    "deep": b"[" * DEEP + b"]" * DEEP,
    "deep object": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "huge number": b'{"id": ' + b"9" * 100_000 + b"}",
    "not UTF-8": b'{"id": "\xff\xfe\xfa"}',
    "UTF-16": '{"id": "é"}'.encode("utf-16"),
    "lone surrogate": b'{"id": "\\ud800"}',
    "NUL": b'{"id": "a\\u0000b"}',
    "cut off": b'{"id": "WH-1", "type": "pay',
    "large": b'{"id": "' + b"x" * 900_000 + b'"}',
}


_ABOUT_BODIES = (
    "test_one_byte_changed_is_refused",
    "test_one_byte_more_is_refused",
    "test_broken_body_is_refused_for_its_signature",
)
_ABOUT_TIME = (
    "test_old_signature_is_refused",
    "test_signature_just_young_enough_is_taken",
)
_ABOUT_NO_TIME = ("test_signature_without_a_time_holds_for_days",)
_ABOUT_ROTATION = ("test_both_secrets_hold_while_they_rotate",)


class WebhookSuite:
    """Subclass it in tests/test_conformance.py and say:

    - `plugin`: the plugin's module; `settings`: those the samples are signed for
    - `samples`: the folder with `*.http` and beside each its `*.facts.json`
    - `now`: the moment at which the samples are fresh
    - `signature_headers`: without any one of them a request is refused
    - `secret_setting`: the setting a signature depends on
    - `tolerance`: how old a signed request may be, where the provider signs a time
    - `rotating`: settings under which old and new secret both hold, if supported
    - `unknown_event`: a body of an event type that the plugin doesn't know
    - `signs_body`: False where the provider only sends a secret in a header
    """

    plugin: Any
    settings: ClassVar[Mapping[str, Any]] = {}
    samples: ClassVar[Path]
    now: ClassVar[datetime]
    signature_headers: ClassVar[tuple[str, ...]] = ()
    secret_setting: ClassVar[str] = "webhook_secret"  # noqa: S105 - its name
    tolerance: ClassVar[timedelta | None] = None
    rotating: ClassVar[Mapping[str, Any] | None] = None
    unknown_event: ClassVar[bytes] = b""
    signs_body: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        """Leave out the cases that don't concern the provider."""
        out: tuple[str, ...] = ()
        if not cls.signs_body:
            out += _ABOUT_BODIES
        out += _ABOUT_NO_TIME if cls.tolerance else _ABOUT_TIME
        if cls.rotating is None:
            out += _ABOUT_ROTATION
        for name in out:
            setattr(cls, name, None)

    # What a plugin may have to say besides

    def fetch_key(self, url: str) -> bytes:
        """Return what lies at a URL that `webhook_key_url` gave."""
        raise NotImplementedError(f"override fetch_key: the plugin asks for {url}")

    def mock(self, mocker: requests_mock.Mocker) -> None:
        """Register the replies that `handle_webhook` fetches, if it fetches any."""

    # Verifying

    def test_every_sample_verifies(self, sample: Sample) -> None:
        assert isinstance(self.verify(sample), Verified)

    def test_same_sample_twice_has_the_same_dedupe_key(self, sample: Sample) -> None:
        assert self.verify(sample).dedupe_key == self.verify(sample).dedupe_key

    def test_one_byte_changed_is_refused(self, sample: Sample) -> None:
        for place in {0, len(sample.body) // 2, len(sample.body) - 1} - {-1}:
            body = bytearray(sample.body)
            body[place] ^= 1
            self.refuses(replace(sample, body=bytes(body)))

    def test_one_byte_more_is_refused(self, sample: Sample) -> None:
        self.refuses(replace(sample, body=sample.body + b" "))

    def test_missing_signature_is_refused(self, sample: Sample) -> None:
        assert self.signature_headers, "say which headers hold the signature"
        for name in self.signature_headers:
            self.refuses(with_header(sample, name, None))
        self.refuses(replace(sample, headers=()))

    def test_signature_of_junk_is_refused(self, sample: Sample) -> None:
        for name in self.signature_headers:
            for junk in ("", "junk", "=", "é", "v0=", "0" * 5000, "t=1,v1=x"):
                self.refuses(with_header(sample, name, junk))

    def test_wrong_secret_is_refused(self, sample: Sample) -> None:
        self.refuses(sample, {self.secret_setting: "not-the-secret-that-signed-it"})

    def test_no_secret_refuses_everything(self, sample: Sample) -> None:
        """An empty key would let anybody sign."""
        settings = {**self.settings}
        settings.pop(self.secret_setting)
        self.refuses(sample, settings, whole=True)
        self.refuses(sample, {self.secret_setting: ""})

    def test_old_signature_is_refused(self, sample: Sample) -> None:
        beyond = (self.tolerance or timedelta()) + timedelta(seconds=2)
        self.refuses(sample, now=self.now + beyond)
        self.refuses(sample, now=self.now - beyond)

    def test_signature_just_young_enough_is_taken(self, sample: Sample) -> None:
        young = (self.tolerance or timedelta()) - timedelta(seconds=2)
        assert isinstance(self.verify(sample, now=self.now + young), Verified)

    def test_signature_without_a_time_holds_for_days(self, sample: Sample) -> None:
        """Providers send again for days."""
        later = self.now + timedelta(days=3)
        assert isinstance(self.verify(sample, now=later), Verified)

    def test_both_secrets_hold_while_they_rotate(self, sample: Sample) -> None:
        both = self.verify(sample, self.rotating)
        assert both.dedupe_key == self.verify(sample).dedupe_key

    # Understanding

    def test_sample_says_exactly_what_its_facts_file_says(self, sample: Sample) -> None:
        came_out = results_to_json(self.handle(sample))
        text = json.dumps(came_out, indent=2, ensure_ascii=False)
        path = self.samples / f"{sample.name}.facts.json"
        assert path.exists(), f"write {path.name}; what came out:\n{text}"
        assert json.loads(path.read_bytes()) == came_out

    def test_same_sample_twice_says_the_same(self, sample: Sample) -> None:
        assert self.handle(sample) == self.handle(sample)

    def test_facts_of_one_sample_have_different_ids(self, sample: Sample) -> None:
        heard = [r for r in self.handle(sample) if isinstance(r, Heard)]
        ids = [fact.id for result in heard for fact in result.facts]
        assert len(set(ids)) == len(ids)

    def test_unknown_event_says_nothing_and_is_no_error(self) -> None:
        assert self.unknown_event, "give the body of an event you don't know"
        results = self.handle(self.bare(self.unknown_event))
        assert results
        told = [r for r in results if isinstance(r, Unheard) or r.facts]
        assert not told

    def test_broken_body_is_never_more_than_unreadable(self, broken: bytes) -> None:
        try:
            results = self.handle(self.bare(broken))
        except PayloadError:
            return
        told = [r for r in results if isinstance(r, Heard) and r.facts]
        assert not told

    def test_broken_body_is_refused_for_its_signature(self, broken: bytes) -> None:
        for sample in self.all_samples()[:1]:
            self.refuses(replace(sample, body=broken))

    # How

    def verify(
        self,
        sample: Sample,
        changes: Mapping[str, Any] | None = None,
        *,
        now: datetime | None = None,
        whole: bool = False,
    ) -> Verified:
        """Verify a sample as the hub does: key fetched first, then no network."""
        settings = (
            changes if whole and changes else {**self.settings, **(changes or {})}
        )
        ctx = make_context(self.plugin, settings)
        key = None
        with self.at(now), no_network():
            request = sample.request(ctx.webhook_url, now or self.now)
            if "webhook_key_url" in hooks_of(self.plugin):
                url = call(self.plugin, "webhook_key_url", request=request, ctx=ctx)
                key = self.fetch_key(url) if url else None
            verified = call(
                self.plugin,
                "verify_webhook",
                request=replace(request, key=key),
                ctx=ctx,
            )
        assert isinstance(verified, Verified)
        return verified

    def refuses(
        self,
        sample: Sample,
        changes: Mapping[str, Any] | None = None,
        *,
        now: datetime | None = None,
        whole: bool = False,
    ) -> None:
        """Assert that a request is refused, in words that hold no secret."""
        with pytest.raises(SignatureError) as caught:
            self.verify(sample, changes, now=now, whole=whole)
        secret = str(self.settings.get(self.secret_setting, ""))
        assert not secret or secret not in str(caught.value)

    def handle(self, sample: Sample) -> list[Result]:
        """Let the plugin understand a sample; only mocked replies are fetched."""
        ctx: Context = make_context(self.plugin, self.settings, delivery=None)
        with self.at(None), no_network(), requests_mock.Mocker() as mocker:
            self.mock(mocker)
            webhook = sample.webhook(self.now)
            results = call(self.plugin, "handle_webhook", webhook=webhook, ctx=ctx)
        return list(results)

    @contextmanager
    def at(self, moment: datetime | None) -> Iterator[None]:
        """Stop the clock."""
        with time_machine.travel(moment or self.now, tick=False):
            yield

    def bare(self, body: bytes) -> Sample:
        """Return the first sample with another body."""
        return replace(self.all_samples()[0], name="changed", body=body)

    @classmethod
    def all_samples(cls) -> list[Sample]:
        """Read the samples; none at all is a mistake in `samples`."""
        found = [samples.read(path) for path in sorted(cls.samples.glob("*.http"))]
        assert found, f"there is no *.http in {cls.samples}"
        return found

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each case for each sample."""
        if "sample" in metafunc.fixturenames:
            found = self.all_samples()
            metafunc.parametrize("sample", found, ids=[each.name for each in found])
        if "broken" in metafunc.fixturenames:
            metafunc.parametrize("broken", BROKEN_BODIES.values(), ids=BROKEN_BODIES)


def with_header(sample: Sample, name: str, value: str | None) -> Sample:
    """Return the sample with one header changed, or left out."""
    kept = tuple(pair for pair in sample.headers if pair[0].lower() != name.lower())
    return replace(sample, headers=kept if value is None else (*kept, (name, value)))
