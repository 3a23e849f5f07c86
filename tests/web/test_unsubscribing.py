"""Stop e-mail: nothing by looking, all by one click, nothing for those who guess."""

import pytest
from flask.testing import FlaskClient

from hub.app import create_app
from hub.boot import Hub
from hub.core.ledger import companies
from hub.core.policy import unsubscribe
from hub.sdk.redaction import HIDDEN, Redactor
from tests.core.policy.plugins import add_contact
from tests.parts.ledger import add_company
from web import limits

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def client(hub: Hub) -> FlaskClient:
    return create_app(hub).test_client()


@pytest.fixture
def kim(hub: Hub) -> str:
    return add_contact(hub, add_company(hub).id, "email", email="kim@example.com")


@pytest.fixture
def path(hub: Hub, kim: str) -> str:
    with hub.read() as session:
        url = unsubscribe.url(session, kim)
    return url.removeprefix(hub.settings.base_url)


def agrees(hub: Hub, contact: str) -> bool:
    with hub.read() as session:
        return companies.has_consent(session, contact, "email")


def test_looking_changes_nothing(
    hub: Hub, client: FlaskClient, kim: str, path: str
) -> None:
    """Scanners and mail programs follow every link."""
    shown = client.get(path)
    client.head(path)

    assert "Stop the e-mail" in shown.text
    assert "k\u2026@example.com" in shown.text
    assert "kim@example.com" not in shown.text
    assert agrees(hub, kim)


def test_one_click_stops_it_without_form_or_sign_in(
    hub: Hub, client: FlaskClient, kim: str, path: str
) -> None:
    answer = client.post(path, data=ONE_CLICK)

    assert 200 == answer.status_code
    assert "You get no more e-mail" in answer.text
    assert not agrees(hub, kim)
    assert 200 == client.post(path, data=ONE_CLICK).status_code
    assert "You get no more e-mail" in client.get(path).text


def test_the_button_does_the_same(
    hub: Hub, client: FlaskClient, kim: str, path: str
) -> None:
    assert 200 == client.post(path).status_code
    assert not agrees(hub, kim)


def test_the_page_is_kept_by_nobody_and_runs_nothing(
    client: FlaskClient, path: str
) -> None:
    for answer in (client.get(path), client.post(path), client.get("/unsubscribe/x")):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "no-referrer" == answer.headers["Referrer-Policy"]
        assert "no-store" == answer.headers["Cache-Control"]
        assert "<script" not in answer.text


@pytest.mark.parametrize("token", ["x", "con_1.AAAA", "x" * 500, "%00"])
def test_who_guesses_gets_nowhere(
    hub: Hub, client: FlaskClient, kim: str, token: str
) -> None:
    assert 404 == client.get(f"/unsubscribe/{token}").status_code
    assert 404 == client.post(f"/unsubscribe/{token}", data=ONE_CLICK).status_code
    assert agrees(hub, kim)


def test_who_guesses_on_is_told_to_wait(client: FlaskClient) -> None:
    answers = {client.get("/unsubscribe/x").status_code for _ in range(3)}
    for _ in range(limits.UNKNOWN_LINKS):
        last = client.get("/unsubscribe/x")

    assert {404} == answers
    assert 429 == last.status_code


def test_no_log_line_holds_the_link(hub: Hub, path: str) -> None:
    assert f"GET /unsubscribe/{HIDDEN}" == Redactor().text(f"GET {path}")
