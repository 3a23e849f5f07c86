"""Connections, plugins, tokens and people over HTTP."""

import pytest

from hub.boot import Hub
from hub.core.people import accounts
from hub.sdk.errors import CredentialsError
from tests.api.client import Caller, made, on_sqlite

TOKEN = "xoxb-canary-0123456789abcdef"
SLACK = {"plugin": "slack", "settings": {"bot_token": TOKEN}}


@pytest.fixture
def slack(admin: Caller) -> str:
    """The address of a Slack connection in use."""
    admin.post("/plugins/slack/enable")
    made(admin.post("/connections", SLACK))
    admin.post("/connections/slack/enable")
    return "/connections/slack"


def test_a_test_says_what_came_of_it(
    admin: Caller, hub: Hub, slack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def works(ctx: object) -> str:
        return f"Posted with {TOKEN}."

    def fails(ctx: object) -> str:
        raise CredentialsError(f"Slack refused {TOKEN}.")

    hooks = dict(hub.plugins.get("slack").hooks)
    answers = []
    for hook in (works, fails):
        hooks["test_connection"] = hook
        monkeypatch.setattr(
            hub.plugins, "call", lambda name, hook, ctx: hooks[hook](ctx)
        )
        answers.append(admin.post(f"{slack}/test"))

    assert [(200, True), (200, False)] == [
        (each.status_code, each.get_json()["ok"]) for each in answers
    ]
    for each in answers:
        assert each.get_json()["message"]
        assert TOKEN not in each.get_data(as_text=True)


def test_a_message_is_queued(admin: Caller, slack: str) -> None:
    sent = {"text": "Hello", "blocks": [{"type": "divider", "n": 1.5}], "to": "#ops"}

    answer = admin.post(f"{slack}/messages", sent)

    assert 202 == answer.status_code
    assert ("pending", "slack", "#ops") == tuple(
        answer.get_json()[name] for name in ("state", "connection", "target")
    )
    assert (
        answer.get_json()
        == admin.get(f"/deliveries/{answer.get_json()['id']}").get_json()
    )


@on_sqlite
@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({}, 422),
        ({"text": " "}, 422),
        ({"text": "x" * 40_001}, 422),
        ({"text": 5}, 422),
        ({"text": "x", "blocks": "no"}, 422),
        ({"text": "x", "surprise": 1}, 422),
    ],
)
def test_a_wrong_message_is_refused(
    admin: Caller, slack: str, values: object, status: int
) -> None:
    assert status == admin.post(f"{slack}/messages", values).status_code
    assert 404 == admin.post("/connections/nope/messages", {"text": "x"}).status_code


def test_a_held_connection_takes_no_message(admin: Caller, slack: str) -> None:
    admin.post(f"{slack}/disable")

    assert 409 == admin.post(f"{slack}/messages", {"text": "x"}).status_code


@on_sqlite
def test_plugins_are_told(admin: Caller) -> None:
    one = admin.get("/plugins/slack")

    assert (200, "slack") == (one.status_code, one.get_json()["name"])
    assert one.get_json() in admin.get("/plugins").get_json()["items"]
    assert 404 == admin.get("/plugins/nope").status_code


@on_sqlite
def test_short_lists_are_cut_too(admin: Caller) -> None:
    names = [each["name"] for each in admin.get("/plugins").get_json()["items"]]
    seen: list[str] = []
    page = admin.get("/plugins?limit=1").get_json()
    seen += [each["name"] for each in page["items"]]
    while page["next_cursor"] is not None:
        page = admin.get(f"/plugins?limit=1&cursor={page['next_cursor']}").get_json()
        seen += [each["name"] for each in page["items"]]

    assert names == seen
    assert 400 == admin.get("/plugins?cursor=nope").status_code


def test_a_token_is_shown_once_and_revoked(admin: Caller) -> None:
    token = made(admin.post("/tokens", {"name": "books", "role": "billing"}))
    other = Caller(admin.client, token["token"])
    assert 200 == other.get("/invoices").status_code

    listed = admin.get("/tokens")
    assert token["id"] in [each["id"] for each in listed.get_json()["items"]]
    assert token["token"] not in listed.get_data(as_text=True)

    assert 204 == admin.call("DELETE", f"/tokens/{token['id']}").status_code
    assert 401 == other.get("/invoices").status_code
    assert 404 == admin.call("DELETE", "/tokens/tok_nope").status_code


def test_a_token_is_not_kept_for_an_idempotency_key(admin: Caller) -> None:
    answer = admin.post(
        "/tokens",
        {"name": "books", "role": "billing"},
        headers={"Idempotency-Key": "once"},
    )

    assert 400 == answer.status_code
    assert 1 == len(admin.get("/tokens").get_json()["items"])


def test_people_are_listed(admin: Caller, hub: Hub) -> None:
    with hub.write() as session:
        accounts.create_user(session, "ana@example.com", "billing")

    (person,) = admin.get("/users").get_json()["items"]

    assert ("ana@example.com", "billing", True) == tuple(
        person[name] for name in ("email", "role", "active")
    )
    assert "password_hash" not in person
