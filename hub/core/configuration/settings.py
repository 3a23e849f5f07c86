"""A connection's settings: check what is entered, resolve what is in force."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, missing
from marshmallow.validate import Range

from hub.sdk.errors import InvalidError
from hub.sdk.http import is_loopback
from hub.sdk.provider import Provider, SettingsSchema, secret_keys
from hub.sdk.redaction import Redactor

Source = Literal["environment", "stored", "default", "missing"]


def check_base_url(url: str) -> None:
    """Refuse what may not stand in for a provider's address."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (
        parts.scheme == "http" and is_loopback(parts.hostname or "")
    )
    if not secure or not parts.hostname or parts.username or parts.query:
        raise ValidationError(
            "Write an address such as https://eu.example.com; http is for this"
            " machine only, as in http://localhost:8100/name."
        )


class CommonSettings(SettingsSchema):
    """What every connection has, whatever its plugin."""

    rate_limit = fields.Float(
        validate=Range(min=0, min_inclusive=False, max=100_000),
        metadata={
            "title": "Calls per second",
            "help": "How fast the provider may be called; empty for the plugin's own.",
        },
    )
    api_base_url = fields.String(
        validate=check_base_url,
        metadata={
            "title": "API base URL",
            "help": "Takes the place of scheme and host in every call: a simulator,"
            " a mock, a regional host. Usually empty.",
        },
    )


def schema_of(provider: Provider) -> Schema:
    """The plugin's settings and the common ones, as one schema."""
    plugin = provider.settings
    together = {**plugin().declared_fields, **CommonSettings().declared_fields}
    schema: Schema = type(plugin.__name__, (plugin,), together)()
    return schema


def secret_names(provider: Provider) -> frozenset[str]:
    """Name the plugin's secret settings."""
    return secret_keys(provider.settings)


def env_name(slug: str, key: str) -> str:
    """Name the variable that overrides a setting: `SLACK_WEBHOOK_URL`."""
    return f"{slug}_{key}".upper().replace("-", "_")


def refuse_unknown(provider: Provider, keys: Iterable[str]) -> None:
    """Raise InvalidError if the provider has no such settings."""
    known = schema_of(provider).fields
    unknown = sorted(set(keys) - set(known))
    if unknown:
        raise InvalidError(
            f"{provider.title} has no setting {', '.join(unknown)}. Its settings are:"
            f" {', '.join(known)}.",
            {key: ["Unknown setting."] for key in unknown},
        )


def checked(
    provider: Provider, present: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `changes` as they may be stored: plain JSON values.

    InvalidError names each setting that is unknown or wrong, without its value.
    `present` are the other values, for rules about several settings at once.
    """
    refuse_unknown(provider, changes)
    schema = schema_of(provider)
    changes = {key: _read(schema.fields[key], v) for key, v in changes.items()}
    known = {k: v for k, v in present.items() if k in schema.fields}
    try:
        loaded = schema.load({**known, **changes}, partial=True, unknown=RAISE)
    except ValidationError as error:
        secrets = (changes.get(key) for key in secret_names(provider))
        raise _invalid(error, Redactor(str(s) for s in secrets if s)) from None
    dumped = schema.dump({key: loaded[key] for key in changes if key in loaded})
    plain: dict[str, Any] = json.loads(json.dumps(dumped, default=str))
    return plain


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The settings in force: typed `values` with defaults and environment applied,
    where each comes from, and what is `wrong` with some of them."""

    values: Mapping[str, Any] = field(repr=False)
    sources: Mapping[str, Source]
    wrong: Mapping[str, object]
    missing: tuple[str, ...]

    @property
    def problem(self) -> str:
        """What a person must do before the connection can be used; empty if nothing."""
        if self.wrong:
            return f"These settings are not valid: {_told(self.wrong)}"
        if self.missing:
            return f"These settings are missing: {', '.join(self.missing)}."
        return ""


def resolve(
    provider: Provider,
    slug: str,
    stored: Mapping[str, Any],
    environ: Mapping[str, str],
) -> Resolved:
    """Put defaults, stored values (secrets among them) and environment together."""
    schema = schema_of(provider)
    values, sources = _layered(schema, slug, stored, environ)
    wrong: Mapping[str, object] = {}
    given = {key: v for key, v in values.items() if sources[key] != "default"}
    try:
        loaded = schema.load(given, partial=True, unknown=EXCLUDE)
    except ValidationError as error:
        loaded, wrong = error.valid_data or {}, _messages(error)
    values = {k: loaded.get(k, v) for k, v in values.items() if k not in wrong}
    return Resolved(
        values=values,
        sources=sources,
        wrong=wrong,
        missing=_missing(provider, schema, values),
    )


def _layered(
    schema: Schema, slug: str, stored: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Source]]:
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for key, declared in schema.fields.items():
        sources[key] = "missing"
        if given := environ.get(env_name(slug, key)):
            values[key], sources[key] = _read(declared, given), "environment"
        elif stored.get(key) not in (None, ""):
            values[key], sources[key] = stored[key], "stored"
        elif declared.load_default is not missing:
            default = declared.load_default
            values[key] = default() if callable(default) else default
            sources[key] = "default"
    return values, sources


def _missing(
    provider: Provider, schema: Schema, values: Mapping[str, Any]
) -> tuple[str, ...]:
    """The shortest list of settings that would complete the connection."""
    always = [key for key, declared in schema.fields.items() if declared.required]
    lists = [
        [k for k in dict.fromkeys([*always, *group]) if values.get(k) in (None, "")]
        for group in provider.required or ((),)
    ]
    return tuple(sorted(lists, key=len)[0])


def _read(declared: fields.Field[Any], value: Any) -> Any:
    """Read what a command line or environment gave as text for a structured field."""
    structured = isinstance(declared, fields.Mapping | fields.List | fields.Nested)
    if not structured or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value  # the field says itself what is wrong with it


def _invalid(error: ValidationError, redactor: Redactor) -> InvalidError:
    # A plugin's own rule may quote what was entered.
    found = {
        key: [redactor.text(_flat(said))] for key, said in _messages(error).items()
    }
    return InvalidError(f"These settings are not valid: {_told(found)}", found)


def _messages(error: ValidationError) -> dict[str, Any]:
    found: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
    return found


def _told(messages: Mapping[str, object]) -> str:
    return " ".join(f"{key}: {_flat(said)}" for key, said in messages.items())


def _flat(said: object) -> str:
    if isinstance(said, Mapping):
        return " ".join(_flat(item) for item in said.values())
    return " ".join(map(str, said)) if isinstance(said, list) else str(said)
