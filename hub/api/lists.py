"""Lists and single objects, the same for every resource: translate, ask, translate."""

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow as ma
from flask import abort
from flask.views import MethodView
from marshmallow import fields

from hub.api.access import STAFF, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Paging
from hub.api.problems import problem
from hub.core.queries import attached, listing
from hub.core.queries.listing import Listing
from hub.sdk.errors import InvalidError

# Prepares rows to be shown; gets the session and the rows of one page.
Prepare = Callable[[Any, list[Any]], None]


def filters_of(
    name: str, known: Listing, extra: Mapping[str, Any] | None = None
) -> Any:
    """Make the query schema of a list."""
    declared: dict[str, Any] = {
        parameter: fields.String() for parameter in sorted(known.parameters())
    }
    return Paging.from_dict({**declared, **(extra or {})}, name=f"{name}Filters")


def page_of(name: str, shown: type[ma.Schema]) -> Any:
    """Make the schema of a page of a list."""
    return ma.Schema.from_dict(
        {
            "items": fields.List(fields.Nested(shown)),
            "next_cursor": fields.String(allow_none=True),
        },
        name=f"{name}Page",
    )


def fetch(known: Listing, query: Mapping[str, Any], prepare: Prepare | None) -> Any:
    """Return one page of a list, ready to be shown."""
    filters = {k: v for k, v in query.items() if k not in ("cursor", "limit")}
    with the_hub().read() as session:
        try:
            page = listing.rows(
                session,
                known,
                filters,
                cursor=query.get("cursor"),
                limit=query["limit"],
            )
        except InvalidError as error:
            abort(problem(400, str(error)))
        if prepare is not None:
            prepare(session, list(page.items))
        return page


def cut(items: list[Any], query: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Cut a page from a list that is short and known as a whole."""
    keys = [
        each[key] if isinstance(each, dict) else getattr(each, key) for each in items
    ]
    start, cursor = 0, query.get("cursor")
    if cursor is not None and cursor not in keys:
        abort(problem(400, "The cursor is not known; begin again without it."))
    if cursor is not None:
        start = keys.index(cursor) + 1
    end = start + query["limit"]
    return {
        "items": items[start:end],
        "next_cursor": keys[end - 1] if end < len(items) else None,
    }


def with_references(kind: str) -> Prepare:
    """Set each row's external references, in one query for the page."""

    def prepare(session: Any, rows: list[Any]) -> None:
        found = attached.references(session, kind, [row.id for row in rows])
        for row in rows:
            row.external_refs = found[row.id]

    return prepare


def with_slugs(session: Any, rows: list[Any]) -> None:
    """Set each row's connection, in one query for the page."""
    slugs = attached.slugs(session, [row.connection_id for row in rows])
    for row in rows:
        row.connection = slugs.get(row.connection_id)


def show(session: Any, known: Listing, id: str, prepare: Prepare | None = None) -> Any:
    """Return a row as it is now in this transaction, ready to be shown."""
    session.flush()
    row = listing.one(session, known, id)
    if prepare is not None:
        prepare(session, [row])
    return row


def readable(
    blueprint: Resources,
    path: str,
    known: Listing,
    shown: type[ma.Schema],
    *,
    prepare: Prepare | None = None,
    roles: tuple[str, ...] = STAFF,
) -> None:
    """Add `GET path` and `GET path/{id}` to the blueprint."""
    name = shown.__name__
    query, page = filters_of(name, known), page_of(name, shown)

    class Many(MethodView):
        @allowed(*roles)
        @blueprint.filters(query)
        @blueprint.response(200, page)
        def get(self, query: dict[str, Any]) -> Any:
            return fetch(known, query, prepare)

    class Single(MethodView):
        @allowed(*roles)
        @blueprint.response(200, shown)
        def get(self, id: str) -> Any:
            with the_hub().read() as session:
                return show(session, known, id, prepare)

    Many.get.__doc__ = f"List: {known.word}, newest first."
    Single.get.__doc__ = f"Return one {known.word}."
    Many.__name__, Single.__name__ = f"{name}List", f"{name}One"
    blueprint.route(path)(Many)
    blueprint.route(f"{path}/<string:id>")(Single)
