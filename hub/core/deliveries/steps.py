"""The steps of one delivery: a hook may make several things, each under its own key.

Each step keeps its generation, a hash of what was sent and how its last call ended
(ROAD 17): a later step's refusal must not make an earlier one again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from hub.sdk.errors import ProviderError, RejectedError, UnexpectedResponseError
from hub.sdk.http import Outgoing

# made: answered with success. unknown: it may have been. refused: certainly not, and
# the provider may remember the refusal under the key. "": nothing to remember.
End = Literal["", "made", "unknown", "refused"]
_PERHAPS: tuple[End, ...] = ("made", "unknown")


@dataclass(frozen=True)
class Step:
    """One step as it is kept on the delivery."""

    generation: int = 0
    body: str = ""
    end: End = ""

    @property
    def maybe_made(self) -> bool:
        """True if the provider has it, or may have it."""
        return self.end in _PERHAPS


Steps = Mapping[str, Step]


def load(kept: Mapping[str, Any] | None) -> dict[str, Step]:
    """The steps of a delivery's row."""
    return {name: Step(**values) for name, values in (kept or {}).items()}


def dump(steps: Steps) -> dict[str, Any] | None:
    """What the row keeps of them."""
    return {name: asdict(step) for name, step in steps.items()} or None


def after(before: End, error: BaseException | None) -> End:
    """How a step stands after a call, given how it stood after earlier tries."""
    if error is None or before == "made":
        return "made"
    certain = isinstance(error, ProviderError) and not (
        error.outcome_unknown or isinstance(error, UnexpectedResponseError)
    )
    if not certain:
        return "unknown"
    # That it is refused now doesn't say what became of the first request.
    if before == "unknown":
        return before
    return "refused" if isinstance(error, RejectedError) else ""


def looked_for(steps: Steps) -> dict[str, Step]:
    """The same after a look at the provider: what was doubtful isn't there."""
    return {
        name: Step(step.generation) if step.end == "unknown" else step
        for name, step in steps.items()
    }


def for_retry(steps: Steps, *, looked: bool) -> dict[str, Step]:
    """The same for another try that a person wants: what was refused gets a new key,
    since the provider would answer the old one with the refusal it remembers."""
    renewed = {
        name: Step(step.generation + 1) if step.end == "refused" else step
        for name, step in steps.items()
    }
    return looked_for(renewed) if looked else renewed


@dataclass
class Asked:
    """The keys a hook asked for; which step a call belongs to is read off the call."""

    keys: dict[str, str] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def step_of(self, request: Outgoing) -> str:
        """The step whose key the request carries, else the one asked for last if no
        call was made for it yet, else "" for what goes without a key."""
        said = "\n".join((request.url, *map(str, request.headers.values())))
        body = request.body or b""
        for key, step in self.keys.items():
            if key in said or key.encode() in body:
                self._used.add(step)
                return step
        last = next(reversed(self.keys.values()), "")
        if last in self._used:
            return ""
        self._used.add(last)
        return last
