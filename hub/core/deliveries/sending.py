"""One try of one delivery: the plugin's hook, and what is known of it afterwards."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from hub.boot import Hub
from hub.core import contexts
from hub.core.configuration.live import LiveConnection, live
from hub.core.deliveries import outcomes
from hub.core.deliveries.claims import Claimed
from hub.core.deliveries.outcomes import Outcome, Try
from hub.core.deliveries.settle import Done, Mark
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import HubError, UnreadyError
from hub.sdk.events import Event, Message
from hub.sdk.provider import Provider

CHANGED = (
    "What is to be sent has changed since a try that may have been carried out, and"
    " the provider would answer with the old one's result. Look there, then retry it."
)
Marker = Callable[[Mark], bool]


class _NotSentError(HubError):
    """The call must not be made; raised into the client, through the plugin."""


@dataclass
class Sending:
    """One try. `mark` commits a mark and says if the claim is still ours."""

    hub: Hub
    claimed: Claimed
    mark: Marker
    sent: bool = False
    looked: bool = False
    marked: bool = False
    refused: str = ""

    def run(self) -> Done:
        """Call the hook; whatever it does, this returns."""
        connection: LiveConnection | None = None
        try:
            connection = live(self.hub).by_id(self.claimed.connection_id)
            outcome = self._called(connection)
        except BaseException as error:
            outcome = outcomes.of_error(error, self._try(connection), sent=self.sent)
        if self.refused:
            outcome = Outcome(state="in_doubt", word="in_doubt", error=self.refused)
        if connection is not None:
            error_text = connection.redactor.text(outcome.error)
            outcome = replace(outcome, error=error_text)
        return self.done(outcome)

    def done(self, outcome: Outcome) -> Done:
        """What this try comes to with `outcome`."""
        return Done(
            claimed=self.claimed,
            outcome=outcome,
            sent_at=self._sent_at(outcome),
            finished_at=clock.now(),
        )

    def interrupted(self) -> Done:
        """What it comes to when the process can't wait any longer."""
        try:
            connection = live(self.hub).by_id(self.claimed.connection_id)
        except HubError:
            connection = None
        return self.done(outcomes.interrupted(self._try(connection), sent=self._left()))

    def _called(self, connection: LiveConnection) -> Outcome:
        claimed, plugins = self.claimed, self.hub.plugins
        ctx = contexts.build(
            self.hub,
            connection,
            delivery=claimed.id,
            generation=claimed.generation,
            before_send=self._before_send(connection),
        )
        if claimed.sent_at and plugins.has(claimed.plugin, "find_made"):
            made = self._find_made(ctx)
            if made is not None:
                return outcomes.delivered(made)
        reference = plugins.call(
            claimed.plugin, claimed.hook, ctx=ctx, **_subject(claimed)
        )
        return outcomes.delivered(reference if isinstance(reference, str) else None)

    def _find_made(self, ctx: Context) -> str | None:
        made: str | None = self.hub.plugins.call(
            self.claimed.plugin,
            "find_made",
            reference=ctx.idempotency_key(),
            ctx=ctx,
        )
        self.looked, self.sent = True, False
        return made

    def _before_send(self, connection: LiveConnection) -> Callable[[bytes], None]:
        can_look = self.hub.plugins.has(self.claimed.plugin, "find_made")
        marks = connection.provider and is_marked(connection.provider, can_look)

        def before_send(body: bytes) -> None:
            if marks and not self.sent:
                self._mark(hashlib.sha256(body).hexdigest())
            self.sent = True

        self.marked = bool(marks)
        return before_send

    def _mark(self, body_hash: str) -> None:
        claimed = self.claimed
        unsure = claimed.sent_at is not None and not self.looked
        if unsure and claimed.body_hash not in (None, body_hash):
            self.refused = CHANGED
            raise _NotSentError(CHANGED)
        self.sent = True  # from here on: somebody may be asking in another thread
        try:
            ours = self.mark(Mark(claimed=claimed, body_hash=body_hash))
        except UnreadyError:
            self.sent = False
            raise
        if not ours:
            raise _NotSentError("Another worker has taken this delivery over.")

    def _left(self) -> bool:
        """True unless it is certain that nothing left, or will from now on: without
        its mark nothing does, and a mark is refused once the claim is given up."""
        return self.sent or not self.marked

    def _try(self, connection: LiveConnection | None) -> Try:
        claimed = self.claimed
        provider = connection.provider if connection else None
        return Try(
            attempts=claimed.attempt,
            expired=clock.now() >= claimed.deadline,
            repeatable=provider is not None and self._repeatable(provider),
        )

    def _repeatable(self, provider: Provider) -> bool:
        return outcomes.is_repeatable(
            provider,
            can_look=self.hub.plugins.has(self.claimed.plugin, "find_made"),
            sent_at=self._since(),
            at=clock.now(),
        )

    def _since(self) -> datetime:
        """Since when the provider may have it under this key."""
        earlier = None if self.looked else self.claimed.sent_at
        return earlier or self.claimed.started_at

    def _sent_at(self, outcome: Outcome) -> datetime | None:
        """A failure that is certain now doesn't make an earlier doubt go away."""
        if outcome.state == "delivered" or outcome.maybe_made:
            return self._since()
        return None if self.looked else self.claimed.sent_at


def is_marked(provider: Provider, can_look: bool) -> bool:
    """True if it has to be written down before bytes leave (docs/decisions/0006).

    Where a second one harms nobody, or the plugin can look, the claim alone says
    enough: it may have been sent.
    """
    alone = provider.after_unknown_outcome == "person" and not can_look
    return alone or provider.remembers_keys is not None


def _subject(claimed: Claimed) -> dict[str, object]:
    if claimed.event is None:
        return {"message": _message(claimed)}
    row = claimed.event
    event = Event(
        id=str(row.id),
        type=row.type,
        subject=row.subject,
        occurred_at=row.occurred_at,
        data=row.data,
        url=row.url,
    )
    return {"event": event}


def _message(claimed: Claimed) -> Message:
    kept = claimed.message or {}
    return Message(
        text=kept.get("text", ""),
        to=claimed.target or None,
        blocks=tuple(kept.get("blocks", ())),
    )
