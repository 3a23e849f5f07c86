"""A plugin under test: its hooks called as the hub calls them, over memory."""

import inspect
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from marshmallow import missing

from hub.sdk.context import Context
from hub.sdk.fact_data import from_data, to_data
from hub.sdk.facts import Fact
from hub.sdk.http import ApiClient, CallRecord
from hub.sdk.ledger import Balance, Invoice
from hub.sdk.provider import Provider, secret_keys
from hub.sdk.redaction import Redactor
from hub.sdk.webhooks import Heard, Result

HUB_URL = "https://hub.example.com"


class MemoryState:
    """A connection's state in memory; `secret` names what was stored as secret."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        self.values: dict[str, Any] = {}
        self.secret: set[str] = set()
        self._redactor = redactor or Redactor()

    def get(self, key: str) -> Any:
        """Return the value, or None."""
        return self.values.get(key)

    def set(
        self, key: str, value: Any, *, secret: bool = False, ttl: float | None = None
    ) -> None:
        """Keep a value; it stays, whatever its `ttl`."""
        self.values[key] = value
        if secret:
            self.secret.add(key)
            self._redactor.add(str(value))

    def delete(self, key: str) -> None:
        """Forget a value."""
        self.values.pop(key, None)


class MemoryReferences:
    """External references in memory: `saved[entity, kind] = (id, url)`."""

    def __init__(self) -> None:
        self.saved: dict[tuple[str, str], tuple[str, str]] = {}

    def find(self, entity: str, kind: str) -> str | None:
        """Return the id, or None."""
        return self.saved.get((entity, kind), (None, ""))[0]

    def save(self, entity: str, kind: str, id: str, url: str = "") -> None:
        """Keep an id."""
        self.saved[entity, kind] = (id, url)


class MemoryLedger:
    """A ledger in memory: what is in `invoices` and `balances` is found."""

    def __init__(self) -> None:
        self.invoices: list[Invoice] = []
        self.balances: list[Balance] = []

    def invoice(self, number: str) -> Invoice | None:
        """Return the invoice of this number, in small letters or capitals."""
        wanted = number.strip().lower()
        return next((i for i in self.invoices if i.number.lower() == wanted), None)

    def companies(self, name: str, limit: int = 5) -> Sequence[Balance]:
        """Return companies with these words in their names."""
        wanted = name.strip().casefold()
        found = [b for b in self.balances if wanted in b.company.name.casefold()]
        return found[:limit] if wanted else []


@dataclass
class MemoryLog:
    """A log that only remembers: (level, event, values)."""

    entries: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def debug(self, event: str, **values: Any) -> None:
        """Remember a debug entry."""
        self.entries.append(("debug", event, values))

    def info(self, event: str, **values: Any) -> None:
        """Remember an info entry."""
        self.entries.append(("info", event, values))

    def warning(self, event: str, **values: Any) -> None:
        """Remember a warning."""
        self.entries.append(("warning", event, values))


def hooks_of(plugin: object) -> dict[str, Callable[..., Any]]:
    """Return a plugin's hooks by name: what carries `@hookimpl`."""
    found = {}
    for name in dir(plugin):
        hook = getattr(plugin, name)
        options = getattr(hook, "hub_impl", None)
        if options is not None:
            found[options.get("specname") or name] = hook
    return found


def call(plugin: object, hook: str, **arguments: Any) -> Any:
    """Call a hook with those of the arguments it asks for; an iterator is run to its
    end, since some hooks work only while they are asked for more."""
    function = hooks_of(plugin).get(hook)
    if function is None:
        pytest.fail(f"the plugin implements no {hook}")
    wanted = inspect.signature(function).parameters
    given = {name: value for name, value in arguments.items() if name in wanted}
    result = function(**given)
    return list(result) if isinstance(result, Iterator) else result


def provider_of(plugin: object) -> Provider:
    """Return what the plugin's `describe_provider` says."""
    provider = call(plugin, "describe_provider")
    assert isinstance(provider, Provider), "describe_provider must return a Provider"
    return provider


def settings_of(provider: Provider, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in force: those given, checked, over the defaults."""
    schema = provider.settings()
    defaults = {
        name: declared.load_default()
        if callable(declared.load_default)
        else (declared.load_default)
        for name, declared in schema.fields.items()
        if declared.load_default is not missing
    }
    loaded: Mapping[str, Any] = schema.load(dict(given), partial=True)
    return defaults | {**loaded}


def make_context(  # noqa: PLR0913 - each may matter to a test
    plugin: object,
    settings: Mapping[str, Any],
    *,
    api_base_url: str = "",
    delivery: str | None = "del_1",
    target: str = "",
    generations: Mapping[str, int] | None = None,
    record: Callable[[CallRecord], None] = lambda record: None,
    timeout: float = 10.0,
) -> Context:
    """Make a connection's `ctx`, as real as in the hub, with its state in memory."""
    provider = provider_of(plugin)
    name, known = provider.name, settings_of(provider, settings)
    redactor = Redactor(secrets_of(provider, known))
    client = ApiClient(
        plugin=name,
        connection=name,
        title=provider.title,
        hosts=provider.hosts,
        given=[value for value in known.values() if isinstance(value, str)],
        api_base_url=api_base_url,
        redactor=redactor,
        record=record,
        timeout=timeout,
    )
    return Context(
        plugin=name,
        connection=name,
        settings=known,
        http=client,
        hub_url=HUB_URL,
        webhook_url=f"{HUB_URL}/webhooks/{name}",
        delivery=delivery,
        target=target,
        generations=generations or {},
        **_memory(redactor),
    )


def _memory(redactor: Redactor) -> dict[str, Any]:
    return {
        "refs": MemoryReferences(),
        "state": MemoryState(redactor),
        "ledger": MemoryLedger(),
        "log": MemoryLog(),
    }


def secrets_of(provider: Provider, settings: Mapping[str, Any]) -> list[str]:
    """Return the values of the secret settings."""
    names = secret_keys(provider.settings)
    return [str(settings[name]) for name in sorted(names) if settings.get(name)]


@contextmanager
def no_network() -> Iterator[None]:
    """Fail whatever tries to reach another machine, or this one."""

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("this hook must not use the network")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, forbidden)
        patch.setattr(socket, "getaddrinfo", forbidden)
        yield


def facts_to_json(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    """Write facts as they stand in a `*.facts.json` file."""
    return [{"kind": type(fact).__name__, **to_data(fact)} for fact in facts]


def facts_from_json(data: Iterable[Mapping[str, Any]]) -> tuple[Fact, ...]:
    """Read facts from what `facts_to_json` wrote."""
    return tuple(from_data(item["kind"], item) for item in data)


def results_to_json(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Write what `handle_webhook` yielded: per provider event its facts or error."""
    return [
        {"event_id": result.event_id, "event_type": result.event_type}
        | (
            {"facts": facts_to_json(result.facts)}
            if isinstance(result, Heard)
            else {"error": type(result.error).__name__}
        )
        for result in results
    ]
