"""The trail: what came in, what happened, what went out; replay and retry."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from hub.core.deliveries import retry as retries
from hub.core.queries import clients, listing, overview, told, trail
from hub.core.webhooks import replay as replays
from hub.hookspecs import EVENT_HOOKS
from web.area import area
from web.hub import the_hub
from web.lists import shown
from web.session import admins, person

pages = area("trail")

_WEBHOOK_STATES = ("received", "processed", "ignored", "failed")
_DELIVERY_STATES = (
    *("pending", "sending", "delivered", "retrying", "in_doubt", "dead", "skipped"),
)


@pages.get("/webhooks")
@admins
def webhooks() -> str:
    """Inbound webhooks, newest first."""
    return _list("trail/webhooks.html", listing.WEBHOOKS, _WEBHOOK_STATES)


@pages.get("/inbound-webhooks/<id>")
@admins
def webhook(id: str) -> str:
    """One webhook, raw and followed to its end."""
    with the_hub().read() as session:
        row = listing.one(session, listing.WEBHOOKS, id)
        return render_template(
            "trail/webhook.html",
            row=row,
            trail=trail.of_webhook(session, id),
            names=overview.connection_names(session),
        )


@pages.post("/inbound-webhooks/<id>/replay")
@admins
def replay_webhook(id: str) -> Response:
    """Hear a webhook again."""
    with the_hub().write() as session:
        again = replays.webhook(session, id)
    flash("It is being heard again; this is the new row.", "good")
    return redirect(url_for("trail.webhook", id=again.id))


@pages.get("/events")
@admins
def events() -> str:
    """What happened in the ledger."""
    return _list("trail/events.html", listing.EVENTS, ())


@pages.get("/events/<int:id>")
@admins
def event(id: int) -> str:
    """One event, where it came from and where it went."""
    with the_hub().read() as session:
        row = listing.one(session, listing.EVENTS, id)
        found = trail.of_event(session, row)
        return render_template(
            "trail/event.html",
            row=row,
            trail=found,
            outcomes=told.outcomes(session, found.deliveries),
            names=overview.connection_names(session),
        )


@pages.get("/deliveries")
@admins
def deliveries() -> str:
    """What is bound for providers."""
    return _list("trail/deliveries.html", listing.DELIVERIES, _DELIVERY_STATES)


@pages.get("/deliveries/<id>")
@admins
def delivery(id: str) -> str:
    """One delivery with its tries."""
    with the_hub().read() as session:
        row = listing.one(session, listing.DELIVERIES, id)
        return render_template(
            "trail/delivery.html",
            row=row,
            trail=trail.of_delivery(session, id),
            outcomes=told.outcomes(session, [row]),
            told=told.in_digest(session, id),
            client=clients.name(session, row.company_id),
            names=overview.connection_names(session),
            can_retry=row.state in retries.RETRIED,
            can_replay=row.state in retries.REPLAYED,
        )


@pages.post("/deliveries/<id>/<any(retry, replay, confirm):action>")
@admins
def act(id: str, action: str) -> Response:
    """Retry, replay or confirm a delivery."""
    actions: dict[str, Any] = {
        "retry": retries.retry,
        "replay": retries.replay,
        "confirm": retries.confirm,
    }
    said = {
        "retry": "It is tried again as soon as its connection can.",
        "replay": "This new delivery sends the same once more.",
        "confirm": "It counts as delivered: you have looked.",
    }
    with the_hub().write() as session:
        row = actions[action](session, id, person().actor)
    flash(said[action], "good")
    return redirect(url_for("trail.delivery", id=row.id))


@pages.get("/api-calls")
@admins
def calls() -> str:
    """Calls to providers."""
    return _list("trail/calls.html", listing.API_CALLS, ())


@pages.get("/api-calls/<id>")
@admins
def call(id: str) -> str:
    """One call; its excerpts hold no secret."""
    with the_hub().read() as session:
        row = listing.one(session, listing.API_CALLS, id)
        names = overview.connection_names(session)
    return render_template("trail/call.html", row=row, names=names)


def _list(template: str, wanted: listing.Listing, states: tuple[str, ...]) -> str:
    with the_hub().read() as session:
        return render_template(
            template,
            page=shown(session, wanted),
            names=overview.connection_names(session),
            states=states,
            hooks=sorted(EVENT_HOOKS),
        )
