"""Who is told what: by connection, event and audience; and the clients' quiet hours."""

from typing import Any, Final

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core import messages, told_what
from hub.core.configuration.live import LiveConnection, live
from hub.core.policy import kinds, rules
from hub.core.told_what import Wish
from hub.sdk.errors import InvalidError
from web.area import area
from web.hub import the_hub
from web.session import admins, person

pages = area("sending")
Answer = str | Response | tuple[str, int]
WHENS: Final = {
    "off": "Off",
    "now": "At once",
    "hourly": "Once an hour",
    "daily": "Once a day",
}
STAFF_WHENS: Final = {"off": "Nobody", "now": "Who asks for it"}


@pages.app_context_processor
def _words() -> dict[str, object]:
    return {"whens": WHENS, "staff_whens": STAFF_WHENS}


@pages.get("/settings/sending")
@admins
def index() -> str:
    """All connections that tell somebody, and what holds for all of them."""
    return _index()


def _index(problem: InvalidError | None = None) -> str:
    known = live(the_hub())
    known.refresh()
    with the_hub().read() as session:
        policy = rules.policy(session)
        found = [
            (each, told_what.lines(session, each))
            for each in known.all()
            if told_what.hears(session, each)
        ]
    given = {
        "quiet_from": f"{policy.quiet_from:%H:%M}",
        "quiet_until": f"{policy.quiet_until:%H:%M}",
    }
    return render_template(
        "settings/sending.html",
        found=found,
        form=request.form if problem else given,
        problem=problem,
        fields=problem.fields if problem else {},
        zone=the_hub().settings.time_zone,
        critical=[kinds.of(each).title for each in sorted(kinds.CRITICAL)],
    )


@pages.post("/settings/sending")
@admins
def quiet() -> Answer:
    """Set the clients' quiet hours."""
    values = {
        name: request.form.get(name, "").strip()
        for name in ("quiet_from", "quiet_until")
    }
    try:
        with the_hub().write() as session:
            rules.set_policy(session, **values, actor=person().actor)
    except InvalidError as error:
        return _index(error), 422
    none = values["quiet_from"] == values["quiet_until"]
    flash(
        "Texts to clients go out at any hour now."
        if none
        else f"Clients get no texts from {values['quiet_from']} to"
        f" {values['quiet_until']} where they are.",
        "good",
    )
    return redirect(url_for("sending.index"))


@pages.get("/settings/sending/<slug>")
@admins
def single(slug: str) -> str:
    """One connection's table."""
    return _page(_connection(slug))


@pages.post("/settings/sending/<slug>")
@admins
def decide(slug: str) -> Answer:
    """Decide about what differs from what holds."""
    connection = _connection(slug)
    wishes = {}
    with the_hub().read() as session:
        lines = told_what.lines(session, connection)
    for line in lines:
        wish = _wish(line)
        if wish is not None:
            wishes[line.key] = wish
    try:
        with the_hub().write() as session:
            changed = told_what.decide(
                session, connection, wishes, actor=person().actor
            )
    except InvalidError as error:
        return _page(connection, error), 422
    flash(
        "Saved: it holds from the next event on." if changed else "Nothing changed.",
        "good",
    )
    return redirect(url_for("sending.single", slug=slug))


def _wish(line: Any) -> Wish | None:
    name = ":".join(line.key)
    when = request.form.get(f"when:{name}")
    if when is None:
        return None
    targets = request.form.get(f"targets:{name}")
    if targets is None:
        return Wish(when)
    return Wish(when, tuple(t.strip() for t in targets.split(",") if t.strip()))


def _page(connection: LiveConnection, problem: InvalidError | None = None) -> str:
    provider = connection.provider
    with the_hub().read() as session:
        lines = told_what.lines(session, connection)
    by_kind: dict[str, dict[str, Any]] = {}
    for line in lines:
        by_kind.setdefault(line.kind.type, {})[line.audience] = line
    return render_template(
        "settings/sending_one.html",
        connection=connection,
        reach=provider.reach if provider else "channel",
        channel_help=provider.channel_help if provider else "",
        digests=provider is not None and provider.summarises,
        writes=messages.HOOK in the_hub().plugins.get(connection.plugin).hooks,
        by_kind=by_kind,
        given=request.form,
        problem=problem,
    )


def _connection(slug: str) -> LiveConnection:
    known = live(the_hub())
    known.refresh()
    found = known.by_slug(slug)
    with the_hub().read() as session:
        if not told_what.hears(session, found):
            abort(404)
    return found
