"""The API for people, at /api/docs: one page made from the OpenAPI document."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Flask, Response, make_response, render_template

from hub.api.contract import operations

_HERE: Final = Path(__file__).parent / "templates"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
# What stands for a value when the schema has no example of its own.
_BY_NAME: Final = {
    "company_id": "com_…",
    "company_name": "Smith & Co",
    "connection": "paypal",
    "currency": "EUR",
    "description": "Support in March",
    "invoice_id": "inv_…",
    "name": "Smith & Co",
    "number": "2026-0042",
    "quantity": "1",
    "tax_rate": "20",
}
_BY_FORMAT: Final = {"date": "2026-03-01", "date-time": "2026-03-01T12:00:00Z"}
_BY_TYPE: Final[Mapping[str, Any]] = {
    "string": "…",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "object": {},
}
_DEEPEST: Final = 6
Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    roles: str
    parameters: list[Mapping[str, Any]]
    fields: list[tuple[str, str, bool]]
    answers: list[tuple[str, str]]
    curl: str
    example: str


def register(app: Flask, document: Any, base_url: str) -> None:
    """Serve the page; `document` returns the OpenAPI document."""
    blueprint = Blueprint("api-reference", __name__, template_folder="templates")

    @blueprint.get("/api/docs")
    def page() -> Response:
        told = document()
        answer = make_response(
            render_template("api_reference.html", **_page(told, base_url))
        )
        answer.headers["Content-Security-Policy"] = _POLICY
        return answer

    @blueprint.get("/api/docs.css")
    def style() -> Response:
        text = (_HERE / "api_reference.css").read_text()
        return Response(text, mimetype="text/css")

    app.register_blueprint(blueprint)


def _page(document: Schema, base_url: str) -> dict[str, Any]:
    groups: dict[str, list[Shown]] = {tag["name"]: [] for tag in document["tags"]}
    for path, method, operation in operations(document):
        shown = _shown(document, base_url, path, method, operation)
        groups[operation["tags"][0]].append(shown)
    about = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
    return {
        "about": document["info"]["description"],
        "groups": [(name, about[name], groups[name]) for name in groups],
        "base_url": base_url,
    }


def _shown(
    document: Schema, base_url: str, path: str, method: str, operation: Schema
) -> Shown:
    body = _body(operation)
    good = [status for status in operation["responses"] if status.startswith("2")]
    return Shown(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        roles=", ".join(operation["x-roles"]),
        parameters=operation.get("parameters", []),
        fields=_fields(document, body) if body else [],
        answers=[
            (status, _answer(document, answer)["description"])
            for status, answer in sorted(operation["responses"].items())
        ],
        curl=_curl(document, base_url + path, method, body),
        example=_example_text(document, operation["responses"][good[0]]),
    )


def _body(operation: Schema) -> Schema | None:
    content = operation.get("requestBody", {}).get("content", {})
    found: Schema | None = content.get("application/json", {}).get("schema")
    return found


def _answer(document: Schema, answer: Schema) -> Schema:
    return _resolved(document, answer)


def _fields(document: Schema, schema: Schema) -> list[tuple[str, str, bool]]:
    whole = _resolved(document, schema)
    needed = whole.get("required", ())
    return [
        (name, _kind(document, field), name in needed)
        for name, field in whole.get("properties", {}).items()
        if not field.get("readOnly")
    ]


def _kind(document: Schema, schema: Schema) -> str:
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    plain = _resolved(document, schema)
    if plain.get("type") == "array":
        return f"list of {_kind(document, plain['items'])}"
    kind = plain.get("format") or plain.get("type", "any")
    return kind if isinstance(kind, str) else " | ".join(kind)


def _curl(document: Schema, url: str, method: str, body: Schema | None) -> str:
    lines = [f"curl -X {method.upper()} {shlex.quote(url)}"]
    if method == "get":
        lines = [f"curl {shlex.quote(url)}"]
    lines.append('-H "Authorization: Bearer $TOKEN"')
    if body:
        sent = json.dumps(_example(document, body, asked=True), ensure_ascii=False)
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {shlex.quote(sent)}")
    return " \\\n  ".join(lines)


def _example_text(document: Schema, answer: Schema) -> str:
    content = answer.get("content", {}).get("application/json")
    if not content:
        return ""
    found = _example(document, content["schema"])
    return json.dumps(found, indent=2, ensure_ascii=False)


def _example(
    document: Schema, schema: Schema, *, asked: bool = False, depth: int = 0
) -> Any:
    """Make a value that the schema allows; of what is `asked`, only what is needed."""
    schema = _resolved(document, schema)
    for word in ("example", "default"):
        if schema.get(word) is not None:
            return schema[word]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind if isinstance(kind, str) else kind[0]
    if kind == "array":
        if depth >= _DEEPEST:
            return []
        return [_example(document, schema["items"], asked=asked, depth=depth + 1)]
    if kind == "object":
        named = schema.get("required", ()) if asked else schema.get("properties", ())
        properties = schema.get("properties", {})
        return {
            name: _BY_NAME.get(name)
            or _example(document, properties[name], asked=asked, depth=depth + 1)
            for name in named
        }
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(kind))


def _resolved(document: Schema, schema: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return _resolved(document, found)
