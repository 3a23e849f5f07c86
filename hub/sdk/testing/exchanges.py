"""Calls to a provider as files: what is sent and what is answered, in order.

`[{"request": {"method", "url", "headers"?, "json"? | "form"? | "text"?},
   "reply": {"status"?, "headers"?, "json"? | "text"?}}, …]`
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import requests_mock

# The last call of an action fails so, whatever the provider.
BROKEN_REPLIES: Mapping[str, Mapping[str, Any]] = {
    "429": {"status_code": 429, "headers": {"Retry-After": "7"}},
    "401": {"status_code": 401},
    "400": {"status_code": 400},
    "500": {"status_code": 500},
    "timeout": {"exc": requests.ReadTimeout},
    "junk": {"status_code": 200, "text": "<html>We'll be back soon</html>"},
}


@dataclass(frozen=True)
class Exchange:
    """One call and its answer."""

    method: str
    url: str
    request: Mapping[str, Any] = field(default_factory=dict)
    reply: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path) -> list[Exchange]:
    """Read a file of exchanges."""
    return [
        Exchange(
            item["request"]["method"],
            item["request"]["url"],
            item["request"],
            item.get("reply", {}),
        )
        for item in json.loads(path.read_bytes())
    ]


@contextmanager
def played(
    exchanges: Sequence[Exchange], broken: Mapping[str, Any] | None = None
) -> Iterator[requests_mock.Mocker]:
    """Answer calls as the exchanges say, the last of them `broken` if given.

    Anything else that is called fails the test.
    """
    replies: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for number, exchange in enumerate(exchanges):
        last = number == len(exchanges) - 1
        reply = dict(broken) if broken and last else _reply(exchange.reply)
        replies.setdefault((exchange.method, exchange.url), []).append(reply)
    with requests_mock.Mocker() as mocker:
        for (method, url), answers in replies.items():
            mocker.register_uri(method, url, answers)
        yield mocker


def sent(mocker: requests_mock.Mocker, exchanges: Sequence[Exchange]) -> list[Any]:
    """Describe the calls made as the exchanges describe them, to compare."""
    described = []
    for number, request in enumerate(mocker.request_history):
        wanted = exchanges[number].request if number < len(exchanges) else {}
        described.append(_described(request, wanted))
    return described


def _reply(reply: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"status_code": reply.get("status", 200)}
    answer |= {
        name: reply[name] for name in ("headers", "json", "text") if name in reply
    }
    return answer


def _described(request: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Show what the file speaks of: of the headers only those it names."""
    raw = request.body or b""
    body = raw if isinstance(raw, bytes) else raw.encode()
    shown: dict[str, Any] = {"method": request.method, "url": request.url}
    if "headers" in wanted:
        names = wanted["headers"]
        shown["headers"] = {name: request.headers.get(name) for name in names}
    if "json" in wanted or (body and "json" in request.headers.get("Content-Type", "")):
        shown["json"] = json.loads(body) if body else None
    elif "form" in wanted:
        shown["form"] = dict(parse_qsl(body.decode(), keep_blank_values=True))
    elif body:
        shown["text"] = body.decode(errors="replace")
    return shown


def at(base: str, exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Move exchanges to another scheme and host, as `api_base_url` does."""
    moved = []
    for exchange in exchanges:
        parts = urlsplit(exchange.url)
        url = base + parts._replace(scheme="", netloc="").geturl()
        moved.append(Exchange(exchange.method, url, exchange.request, exchange.reply))
    return moved
