"""Message texts: who may change them, what a page says of them, and back again."""

import html
from typing import Any

import pytest

from hub.boot import Hub
from hub.core.models import AuditEntry, MessageTemplate
from hub.core.policy import templates
from hub.core.policy.defaults import DEFAULTS
from tests.parts.bank import Bank
from tests.parts.ledger import all_of
from tests.web.conftest import CANARY, Browse, Browser

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PHONE = "/settings/texts/phone/invoice.overdue"
EMAIL = "/settings/texts/email/invoice.overdue"


def text_of(hub: Hub, reach: str = "phone") -> Any:
    with hub.read() as session:
        return templates.get(session, reach, "invoice.overdue")


def seen(answer: Any) -> str:
    return html.unescape(answer.text)


def test_every_text_is_listed_and_can_be_opened(admin: Browser) -> None:
    shown = admin.get("/settings/texts").text

    for reach, kind in DEFAULTS:
        assert f'href="/settings/texts/{reach}/{kind}"' in shown
        page = admin.get(f"/settings/texts/{reach}/{kind}")
        assert 200 == page.status_code
        assert "Smith & Co" in seen(page) or reach == "phone"


def test_a_preview_shows_the_text_and_its_segments_and_saves_nothing(
    bank: Bank, admin: Browser
) -> None:
    body = "{{ company.name }}: \u2018pay\u2019 {{ open_amount }}"

    shown = seen(admin.post(PHONE, body=body, preview="1"))

    assert "Smith & Co: 'pay' 700.00 EUR" in shown
    assert "1 segment (28 characters, GSM-7)" in shown
    assert "1 segment (50 characters, GSM-7)" in shown  # with how to opt out
    assert "Not saved" in shown
    assert body in shown
    assert not text_of(bank.hub).own


def test_a_sign_beyond_the_alphabet_is_told_of(admin: Browser) -> None:
    shown = admin.post(PHONE, body="\u0441 " + "x" * 100, preview="1").text

    assert "2 segments (102 units, UCS-2)" in shown
    assert "a segment holds 70 signs" in shown


def test_a_text_is_saved_and_taken_back(bank: Bank, admin: Browser) -> None:
    answer = admin.post(
        EMAIL, subject="Please\r\npay", body="Pay.\r\n\r\n{{ link }}\r\n"
    )

    assert 302 == answer.status_code
    assert ("Please pay", "Pay.\n\n{{ link }}") == (
        text_of(bank.hub, "email").text.subject,
        text_of(bank.hub, "email").text.body,
    )
    assert "Changed by admin@example.com" in admin.get(EMAIL).text
    assert "Your own" in admin.get("/settings/texts").text

    assert 302 == admin.post(f"{EMAIL}/default").status_code
    assert not text_of(bank.hub, "email").own
    assert {"message_template.changed", "message_template.reset"} <= {
        each.action for each in all_of(bank.hub, AuditEntry)
    }


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    bank: Bank, admin: Browser
) -> None:
    answer = admin.post(PHONE, body="Hi {{ compny.name }} {% for x in y %}{% endfor %}")

    assert 422 == answer.status_code
    assert "There is no variable 'compny.name' here." in seen(answer)
    assert "{% for %} can't be used." in seen(answer)
    assert "Hi {{ compny.name }} {% for x in y %}" in seen(answer)
    assert not text_of(bank.hub).own
    previewed = admin.post(PHONE, body="{{ nonsense }}", preview="1")
    assert 200 == previewed.status_code
    assert "There is nothing to show" in previewed.text


def test_typed_markup_is_shown_not_run(admin: Browser) -> None:
    for body in (CANARY, "{{ " + CANARY + " }}"):
        shown = admin.post(EMAIL, subject=CANARY, body=body, preview="1").text
        assert CANARY not in shown
        assert "&lt;script&gt;" in shown


def test_only_admins_see_and_change_texts(bank: Bank, browse: Browse) -> None:
    billing = browse("billing")

    for url in ("/settings/texts", PHONE):
        assert 403 == billing.get(url).status_code
    assert 403 == billing.post(PHONE, body="mine").status_code
    assert 403 == billing.post(f"{PHONE}/default").status_code
    assert not text_of(bank.hub).own


def test_a_form_without_its_token_changes_nothing(bank: Bank, admin: Browser) -> None:
    assert 400 == admin.client.post(PHONE, data={"body": "mine"}).status_code
    assert not text_of(bank.hub).own


def test_strangers_sign_in_first(stranger: Browser) -> None:
    assert "/login" in stranger.get("/settings/texts").headers["Location"]


@pytest.mark.parametrize("path", ["fax/invoice.overdue", "phone/alert.raised"])
def test_texts_that_there_are_not(admin: Browser, path: str) -> None:
    assert 404 == admin.get(f"/settings/texts/{path}").status_code
    assert 404 == admin.post(f"/settings/texts/{path}", body="x").status_code
    preview = admin.post(f"/settings/texts/{path}", body="x", preview="1")
    assert 404 == preview.status_code


def test_a_text_that_an_older_hub_saved_is_shown_with_what_is_wrong(
    bank: Bank, admin: Browser
) -> None:
    with bank.hub.write() as session:
        templates.set(session, "phone", "invoice.overdue", body="Hi {{ link }}")
        row = session.get_one(MessageTemplate, ("phone", "invoice.overdue"))
        row.body = "{{ gone }}"

    assert "This text can't be used any more" in seen(admin.get("/settings/texts"))
    shown = seen(admin.get(PHONE))
    assert "This can't be used yet" in shown
    assert "no variable 'gone'" in shown
