"""Hear a webhook: let its plugin make results of it, and judge what is to be done
with the row. No transaction is open meanwhile; nothing a plugin raises gets out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hub.boot import Hub
from hub.core import contexts
from hub.core.configuration.live import LiveConnection
from hub.core.deliveries import backoff, outcomes
from hub.core.models import InboundWebhook as WebhookRow
from hub.core.webhooks import header_lines
from hub.core.webhooks.claims import Settlement
from hub.sdk.clock import now
from hub.sdk.errors import (
    CredentialsError,
    PluginError,
    RateLimitError,
    SettingsError,
    UnavailableError,
    UnreadyError,
)
from hub.sdk.facts import Fact
from hub.sdk.webhooks import Headers, Heard, InboundWebhook, Unheard, read_query

HOOK = "handle_webhook"
# Tries below which 72 hours don't end a webhook: it may have waited for a person.
FEWEST_TRIES = 12
# A person's repair, and our own database, may take all the time they want.
_PATIENT = (CredentialsError, SettingsError, UnreadyError)
_LONGEST_ERROR = 2_000
_LONGEST_TYPES = 500


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """One claimed webhook and what its plugin made of it; `errors` are those of
    single events, and of the hook itself."""

    row: WebhookRow
    heard: tuple[Heard, ...] = ()
    errors: tuple[BaseException, ...] = ()
    event_types: str = ""
    problems: tuple[str, ...] = ()

    @property
    def facts(self) -> tuple[Fact, ...]:
        return tuple(fact for each in self.heard for fact in each.facts)

    def first(self, kind: type[BaseException]) -> BaseException | None:
        """The first error of this kind, if there is one."""
        return next((each for each in self.errors if isinstance(each, kind)), None)


def hear(hub: Hub, connection: LiveConnection, row: WebhookRow) -> Hearing:
    """Call the hook; whatever it does, this returns."""
    heard: list[Heard] = []
    types: dict[str, None] = {}
    errors: list[tuple[str, BaseException]] = []
    try:
        for result in _results(hub, connection, row):
            types[result.event_type] = None
            if isinstance(result, Heard):
                heard.append(result)
            else:
                errors.append((f"{result.event_type} {result.event_id}", result.error))
    except BaseException as error:  # ROAD 26
        errors.append(("", error))
    return Hearing(
        row=row,
        heard=tuple(heard),
        errors=tuple(error for _, error in errors),
        event_types=",".join(filter(None, types))[:_LONGEST_TYPES],
        problems=tuple(
            connection.redactor.text(_problem(about, error)) for about, error in errors
        ),
    )


def judge(hearing: Hearing) -> Settlement:
    """Say what becomes of the row, purely from what was heard."""
    types = hearing.event_types
    if not hearing.errors:
        state = "processed" if hearing.facts else "ignored"
        return Settlement(state=state, event_types=types)
    error = " ".join(hearing.problems)[:_LONGEST_ERROR]
    wait = _wait(hearing, now())
    state = "received" if wait is not None else "failed"
    return Settlement(state=state, error=error, event_types=types, wait=wait)


def _wait(hearing: Hearing, at: datetime) -> timedelta | None:
    """How long until the next try; None if another changes nothing."""
    row = hearing.row
    usual = backoff.delay(row.attempts)
    if any(hearing.first(kind) for kind in _PATIENT):
        return usual
    error = hearing.first(UnavailableError)
    lasted = at - row.received_at >= backoff.LASTING
    if error is None or (lasted and row.attempts >= FEWEST_TRIES):
        return None
    told = error.retry_after if isinstance(error, RateLimitError) else None
    return max(usual, timedelta(seconds=told or 0))


def _results(
    hub: Hub, connection: LiveConnection, row: WebhookRow
) -> Iterable[Heard | Unheard]:
    if not hub.plugins.has(connection.plugin, HOOK):
        return
    with contexts.opened(hub, connection, webhook_id=row.id) as ctx:
        results: Iterable[Any] = hub.plugins.call(
            connection.plugin, HOOK, webhook=_kept(hub, row), ctx=ctx
        )
        for result in results:
            if not isinstance(result, Heard | Unheard):
                raise PluginError(f"{HOOK} has to yield Heard and Unheard only.")
            yield result


def _kept(hub: Hub, row: WebhookRow) -> InboundWebhook:
    return InboundWebhook(
        id=row.id,
        path=row.path,
        query=read_query(row.query),
        headers=Headers(header_lines.read(row.headers or b"")),
        body=row.body or b"",
        received_at=_came_at(hub, row),
    )


def _came_at(hub: Hub, row: WebhookRow) -> datetime:
    """When the provider sent it. To hear it again doesn't make it newer: a STOP that
    is replayed must not come after the START that followed it."""
    if row.replay_of is None:
        return row.received_at
    with hub.read() as session:
        return session.get_one(WebhookRow, row.replay_of).received_at


def _problem(about: str, error: BaseException) -> str:
    text = outcomes.words(error)
    return f"{about}: {text}" if about.strip() else text
