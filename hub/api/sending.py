"""Who is told what, over HTTP; and what a person asks to be sent to a client."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import ADMIN, STAFF, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.deliveries import Delivery
from hub.api.fields import Text
from hub.api.lists import with_slugs
from hub.core import told_what
from hub.core.configuration.live import LiveConnection, live
from hub.core.policy import asking, rules
from hub.core.told_what import Line, Wish

blueprint = Resources("sending", __name__, description="Who is told what.")


class Rule(ma.Schema):
    """What holds for one event type and audience at one connection."""

    event_type = fields.String()
    audience = fields.String(metadata={"description": "channel, contact or staff"})
    when = fields.String()
    choices = fields.List(fields.String())
    targets = fields.List(fields.String())
    critical = fields.Boolean()


class Rules(ma.Schema):
    """All rules of one connection."""

    rules = fields.List(fields.Nested(Rule))


class RuleChange(ma.Schema):
    """A rule to set; `targets` left out stay."""

    event_type = Text(required=True)
    audience = Text(required=True)
    when = Text(required=True)
    targets = fields.List(Text(most=200), load_default=None)


class RulesChange(ma.Schema):
    """Rules to set; those that aren't named stay."""

    rules = fields.List(
        fields.Nested(RuleChange),
        required=True,
        validate=ma.validate.Length(min=1, max=100),
    )


class Policy(ma.Schema):
    """Clients' quiet hours, wall-clock times where they are; the same twice: none."""

    quiet_from = Text(required=True, metadata={"example": "20:00"})
    quiet_until = Text(required=True, metadata={"example": "08:00"})


class Asked(ma.Schema):
    """One delivery per address, also where nothing is sent; each says why."""

    deliveries = fields.List(fields.Nested(Delivery))


@blueprint.route("/connections/<string:slug>/sending-rules")
@allowed(*ADMIN)
@blueprint.response(200, Rules)
def index(slug: str) -> Any:
    """Say whom a connection tells of what."""
    return _shown(_connection(slug))


@blueprint.route("/connections/<string:slug>/sending-rules", methods=["PATCH"])
@allowed(*ADMIN)
@blueprint.arguments(RulesChange)
@blueprint.response(200, Rules)
def change(values: dict[str, Any], slug: str) -> Any:
    """Decide whom it tells of what."""
    connection = _connection(slug)
    wishes = {(each["event_type"], each["audience"]): each for each in values["rules"]}
    with the_hub().write() as session:
        told_what.decide(
            session,
            connection,
            {key: _wish(each) for key, each in wishes.items()},
            actor=actor(),
        )
    return _shown(_connection(slug))


@blueprint.route("/sending-policy")
@allowed(*ADMIN)
@blueprint.response(200, Policy)
def policy() -> Any:
    """Say what holds for all sending."""
    with the_hub().read() as session:
        return _clocks(rules.policy(session))


@blueprint.route("/sending-policy", methods=["PATCH"])
@allowed(*ADMIN)
@blueprint.arguments(Policy)
@blueprint.response(200, Policy)
def set_policy(values: dict[str, Any]) -> Any:
    """Set the clients' quiet hours."""
    with the_hub().write() as session:
        return _clocks(rules.set_policy(session, **values, actor=actor()))


@blueprint.route("/invoices/<string:id>/remind", methods=["POST"])
@allowed(*STAFF)
@blueprint.response(202, Asked)
def remind(id: str) -> Any:
    """Remind the client of an unpaid invoice, by every way they agreed to."""
    with the_hub().write() as session:
        return _asked(session, asking.remind(session, id, actor()))


@blueprint.route("/companies/<string:id>/statement", methods=["POST"])
@allowed(*STAFF)
@blueprint.response(202, Asked)
def statement(id: str) -> Any:
    """Send the client the list of what is open, by e-mail."""
    with the_hub().write() as session:
        return _asked(session, asking.statement(session, id, actor()))


def _asked(session: Any, made: Any) -> dict[str, Any]:
    found = list(made)
    with_slugs(session, found)
    return {"deliveries": found}


def _shown(connection: LiveConnection) -> dict[str, Any]:
    with the_hub().read() as session:
        lines = told_what.lines(session, connection)
    return {"rules": [_line(each) for each in lines]}


def _line(line: Line) -> dict[str, Any]:
    return {
        "event_type": line.kind.type,
        "audience": line.audience,
        "when": line.when,
        "choices": line.choices,
        "targets": line.targets,
        "critical": line.kind.critical,
    }


def _wish(given: dict[str, Any]) -> Wish:
    targets = given["targets"]
    return Wish(given["when"], None if targets is None else tuple(targets))


def _clocks(found: rules.Policy) -> dict[str, str]:
    return {
        "quiet_from": f"{found.quiet_from:%H:%M}",
        "quiet_until": f"{found.quiet_until:%H:%M}",
    }


def _connection(slug: str) -> LiveConnection:
    known = live(the_hub())
    known.refresh()
    return known.by_slug(slug)
