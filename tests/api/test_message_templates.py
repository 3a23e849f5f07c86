"""Message texts over HTTP."""

from hub.core.policy.defaults import DEFAULTS
from tests.api.client import Caller, on_sqlite

pytestmark = on_sqlite
PATH = "/message-templates/phone/invoice.overdue"


def test_all_texts_are_listed_with_a_preview(admin: Caller) -> None:
    items = admin.get("/message-templates").get_json()["items"]

    assert list(DEFAULTS) == [(each["reach"], each["kind"]) for each in items]
    assert all(each["preview"]["text"] and not each["own"] for each in items)
    page = admin.get("/message-templates?limit=2").get_json()
    assert items[1]["id"] == page["next_cursor"]


def test_a_text_is_set_and_taken_back(admin: Caller) -> None:
    default = admin.get(PATH).get_json()

    made = admin.patch(PATH, {"body": "Pay {{ open_amount }}: {{ link }}"})

    assert 200 == made.status_code
    assert made.get_json() == admin.get(PATH).get_json()
    assert made.get_json()["own"]
    assert "Pay 700.00 EUR:" == made.get_json()["preview"]["text"]
    assert "company.name" in made.get_json()["variables"]
    assert 204 == admin.call("DELETE", PATH).status_code
    assert default == admin.get(PATH).get_json()


def test_what_is_left_out_stays(admin: Caller) -> None:
    path = "/message-templates/email/invoice.sent"
    before = admin.get(path).get_json()

    after = admin.patch(path, {"subject": "Here it is"}).get_json()

    assert ("Here it is", before["body"]) == (after["subject"], after["body"])


def test_a_text_with_problems_is_refused_in_words(admin: Caller) -> None:
    answer = admin.patch(PATH, {"body": "{{ x.__class__ }}"})

    assert 422 == answer.status_code
    assert "no variable 'x.__class__'" in str(answer.get_json()["errors"]["body"])
    assert 422 == admin.patch(PATH, {"body": "x" * 4001}).status_code
    assert 422 == admin.patch(PATH, {"body": "Hi", "subject": "Hi"}).status_code
    assert 404 == admin.patch("/message-templates/fax/x", {"body": "a"}).status_code
    assert not admin.get(PATH).get_json()["own"]


def test_only_admins_may(billing: Caller, ingest: Caller) -> None:
    for caller in (billing, ingest):
        assert 403 == caller.get(PATH).status_code
        assert 403 == caller.patch(PATH, {"body": "a"}).status_code
        assert 403 == caller.call("DELETE", PATH).status_code
