"""The OpenAPI document, completed: who may ask, and what may be answered."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hub.api.problems import TITLES

BEARER: Final = "bearer"
Operation = dict[str, Any]
_METHODS: Final = ("get", "post", "patch", "delete")
_READS: Final = (401, 403, 500, 503)
_WRITES: Final = (400, 404, 409, 413, 415, 422, *_READS)
_ABOUT: Final = (
    "Clients, invoices and payments of the hub, what it heard from providers and"
    " what it sent them. Amounts are decimal strings beside one `currency`, times"
    " are UTC, ids are opaque. Errors are problem+json (RFC 9457)."
)
_KEY: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same key with the same request is answered once and the"
    " same for 24 hours; with another request it is a 409.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[!-~]+$",
    },
}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Add to flask-smorest's document what holds for all operations."""
    document["info"]["description"] = _ABOUT
    document["security"] = [{BEARER: []}]
    parts = document["components"]
    parts["securitySchemes"] = {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "description": "A token; an admin makes one with `hub tokens create`.",
        }
    }
    parts["responses"] = {str(status): _answer(status) for status in TITLES}
    for tag in document["tags"]:
        tag["name"] = tag["name"].removeprefix("api-")
    for path, method, operation in operations(document):
        _complete(path, method, operation)
    return document


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    """Each operation of a document with its path and method."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _complete(path: str, method: str, operation: Operation) -> None:
    operation["tags"] = [tag.removeprefix("api-") for tag in operation["tags"]]
    operation["operationId"] = _name(path, method)
    answers = operation["responses"]
    for status in [each for each in answers if not each.startswith("2")]:
        del answers[status]
    for status in _statuses(path, method, operation):
        answers[str(status)] = {"$ref": f"#/components/responses/{status}"}
    if operation.pop("x-repeatable") and method == "post":
        operation.setdefault("parameters", []).append(_KEY)


def _statuses(path: str, method: str, operation: Operation) -> set[int]:
    if method != "get":
        return set(_WRITES)
    found = set(_READS)
    if "{" in path:
        found.add(404)
    if "parameters" in operation:
        found.add(400)
    return found


def _name(path: str, method: str) -> str:
    words = path.removeprefix("/api/v1/").replace("{", "").replace("}", "")
    return "_".join((method, *words.replace("-", "_").split("/")))


def _answer(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": TITLES[status],
        "content": {"application/problem+json": {"schema": schema}},
    }
