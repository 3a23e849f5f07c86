"""The suite for `describe_provider` and the plugin's README."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from marshmallow import Schema

from hub.sdk.events import EVENT_TYPES, hook_of
from hub.sdk.provider import Provider, SettingsSchema, secret_keys
from hub.sdk.redaction import is_secret_name
from hub.sdk.testing.kit import (
    call,
    hooks_of,
    make_context,
    no_network,
    secrets_of,
    settings_of,
)

# `hub connections add` takes these for every connection.
EVERYWHERE = frozenset({"rate_limit", "api_base_url"})


class ProviderSuite:
    """Subclass it in tests/test_conformance.py and say:

    - `plugin`: the plugin's module; `settings`: a connection's, all required ones
    - `readme`: the README for the admin
    """

    plugin: Any
    settings: ClassVar[Mapping[str, Any]] = {}
    readme: ClassVar[Path]

    @property
    def provider(self) -> Provider:
        """What the plugin describes."""
        with no_network():
            provider = call(self.plugin, "describe_provider")
        assert isinstance(provider, Provider)
        return provider

    @property
    def schema(self) -> Schema:
        """Its settings."""
        return self.provider.settings()

    def test_provider_is_described_in_full(self) -> None:
        provider = self.provider
        assert re.fullmatch(r"[a-z][a-z0-9_]*", provider.name)
        assert provider.title.strip()
        assert provider.summary.strip()
        assert re.match(r"https://", provider.docs_url or "https://")
        assert provider.budget.per_second > 0
        assert provider.budget.concurrency > 0

    def test_hosts_are_exact_names(self) -> None:
        for host in self.provider.hosts:
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host), host

    def test_settings_are_a_schema_with_titles(self) -> None:
        assert issubclass(self.provider.settings, SettingsSchema)
        untitled = {
            name
            for name, declared in self.schema.fields.items()
            if not str(declared.metadata.get("title", "")).strip()
        }
        assert not untitled, f"give metadata={{'title': …}} to {untitled}"

    def test_settings_leave_the_common_names_to_the_hub(self) -> None:
        assert not EVERYWHERE & set(self.schema.fields)

    def test_secrets_are_marked(self) -> None:
        named = {name for name in self.schema.fields if is_secret_name(name)}
        unmarked = named - secret_keys(self.provider.settings)
        assert not unmarked, f"use hub.sdk.provider.secret() for {unmarked}"

    def test_required_settings_are_declared_and_given(self) -> None:
        groups = self.provider.required
        assert {name for group in groups for name in group} <= set(self.schema.fields)
        whole = settings_of(self.provider, self.settings)
        assert any(all(whole.get(name) for name in group) for group in groups)

    def test_unknown_setting_is_refused(self) -> None:
        assert self.schema.validate({"no_such_setting": "x"}, partial=True)

    def test_ages_are_for_events_that_it_hears(self) -> None:
        assert set(self.provider.max_age) <= {"*", *EVENT_TYPES}

    def test_connection_can_be_tested(self) -> None:
        if self.provider.needs_connection:
            assert "test_connection" in hooks_of(self.plugin)

    def test_context_shows_no_secret(self) -> None:
        ctx = make_context(self.plugin, self.settings)
        secrets = secrets_of(self.provider, ctx.settings)
        assert not [s for s in secrets if s in repr(ctx) + repr(ctx.http)]

    def test_readme_names_every_setting(self) -> None:
        missing = {name for name in self.schema.fields if name not in self._readme()}
        assert not missing, f"say in the README what {missing} are"

    def test_readme_names_every_event_it_acts_on(self) -> None:
        hooks = hooks_of(self.plugin)
        heard = {name for name in EVENT_TYPES if hook_of(name) in hooks}
        missing = {name for name in heard if name not in self._readme()}
        assert not missing, f"say in the README what it does on {missing}"

    def _readme(self) -> str:
        return self.readme.read_text(encoding="utf-8")
