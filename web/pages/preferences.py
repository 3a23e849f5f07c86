"""My notifications: what each person hears of, where, and not at night."""

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.configuration.live import LiveConnection, live
from hub.core.policy import kinds, preferences, rules
from hub.core.policy.kinds import Kind
from hub.core.policy.preferences import Preferences
from hub.core.policy.rules import Rules
from hub.core.wording import has_words
from hub.sdk.errors import InvalidError
from hub.sdk.events import hook_of
from hub.sdk.provider import Provider
from web.area import area
from web.hub import the_hub
from web.session import person

pages = area("preferences")
_TEXTS = ("phone", "quiet_from", "quiet_until", "time_zone")


@dataclass(frozen=True, kw_only=True)
class Way:
    """A connection by which a person can be told, beside the hub itself."""

    slug: str
    title: str
    reach: str
    choices: dict[str, list[str]]  # by event type; [] where an admin said no
    chosen: dict[str, str]


@pages.get("/preferences")
def index() -> str:
    """The form with what holds."""
    return _page()


@pages.post("/preferences")
def save() -> Response | tuple[str, int]:
    """Keep what was chosen."""
    mine = _mine()
    values: dict[str, Any] = {
        name: request.form.get(name, "").strip() for name in _TEXTS
    }
    seen = set(request.form.getlist("in_app"))
    shown = {kind.type for kind in _kinds() if _mutable(kind)}
    values["muted"] = sorted((mine.muted - shown) | (shown - seen))
    values["channels"] = {way.slug: _chosen(way) for way in _ways(mine)}
    try:
        with the_hub().write() as session:
            preferences.change(session, person().user_id, values, actor=person().actor)
    except InvalidError as error:
        return _page(error), 422
    flash("Saved: it holds from the next event on.", "good")
    return redirect(url_for("preferences.index"))


def _page(problem: InvalidError | None = None) -> str:
    mine = _mine()
    known = {
        "phone": mine.phone,
        "time_zone": mine.time_zone,
        "quiet_from": f"{mine.quiet_from:%H:%M}" if mine.quiet_from else "",
        "quiet_until": f"{mine.quiet_until:%H:%M}" if mine.quiet_until else "",
    }
    return render_template(
        "people/preferences.html",
        kinds=_kinds(),
        has_words=has_words,
        muted=mine.muted,
        ways=_ways(mine),
        form=request.form if problem else known,
        given=request.form if problem else {},
        in_app=request.form.getlist("in_app") if problem else None,
        problem=problem,
        fields=problem.fields if problem else {},
        zone=the_hub().settings.time_zone,
    )


def _mine() -> Preferences:
    with the_hub().read() as session:
        return preferences.by_id(session, person().user_id)


def _kinds() -> list[Kind]:
    """What is for this person's role at all."""
    is_admin = person().role == "admin"
    return [kind for kind in kinds.KINDS.values() if is_admin or not kind.admins]


def _mutable(kind: Kind) -> bool:
    return has_words(kind.type) and not kind.critical


def _ways(mine: Preferences) -> list[Way]:
    """The connections by which people are told."""
    known = live(the_hub())
    known.refresh()
    with the_hub().read() as session:
        decided = rules.load(session)
    return [
        _way(each, each.provider, decided, mine)
        for each in known.all()
        if each.provider is not None and each.provider.reach in preferences.PERSONAL
    ]


def _way(
    connection: LiveConnection, provider: Provider, decided: Rules, mine: Preferences
) -> Way:
    reach, digests = provider.reach, provider.summarises

    def choices(type: str) -> list[str]:
        rule = decided.of(connection.id, provider, type, "staff")
        if rule.when == "off" or not connection.hears(hook_of(type)):
            return []
        return kinds.choices(type, "staff", reach=reach, summarises=digests)

    return Way(
        slug=connection.slug,
        title=connection.title,
        reach=reach,
        choices={kind.type: choices(kind.type) for kind in _kinds()},
        chosen=dict(mine.channels.get(connection.slug, {})),
    )


def _chosen(way: Way) -> dict[str, str]:
    """What the form says of one way; what it doesn't show stays."""
    found = dict(way.chosen)
    for type in way.choices:
        when = request.form.get(f"when:{way.slug}:{type}")
        if when is not None:
            found[type] = when
    return found
