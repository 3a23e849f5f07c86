"""Errors as problem+json (RFC 9457): the third place where errors are translated."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.exceptions import HTTPException

from hub.sdk.errors import (
    ConflictError,
    ForbiddenError,
    HubError,
    InvalidError,
    NotFoundError,
    PluginError,
    ProviderError,
    SettingsError,
    UnreadyError,
)

_STATUS: tuple[tuple[type[HubError], int], ...] = (
    (NotFoundError, 404),
    (ForbiddenError, 403),
    (ConflictError, 409),
    (InvalidError, 422),
    (UnreadyError, 503),
    (ProviderError, 502),
    (SettingsError, 409),
    (PluginError, 409),
)
TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid",
    429: "Too many requests",
    500: "Our fault",
    502: "The provider did not do it",
    503: "Not ready",
}
PREFIX = "/api/"
_PLACES = ("json", "query")


def problem(
    status: int,
    detail: str,
    *,
    errors: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Build the answer for an error."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    answer = Response(json.dumps(body), status, content_type="application/problem+json")
    answer.headers.extend(dict(headers or {}))
    return answer


def of_hub_error(error: HubError) -> Response:
    """Translate an error of the hub."""
    status = next((s for kind, s in _STATUS if isinstance(error, kind)), 500)
    fields = error.fields if isinstance(error, InvalidError) else None
    wait = {"Retry-After": "2"} if status == 503 else None
    return problem(status, str(error), errors=fields, headers=wait)


def of_http_error(error: HTTPException) -> Response:
    """Translate an error of the web framework; smorest puts field errors in data."""
    status = error.code or 500
    data = getattr(error, "data", None) or {}
    errors = data.get("messages") or data.get("errors")
    if isinstance(errors, dict) and len(errors) == 1:
        # webargs names the place ("json", "query") above the fields.
        place = next(iter(errors))
        errors = errors[place] if place in _PLACES else errors
    headers = dict(data.get("headers") or {})
    if status == 405:
        headers |= {k: v for k, v in error.get_headers() if k == "Allow"}
    detail = _detail(status, error, errors)
    return problem(status, detail, errors=errors, headers=headers)


def is_api() -> bool:
    """True while a request of the API is answered."""
    return request.path.startswith(PREFIX)


def _detail(status: int, error: HTTPException, errors: object) -> str:
    if errors:
        return "Some values are not valid; `errors` names them."
    if status == 404:
        return "There is no such address. /api/docs lists them all."
    if status == 500:
        return "Something failed on our side; the hub's log says what."
    return error.description or TITLES.get(status, "Error")
