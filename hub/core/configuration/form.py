"""A connection's settings as a person sees them: the form, secrets never in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import fields, missing
from marshmallow.validate import OneOf

from hub.core.configuration.live import LiveConnection
from hub.core.configuration.settings import Source, env_name, schema_of, secret_names
from hub.sdk.provider import Provider

Kind = Literal["text", "secret", "number", "switch", "choice", "json"]
_SECRET_SHOWN: Mapping[Source, str] = {
    "stored": "set",
    "environment": "set by environment",
    "default": "default",
    "missing": "missing",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting. `value` is None for secrets; `variable` is the environment's name
    for it, which wins over what is stored."""

    key: str
    title: str
    help: str
    kind: Kind
    choices: tuple[tuple[str, str], ...]
    default: Any
    value: Any
    source: Source
    variable: str
    missing: bool

    @property
    def shown(self) -> str:
        """The value in a few words; a secret only as set or missing."""
        if self.kind == "secret":
            return _SECRET_SHOWN[self.source]
        if self.value is None:
            return "missing" if self.missing else ""
        mark = "" if self.source == "stored" else f" ({self.source})"
        return f"{self.value}{mark}"


def form(connection: LiveConnection) -> tuple[Setting, ...]:
    """The settings of a connection, in form order; nothing for a broken plugin."""
    if connection.provider is None:
        return ()
    return _settings(
        connection.provider,
        connection.slug,
        connection.settings,
        connection.sources,
        frozenset(connection.missing),
    )


def empty_form(provider: Provider) -> tuple[Setting, ...]:
    """The settings of a connection that is yet to be added."""
    return _settings(provider, provider.name, {}, {}, frozenset())


def _settings(
    provider: Provider,
    slug: str,
    values: Mapping[str, Any],
    sources: Mapping[str, Source],
    lacking: frozenset[str],
) -> tuple[Setting, ...]:
    secret = secret_names(provider)
    return tuple(
        Setting(
            key=key,
            title=str(declared.metadata.get("title") or key.replace("_", " ").title()),
            help=str(declared.metadata.get("help") or ""),
            kind="secret" if key in secret else _kind(declared),
            choices=_choices(declared),
            default=_default(declared),
            value=None if key in secret else values.get(key),
            source=sources.get(key, "missing"),
            variable=env_name(slug, key),
            missing=key in lacking,
        )
        for key, declared in schema_of(provider).fields.items()
    )


def _kind(declared: fields.Field[Any]) -> Kind:
    if isinstance(declared, fields.Boolean):
        return "switch"
    if isinstance(declared, fields.Number):
        return "number"
    if isinstance(declared, fields.Mapping | fields.List | fields.Nested):
        return "json"
    return "choice" if _choices(declared) else "text"


def _choices(declared: fields.Field[Any]) -> tuple[tuple[str, str], ...]:
    for rule in declared.validators:
        if isinstance(rule, OneOf):
            labels = [str(label) for label in rule.labels]
            values = [str(value) for value in rule.choices]
            labels += values[len(labels) :]
            return tuple(zip(values, labels, strict=False))
    return ()


def _default(declared: fields.Field[Any]) -> Any:
    default = declared.load_default
    if default is missing:
        return None
    return default() if callable(default) else default
