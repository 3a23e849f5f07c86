"""The stand-in for Teams takes what Teams shows and refuses the rest."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from hub.sdk.context import Context
from hub.sdk.errors import CredentialsError, RejectedError
from hub.sdk.events import Event, Message
from hub.sdk.serving import Served, serve
from hub_teams import actions, messages
from hub_teams.provider import problem_of
from hub_teams.simulator import TeamsSimulator
from hub_teams.simulator.page import markdown

Make = Callable[..., Any]
PATH = "/workflows/xyzzy/triggers/manual/paths/invoke"
QUERY = "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=plugh"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[TeamsSimulator, Served]]:
    """The stand-in, started once: each test begins afresh all the same."""
    simulator = TeamsSimulator()
    with serve(simulator) as teams:
        yield simulator, teams


@pytest.fixture
def teams(served: tuple[TeamsSimulator, Served]) -> Served:
    simulator, teams = served
    simulator.config.clear()
    simulator.reset()
    return teams


@pytest.fixture
def connected(teams: Served, ctx_with: Make) -> Context:
    """A connection as the demo makes it."""
    found = requests.get(f"{teams.url}/_sim/settings", timeout=10).json()
    ctx: Context = ctx_with(**found["settings"])
    return ctx


def state(teams: Served) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{teams.url}/_sim/state", timeout=10).json()
    return found


def post(teams: Served, body: Any, query: str = QUERY, **options: Any) -> Any:
    return requests.post(teams.url + PATH + query, json=body, timeout=10, **options)


def test_settings_are_those_a_person_would_enter(connected: Context) -> None:
    assert "" == problem_of(connected.settings["webhook_url"])


def test_cards_arrive(connected: Context, teams: Served, event_of: Make) -> None:
    event: Event = event_of("quote.accepted")
    actions.post_card(event, connected)
    actions.send_message(Message(text="Hello"), connected)

    found = state(teams)

    body = messages.card(event, connected.hub_url)
    assert 2 == found["count"]
    assert body["attachments"][0]["content"] == found["messages"][0]["card"]
    assert "Hello" == found["messages"][1]["summary"]


def test_accepting_is_202_with_nothing_in_it(teams: Served, event_of: Make) -> None:
    answer = post(teams, messages.card(event_of("invoice.paid")))

    assert (202, b"") == (answer.status_code, answer.content)


@pytest.mark.parametrize(
    "query",
    [
        "",
        QUERY.partition("&sig")[0],
        QUERY.replace("%2F", "/"),
        QUERY.replace("&", "&amp;"),
        QUERY.replace("plugh", "other"),
    ],
)
def test_mangled_address_is_refused(query: str, teams: Served, event_of: Make) -> None:
    config = {"sig": "plugh"}
    requests.post(f"{teams.url}/_sim/config", json=config, timeout=10)

    answer = post(teams, messages.card(event_of("invoice.paid")), query)

    assert 401 == answer.status_code
    assert "DirectApiAuthorizationRequired" == answer.json()["error"]["code"]


def test_authorization_beside_sig_is_refused(teams: Served, event_of: Make) -> None:
    body = messages.card(event_of("invoice.paid"))

    answer = post(teams, body, headers={"Authorization": "Bearer x"})

    code = "DirectApiRequestHasMoreThanOneAuthorization"
    assert (401, code) == (answer.status_code, answer.json()["error"]["code"])


CARD: dict[str, Any] = {"type": "AdaptiveCard", "version": "1.4", "body": []}
TYPE = "application/vnd.microsoft.card.adaptive"


def wrapped(card: Any, **changes: Any) -> dict[str, Any]:
    attachment = {"contentType": TYPE, "content": card}
    return {"type": "message", "attachments": [attachment]} | changes


def with_body(*elements: Any, **changes: Any) -> dict[str, Any]:
    return wrapped({**CARD, "body": list(elements)} | changes)


BAD: list[tuple[Any, int, str]] = [
    ([], 400, "JSON object"),
    (wrapped(CARD, type="x"), 400, "must be 'message'"),
    ({"type": "message"}, 400, "type 'Null'"),
    (wrapped(CARD, attachments={}), 400, "type 'dict'"),
    (wrapped(CARD, attachments=[]), 400, "foreach"),
    (wrapped(CARD, attachments=[{"content": CARD}]), 400, "contentType"),
    (wrapped({"@type": "MessageCard"}), 400, "must be 'AdaptiveCard'"),
    (wrapped({**CARD, "version": "1.5"}), 400, "≤ 1.4"),
    (wrapped({**CARD, "refresh": {"x": 1}}), 400, "refreshed"),
    (with_body({"type": "Table"}), 400, "'Table'"),
    (with_body({"type": "Input.Text", "id": "x"}), 400, "'Input.Text'"),
    (with_body("text"), 400, "'None'"),
    (with_body({"type": "TextBlock", "text": 1}), 400, "must be a string"),
    (with_body({"type": "Container", "style": "#fff"}), 400, "style '#fff'"),
    (
        with_body({"type": "FactSet", "facts": [{"title": "a", "value": True}]}),
        400,
        "must be strings",
    ),
    (with_body(actions=[{"type": "Action.Submit"}]), 400, "needs a bot"),
    (
        with_body(actions=[{"type": "Action.OpenUrl", "url": "javascript:x"}]),
        400,
        "web addresses",
    ),
    (with_body({"type": "TextBlock", "text": "x" * 28_672}), 413, "too large"),
]


@pytest.mark.parametrize(("body", "status", "words"), BAD)
def test_what_teams_would_not_show_is_refused(
    body: Any, status: int, words: str, teams: Served
) -> None:
    answer = post(teams, body)

    assert status == answer.status_code
    assert words in answer.json()["error"]["message"]
    assert 0 == state(teams)["count"]


def test_form_is_refused(teams: Served) -> None:
    answer = requests.post(teams.url + PATH + QUERY, data={"a": "b"}, timeout=10)

    assert 400 == answer.status_code


def test_refusals_reach_the_plugin_as_errors(teams: Served, ctx_with: Make) -> None:
    gone = ctx_with(teams.url + PATH.replace("xyzzy", "gone") + QUERY)
    with pytest.raises(CredentialsError, match="Copy the URL again"):
        actions.test_connection(gone)
    table = Message(text="", blocks=({"type": "Table"},))
    with pytest.raises(RejectedError):
        actions.send_message(table, ctx_with(teams.url + PATH + QUERY))


def test_page_is_locked_down_and_escapes(teams: Served) -> None:
    post(teams, with_body({"type": "TextBlock", "text": "<script>x</script>"}))

    answer = requests.get(teams.url, timeout=10)

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "&lt;script&gt;" in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**a** _b_", "<strong>a</strong> <em>b</em>"),
        ("\\*a\\* \\_b\\_", "*a* _b_"),
        ("**a\\*\\*b**", "<strong>a**b</strong>"),
        (
            "[a\\]](https://x.example)",
            '<a href="https://x.example" target="_blank"'
            ' rel="noopener noreferrer">a]</a>',
        ),
        ("\\[a\\](https://x.example)", "[a](https://x.example)"),
        ("[a](javascript:x)", "[a](javascript:x)"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("a\x000\x00", "a0"),
    ],
)
def test_markdown_is_shown_as_teams_does(text: str, html: str) -> None:
    assert html == str(markdown(text))
