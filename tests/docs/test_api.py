"""docs/api.md is true: its examples run, and its tables are the code's."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from hub.api.contract import operations
from hub.app import create_app
from hub.boot import Hub
from hub.core.people import accounts
from hub.db import Database
from hub.plugins import Plugins

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def app(hub: Hub) -> Flask:
    hub.plugins = Plugins.load()
    return create_app(hub)


@dataclass
class Curl:
    """Does what curl does, without a network; knows what the page's reader has set."""

    app: Flask
    known: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> TestResponse:
        words = shlex.split(
            Template(command.replace("\\\n", " ")).substitute(self.known)
        )
        url, body, headers, method = "", None, {}, None
        rest = iter(words[1:])
        for word in rest:
            if word == "-H":
                name, _, value = next(rest).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = next(rest)
            elif word == "-X":
                method = next(rest)
            elif word != "-s":
                url = word
        method = method or ("POST" if body else "GET")
        return self.app.test_client().open(
            url, method=method, headers=headers, data=body
        )


def test_the_examples_run(app: Flask, hub: Hub) -> None:
    with hub.write() as session:
        _, plain = accounts.create_token(session, "books", "admin")
    curl = Curl(app, {"HUB": "", "TOKEN": plain})
    commands = re.findall(r"^```sh\n(curl .*?)^```", PAGE, re.M | re.S)
    answers: list[Any] = []
    for command in commands:
        answer = curl.run(command)
        assert answer.status_code < 300, (command, answer.get_data(as_text=True))
        answers.append(answer.get_json())
        names = {"com": "COMPANY", "inv": "INVOICE"}
        known = names.get(str(answer.get_json().get("id", "")).partition("_")[0])
        if known:
            curl.known[known] = answer.get_json()["id"]

    assert 9 <= len(answers)
    assert ["paid"] == [each["state"] for each in answers[3]["items"]]
    assert {"count": 0, "dry_run": True} in answers


@pytest.fixture
def document(app: Flask) -> Any:
    return app.test_client().get("/api/v1/openapi.json").get_json()


def test_each_filter_is_on_the_page(document: Any) -> None:
    told = {
        path: set(filters.split(", "))
        for paths, filters in re.findall(
            r"^\| (`/[^|]+`) \| ([a-z_, ]+) \|$", PAGE, re.M
        )
        for path in re.findall(r"`(/[a-z-]+)`", paths)
    }
    told["/inbound-webhooks"] = {"state", "connection", "connection_id", "replay_of"}
    told["/sync-runs"] = {"state", "connection", "connection_id"}
    told["/notifications"] = {"unread"}
    spans = {"created", "received", "started"}
    taken = {
        path.removeprefix("/api/v1"): {
            each["name"]
            for each in operation.get("parameters", ())
            if each["in"] == "query"
        }
        - {"cursor", "limit"}
        - {f"created_{end}" for end in ("from", "to")}
        for path, method, operation in operations(document)
        if method == "get" and "{" not in path
    }
    for path in ("/inbound-webhooks", "/sync-runs"):
        taken[path] = {
            name for name in taken[path] if name.partition("_")[0] not in spans
        }

    assert {path: names for path, names in taken.items() if names} == told


def test_each_action_on_the_page_exists(document: Any) -> None:
    served = {
        re.sub(r"\{\w+\}", "{}", path.removeprefix("/api/v1"))
        for path, _, _ in operations(document)
    }
    named = re.findall(r"`(?:GET|POST|PATCH|DELETE) (/[\w/{}-]+)", PAGE)

    assert named
    assert set() == {re.sub(r"\{\w+\}", "{}", path) for path in named} - served


def test_the_page_for_people_shows_every_operation(app: Flask, document: Any) -> None:
    answer = app.test_client().get("/api/docs")
    page = answer.get_data(as_text=True)

    assert 200 == answer.status_code
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for _, _, operation in operations(document):
        assert f'<details id="{operation["operationId"]}">' in page
    assert "<script" not in page
    assert "style=" not in page
    assert 200 == app.test_client().get("/api/docs.css").status_code
