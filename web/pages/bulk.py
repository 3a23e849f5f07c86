"""Many at once: count what the filters name, ask, then do it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.deliveries import retry as retries
from hub.core.queries import listing, overview
from hub.core.queries.listing import Listing
from hub.core.webhooks import replay as replays
from web.area import area
from web.hub import the_hub
from web.session import admins, person

pages = area("bulk")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is done to which list; `state` is meant if none is chosen."""

    verb: str
    thing: str
    many: str
    says: str
    back: str
    known: Listing
    act: Callable[..., int]
    state: str | None = None

    def count(self, number: int) -> str:
        """`14 deliveries`."""
        return f"{number} {self.thing if number == 1 else self.many}"

    def ask(self, number: int) -> str:
        """`Retry 14 deliveries`."""
        return self.verb.format(self.count(number))


_DELIVERY: Final = {
    "thing": "delivery",
    "many": "deliveries",
    "back": "trail.deliveries",
}
_RETRY: Final = Job(
    verb="Retry {}",
    says="Each is tried again as soon as its connection can. It stays the same"
    " delivery: a provider that knows idempotency keys makes nothing twice.",
    known=listing.DELIVERIES,
    act=retries.retry_many,
    state="dead",
    **_DELIVERY,
)
_REPLAY: Final = Job(
    verb="Send {} again",
    says="Each is sent once more as a new delivery: whoever got the first one gets"
    " a second.",
    known=listing.DELIVERIES,
    act=retries.replay_many,
    **_DELIVERY,
)
_HEAR: Final = Job(
    verb="Hear {} again",
    thing="webhook",
    many="webhooks",
    says="Each is understood once more with today's plugin. Money that is booked"
    " already is not booked twice.",
    back="trail.webhooks",
    known=listing.WEBHOOKS,
    act=replays.webhooks,
    state="failed",
)


@pages.route("/deliveries/bulk/<any(retry, replay):action>", methods=["GET", "POST"])
@admins
def deliveries(action: str) -> str | Response | tuple[str, int]:
    """Retry, or send again, the deliveries that the filters name."""
    return _page({"retry": _RETRY, "replay": _REPLAY}[action])


@pages.route("/inbound-webhooks/bulk/replay", methods=["GET", "POST"])
@admins
def webhooks() -> str | Response | tuple[str, int]:
    """Hear the webhooks again that the filters name."""
    return _page(_HEAR)


def _page(job: Job) -> str | Response | tuple[str, int]:
    filters = _filters(job, request.values)
    doubtful = job is _RETRY and "in_doubt" in filters.get("state", "")
    if request.method == "POST":
        if not doubtful or "looked" in request.form:
            done = job.act(the_hub(), filters, person().actor)
            flash(f"Being done again: {job.count(done)}.", "good")
            return redirect(_back(job, _states_left_out(filters)))
        flash("Tick the box once you have looked at the provider.", "warn")
    count = _count(job, filters)
    with the_hub().read() as session:
        names = overview.connection_names(session)
    shown = render_template(
        "trail/bulk.html",
        job=job,
        count=count,
        ask=job.ask(count),
        filters=filters,
        names=names,
        doubtful=doubtful,
        back=_back(job, filters),
    )
    return (shown, 422) if request.method == "POST" else shown


def _count(job: Job, filters: Mapping[str, str]) -> int:
    return job.act(the_hub(), filters, person().actor, dry_run=True) if filters else 0


def _filters(job: Job, given: Mapping[str, str]) -> dict[str, str]:
    chosen = {
        name: given[name].strip()
        for name in sorted(job.known.parameters())
        if given.get(name, "").strip()
    }
    if job.state and "state" not in chosen:
        chosen["state"] = job.state
    return chosen


def _back(job: Job, filters: Mapping[str, Any]) -> str:
    return url_for(job.back, **filters)


def _states_left_out(filters: Mapping[str, str]) -> dict[str, str]:
    """Where to look afterwards: they are in another state now."""
    return {name: value for name, value in filters.items() if name != "state"}
