"""The texts of messages to clients: read, changed with a preview, and taken back."""

from dataclasses import dataclass
from typing import Final

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.core.policy import rendering, templates
from hub.core.policy.defaults import DEFAULTS, OPT_OUT, REACHES, Text
from hub.core.policy.texts import LONGEST_SOURCE
from hub.core.policy.variables import of_kind
from hub.sdk.errors import InvalidError
from hub.sdk.segments import Segments, segments
from web.area import area
from web.hub import the_hub
from web.session import admins, person

pages = area("texts")
Answer = str | Response | tuple[str, int]
REACH_WORDS: Final = {"email": "E-mail", "phone": "Text message"}
_TOKEN: Final = 74  # characters, so that a preview is as long as the real text


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A text as a client would get it; `first` is the segments of the first one."""

    subject: str
    text: str
    segments: Segments | None = None
    first: Segments | None = None


@pages.get("/settings/texts")
@admins
def index() -> str:
    """All texts, by the way they go."""
    with the_hub().read() as session:
        found = templates.all(session)
    by_reach = {
        reach: [(t, _shown(reach, t.kind, t.text)) for t in found if t.reach == reach]
        for reach in REACHES
    }
    return render_template("settings/texts.html", texts=by_reach, words=REACH_WORDS)


@pages.get("/settings/texts/<reach>/<kind>")
@admins
def single(reach: str, kind: str) -> Answer:
    """One text with its preview."""
    with the_hub().read() as session:
        found = templates.get(session, reach, kind)
    given = {"subject": found.text.subject, "body": found.text.body}
    return _page(reach, kind, given)


@pages.post("/settings/texts/<reach>/<kind>")
@admins
def change(reach: str, kind: str) -> Answer:
    """Save a text, or only show what it would look like."""
    given = {
        "subject": " ".join(request.form.get("subject", "").split()),
        "body": request.form.get("body", "").replace("\r\n", "\n").strip("\n"),
    }
    if "preview" in request.form:
        with the_hub().read() as session:
            templates.get(session, reach, kind)
        return _page(reach, kind, given, tried=True)
    try:
        with the_hub().write() as session:
            templates.set(session, reach, kind, **given, actor=person().actor)
    except InvalidError as error:
        return _page(reach, kind, given, error), 422
    flash("The text is saved: the next message is written from it.", "good")
    return redirect(url_for("texts.single", reach=reach, kind=kind))


@pages.post("/settings/texts/<reach>/<kind>/default")
@admins
def reset(reach: str, kind: str) -> Response:
    """Go back to the default."""
    with the_hub().write() as session:
        templates.reset(session, reach, kind, actor=person().actor)
    flash("The default text is back.", "good")
    return redirect(url_for("texts.single", reach=reach, kind=kind))


def _page(
    reach: str,
    kind: str,
    given: dict[str, str],
    problem: InvalidError | None = None,
    *,
    tried: bool = False,
) -> str:
    with the_hub().read() as session:
        found = templates.get(session, reach, kind)
    problems = rendering.problems(reach, given["subject"], given["body"], kind)
    return render_template(
        "settings/text.html",
        found=found,
        default=DEFAULTS[reach, kind],
        reach_word=REACH_WORDS[reach],
        form=given,
        problem=problem,
        problems=problems,
        shown=None if problems else _shown(reach, kind, Text(**given)),
        unsaved=tried or problem is not None,
        variables=of_kind(kind),
        opt_out=OPT_OUT,
        longest=LONGEST_SOURCE,
    )


def _shown(reach: str, kind: str, text: Text) -> Shown | None:
    """None if it can't be shown: one that was saved by an older version."""
    hub = the_hub()
    sample = {
        "link": hub.url("/pay/lnk_" + "x" * (_TOKEN - 4)),
        "sender_name": hub.settings.msp_name,
    }
    try:
        said = rendering.preview(reach, kind, text.subject, text.body, sample)
    except InvalidError:
        return None
    if reach != "phone":
        return Shown(subject=said["subject"], text=said["text"])
    first = segments(f"{said['text']}\n{OPT_OUT}")
    return Shown(
        subject="", text=said["text"], segments=segments(said["text"]), first=first
    )
