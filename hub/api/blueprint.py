"""The API's own flavour of flask-smorest: exact numbers, problem+json, lists."""

from typing import Any

import flask
import marshmallow as ma
from flask_smorest import Api, Blueprint  # type: ignore[import-untyped]
from webargs import core
from webargs.flaskparser import FlaskParser, is_json_request

from hub.api import contract, problems
from hub.sdk.errors import PayloadError
from hub.sdk.webhooks import parse_json


class Problem(ma.Schema):
    """RFC 9457."""

    type = ma.fields.String()
    title = ma.fields.String()
    status = ma.fields.Integer()
    detail = ma.fields.String()
    errors = ma.fields.Dict()


class _Parser(FlaskParser):
    """JSON numbers become Decimal, never float; what isn't JSON is a 400, as is a
    parameter that the address doesn't know."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 — webargs reads a class attribute
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
        "json": ma.RAISE,
    }

    def _raw_load_json(self, req: flask.Request) -> Any:
        if not is_json_request(req):
            if req.get_data(cache=True):
                flask.abort(415, "Send JSON with Content-Type: application/json.")
            return core.missing
        body = req.get_data(cache=True)
        if not body:
            return core.missing
        try:
            return parse_json(body)
        except PayloadError:
            flask.abort(400, "The body is not readable as JSON.")


class Resources(Blueprint):
    """A blueprint of the API."""

    ARGUMENTS_PARSER = _Parser()

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        # Pages have the same nouns.
        super().__init__(f"api-{name}", import_name, **options)

    def filters(self, schema: type[ma.Schema]) -> Any:
        """Take query parameters; anything wrong with them is a 400."""
        return self.arguments(schema, location="query", error_status_code=400)


class HubApi(Api):
    """The API with problem+json in place of smorest's own errors."""

    _document: dict[str, Any] | None = None

    ERROR_SCHEMA = Problem

    def document(self) -> dict[str, Any]:
        """The OpenAPI document as it is served."""
        if self._document is None:
            self._document = contract.completed(self.spec.to_dict())
        return self._document

    def _openapi_json(self) -> flask.Response:
        return flask.jsonify(self.document())

    def handle_http_exception(self, error: Any) -> Any:
        """Only under /api: pages have error pages of their own."""
        return problems.of_http_error(error) if problems.is_api() else error
