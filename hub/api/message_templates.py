"""The texts of messages to clients over HTTP: read, tried out, set and taken back."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields

from hub.api.access import ADMIN, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Moment, Paging, Text
from hub.api.lists import cut, page_of
from hub.core.policy import rendering, templates
from hub.core.policy.texts import LONGEST_SOURCE
from hub.core.policy.variables import of_kind

blueprint = Resources(
    "message-templates", __name__, description="What clients read in messages."
)


class Template(ma.Schema):
    """A text; `own` is false for the default. `preview` is of an example client."""

    id = fields.String()
    reach = fields.String(metadata={"description": "email or phone"})
    kind = fields.String()
    subject = fields.String()
    body = fields.String()
    own = fields.Boolean()
    changed_by = fields.String(allow_none=True)
    changed_at = Moment(allow_none=True)
    variables = fields.List(fields.String())
    preview = fields.Dict()


class NewText(ma.Schema):
    """What is to change of a text with `{{ variables }}`; only e-mail has a subject."""

    subject = Text(most=LONGEST_SOURCE)
    body = Text(most=LONGEST_SOURCE)


@blueprint.route("/message-templates")
@allowed(*ADMIN)
@blueprint.filters(Paging)
@blueprint.response(200, page_of("Template", Template))
def index(query: dict[str, Any]) -> Any:
    """List all texts."""
    with the_hub().read() as session:
        items = [_shown(each) for each in templates.all(session)]
    return cut(items, query, "id")


@blueprint.route("/message-templates/<string:reach>/<string:kind>")
class Single(MethodView):
    """One text."""

    @allowed(*ADMIN)
    @blueprint.response(200, Template)
    def get(self, reach: str, kind: str) -> Any:
        """Return the text in use."""
        with the_hub().read() as session:
            return _shown(templates.get(session, reach, kind))

    @allowed(*ADMIN)
    @blueprint.arguments(NewText)
    @blueprint.response(200, Template)
    def patch(self, values: dict[str, Any], reach: str, kind: str) -> Any:
        """Put a text in use, from the next message on."""
        with the_hub().write() as session:
            text = templates.get(session, reach, kind).text
            whole = {"subject": text.subject, "body": text.body, **values}
            made = templates.set(session, reach, kind, **whole, actor=actor())
            return _shown(made)

    @allowed(*ADMIN)
    @blueprint.response(204)
    def delete(self, reach: str, kind: str) -> None:
        """Go back to the default."""
        with the_hub().write() as session:
            templates.reset(session, reach, kind, actor=actor())


def _shown(found: templates.Template) -> dict[str, Any]:
    text = found.text
    problems = rendering.problems(found.reach, text.subject, text.body, found.kind)
    said = (
        {}
        if problems
        else rendering.preview(found.reach, found.kind, text.subject, text.body)
    )
    return {
        "id": f"{found.reach}/{found.kind}",
        "reach": found.reach,
        "kind": found.kind,
        "subject": text.subject,
        "body": text.body,
        "own": found.own,
        "changed_by": found.by or None,
        "changed_at": found.since,
        "variables": list(of_kind(found.kind)),
        "preview": {key: said[key] for key in ("subject", "text") if key in said},
    }
