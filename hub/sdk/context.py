"""`ctx`: a plugin's view of one connection. Core fills it; plugins only use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from hub.sdk import clock
from hub.sdk.http import ApiClient
from hub.sdk.ledger import Balance, Invoice


class Log(Protocol):
    """Structured log, already bound to plugin and connection; secrets are masked."""

    def debug(self, event: str, **values: Any) -> Any: ...
    def info(self, event: str, **values: Any) -> Any: ...
    def warning(self, event: str, **values: Any) -> Any: ...


class State(Protocol):
    """Small values a plugin keeps per connection (JSON, ≤ 64 KB each); secret
    ones are encrypted at rest and added to the redaction."""

    def get(self, key: str) -> Any: ...
    def set(
        self, key: str, value: Any, *, secret: bool = False, ttl: float | None = None
    ) -> None: ...
    def delete(self, key: str) -> None: ...


class References(Protocol):
    """External references: which id a ledger object has at this connection."""

    def find(self, entity: str, kind: str) -> str | None: ...
    def save(self, entity: str, kind: str, id: str, url: str = "") -> None: ...


class Ledger(Protocol):
    """The ledger to look something up in; nothing can be changed by it."""

    def invoice(self, number: str) -> Invoice | None: ...
    def companies(self, name: str, limit: int = 5) -> Sequence[Balance]: ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """One connection, for the length of one hook call.

    `settings` holds the stored values with defaults and environment applied,
    secrets in the clear: never log it (its repr is masked). `hub_url` is the hub's
    public address, `webhook_url` this connection's. `idempotency_key(step)` is
    stable over retries of the same delivery step and changes only after that step was
    refused; outside deliveries it raises PluginError. `target` is the
    channel this delivery is for ("": the connection's own). `generations` and
    `asked` are core's: how often each step's key changed, and which keys the hook
    asked for.
    """

    plugin: str
    connection: str
    settings: Mapping[str, Any]
    http: ApiClient
    refs: References
    state: State
    ledger: Ledger
    log: Log
    hub_url: str
    webhook_url: str
    delivery: str | None = None
    target: str = ""
    generations: Mapping[str, int] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Context {self.connection}>"

    def now(self) -> datetime:
        """The present time, UTC."""
        return clock.now()

    def idempotency_key(self, step: str = "send") -> str:
        """Return this delivery's key for `step`, 40 hex digits."""
        import hashlib

        from hub.sdk.errors import PluginError

        if self.delivery is None:
            raise PluginError("An idempotency key exists only inside a delivery.")
        text = f"{self.delivery}\n{step}\n{self.generations.get(step, 0)}"
        key = hashlib.sha256(text.encode()).hexdigest()[:40]
        self.asked[key] = step
        return key
