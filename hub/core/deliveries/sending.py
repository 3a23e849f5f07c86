"""One try of one delivery: the plugin's hook, and what is known of it afterwards."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from hub.boot import Hub
from hub.core import contexts
from hub.core.configuration.live import LiveConnection, live
from hub.core.deliveries import outcomes, steps
from hub.core.deliveries.claims import Claimed
from hub.core.deliveries.outcomes import Outcome, Try
from hub.core.deliveries.settle import Done, Mark
from hub.core.deliveries.steps import Asked, Step, Steps
from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import HubError, UnreadyError
from hub.sdk.events import Event, Message
from hub.sdk.http import Around, Outgoing
from hub.sdk.provider import Provider

CHANGED = (
    "What is to be sent has changed since a try that may have been carried out, and"
    " the provider would answer with the old one's result. Look there, then retry it."
)
# Seconds for which the calls of one hook may wait for their turn, of the 120 it has.
PATIENCE = 30.0
_PARTS = ("subject", "link", "label", "unsubscribe_url")
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
    asked: Asked = field(default_factory=Asked)
    _steps: dict[str, Step] = field(init=False)
    _tried: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._steps = dict(self.claimed.steps)

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
            steps=self._kept(outcome),
            finished_at=clock.now(),
        )

    def interrupted(self) -> Done:
        """What it comes to when the process can't wait any longer."""
        try:
            connection = live(self.hub).by_id(self.claimed.connection_id)
        except HubError:
            connection = None
        return self.done(outcomes.interrupted(self._try(connection), sent=self._left()))

    def _kept(self, outcome: Outcome) -> Steps:
        # What is delivered and had no mark is never asked again how it stands.
        if outcome.state == "delivered" and not self.marked:
            return self.claimed.steps
        return dict(self._steps)

    def _called(self, connection: LiveConnection) -> Outcome:
        claimed, plugins = self.claimed, self.hub.plugins
        ctx = contexts.build(
            self.hub,
            connection,
            delivery=claimed.id,
            target=claimed.target,
            generations={name: step.generation for name, step in claimed.steps.items()},
            asked=self.asked.keys,
            around=self._around(connection),
            paid=1,  # it was taken with the claim
            patience=PATIENCE,
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
        if made is None:
            self._steps = steps.looked_for(self._steps)
        # What was asked for to look is not what the hook asks for.
        self.asked.keys.clear()
        return made

    def _around(self, connection: LiveConnection) -> Around:
        can_look = self.hub.plugins.has(self.claimed.plugin, "find_made")
        self.marked = bool(
            connection.provider and is_marked(connection.provider, can_look)
        )

        @contextmanager
        def around(request: Outgoing) -> Iterator[None]:
            if request.reads:
                yield
                return
            name = self.asked.step_of(request)
            before = self._steps.get(name, Step())
            self._begin(name, before, request.body or b"")
            error: BaseException | None = None
            try:
                yield
            except BaseException as caught:
                error = caught
                raise
            finally:
                end = steps.after(before.end, error)
                self._steps[name] = replace(self._steps[name], end=end)

        return around

    def _begin(self, name: str, before: Step, body: bytes) -> None:
        """A step's first call in this try is marked, where marks are made."""
        first = name not in self._tried
        hashed = hashlib.sha256(body).hexdigest() if first else before.body
        if first and self.marked:
            self._mark(name, replace(before, body=hashed))
        self._tried.add(name)
        self.sent = True
        self._steps[name] = _begun(replace(before, body=hashed))

    def _mark(self, name: str, step: Step) -> None:
        claimed = self.claimed
        kept = self._steps.get(name, step)
        unsure = claimed.sent_at is not None and not self.looked
        if unsure and kept.maybe_made and kept.body not in ("", step.body):
            self.refused = CHANGED
            raise _NotSentError(CHANGED)
        sent, self.sent = self.sent, True  # somebody may be asking in another thread
        try:
            ours = self.mark(
                Mark(claimed=claimed, steps={**self._steps, name: _begun(step)})
            )
        except UnreadyError:
            self.sent = sent
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
        made = any(self._steps[name].maybe_made for name in self._tried)
        if outcome.state == "delivered" or outcome.maybe_made or made:
            return self._since()
        return None if self.looked else self.claimed.sent_at


def is_marked(provider: Provider, can_look: bool) -> bool:
    """True if it has to be written down before bytes leave (docs/decisions/0006).

    Where a second one harms nobody, or the plugin can look, the claim alone says
    enough: it may have been sent.
    """
    alone = provider.after_unknown_outcome == "person" and not can_look
    return alone or provider.remembers_keys is not None


def _begun(step: Step) -> Step:
    """What was made once stays made; of anything else the outcome is open."""
    return step if step.end == "made" else replace(step, end="unknown")


def _subject(claimed: Claimed) -> dict[str, object]:
    row = claimed.event
    if row is None or claimed.hook == "send_message":
        return {"message": _message(claimed)}
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
        **{name: kept.get(name, "") for name in _PARTS},
    )
