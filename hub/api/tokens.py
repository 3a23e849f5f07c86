"""API tokens and people over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import ADMIN, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Moment, Paging, Text
from hub.api.lists import cut, page_of
from hub.core.people import accounts

blueprint = Resources("tokens", __name__, description="Who may ask.")


class Token(ma.Schema):
    """A token; `hint` is its end."""

    id = fields.String()
    name = fields.String()
    role = fields.String()
    hint = fields.String()
    created_at = Moment()
    last_used_at = Moment(allow_none=True)


class NewToken(ma.Schema):
    """A token to make."""

    name = Text(required=True, metadata={"example": "books"})
    role = fields.String(
        required=True, validate=ma.validate.OneOf(("admin", "billing", "ingest"))
    )


class MadeToken(ma.Schema):
    """A new token; `token` is shown this once."""

    id = fields.String()
    name = fields.String()
    role = fields.String()
    token = fields.String()


class User(ma.Schema):
    """A person who signs in."""

    id = fields.String()
    email = fields.String()
    name = fields.String()
    role = fields.String()
    active = fields.Boolean()
    last_login_at = Moment(allow_none=True)


@blueprint.route("/tokens")
@allowed(*ADMIN)
@blueprint.filters(Paging)
@blueprint.response(200, page_of("Token", Token))
def index(query: dict[str, Any]) -> Any:
    """List tokens that are not revoked, newest first."""
    with the_hub().read() as session:
        return cut(accounts.tokens(session), query, "id")


@blueprint.route("/tokens", methods=["POST"])
@allowed(*ADMIN, repeatable=False)
@blueprint.arguments(NewToken)
@blueprint.response(201, MadeToken)
def create(values: dict[str, Any]) -> Any:
    """Make a token. Takes no Idempotency-Key: its answer is kept nowhere."""
    with the_hub().write() as session:
        token, plain = accounts.create_token(session, **values, actor=actor())
    return {"id": token.id, "name": token.name, "role": token.role, "token": plain}


@blueprint.route("/tokens/<string:id>", methods=["DELETE"])
@allowed(*ADMIN)
@blueprint.response(204)
def revoke(id: str) -> None:
    """Revoke a token."""
    with the_hub().write() as session:
        accounts.revoke_token(session, id, actor=actor())


@blueprint.route("/users")
@allowed(*ADMIN)
@blueprint.filters(Paging)
@blueprint.response(200, page_of("User", User))
def people(query: dict[str, Any]) -> Any:
    """List the people who sign in."""
    with the_hub().read() as session:
        return cut(accounts.users(session), query, "id")
