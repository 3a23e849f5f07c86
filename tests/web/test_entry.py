"""Signing in, out, and by link."""

import pytest

from hub.core.people import accounts, sign_in_links
from tests.parts.bank import Bank
from tests.web.conftest import PASSWORD, Browse, Browser
from web import limits

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def enter(browser: Browser, email: str, password: str, **more: str) -> int:
    answer = browser.post("/login", "/login", email=email, password=password, **more)
    return answer.status_code


def test_wrong_passwords_and_unknown_people_get_the_same_answer(
    bank: Bank, stranger: Browser
) -> None:
    with bank.hub.write() as session:
        accounts.create_user(session, "a@example.com", "admin", password=PASSWORD)

    page = "/login"
    wrong = stranger.post("/login", page, email="a@example.com", password="no")
    unknown = stranger.post("/login", page, email="b@example.com", password="no")

    assert 401 == wrong.status_code == unknown.status_code
    assert "E-mail or password is wrong." in wrong.text
    assert "E-mail or password is wrong." in unknown.text


def test_too_many_tries_are_refused_even_with_the_right_password(
    bank: Bank, stranger: Browser
) -> None:
    with bank.hub.write() as session:
        accounts.create_user(session, "a@example.com", "admin", password=PASSWORD)
    tries = [enter(stranger, "a@example.com", "no") for _ in range(limits.PER_ACCOUNT)]

    assert [401] * limits.PER_ACCOUNT == tries
    assert 429 == enter(stranger, "a@example.com", PASSWORD)


def test_tries_are_counted_without_redis_too(bank: Bank, stranger: Browser) -> None:
    """ROAD 44."""
    bank.hub.bell.redis.close()
    bank.hub.bell._down_until = float("inf")

    tries = [
        enter(stranger, "a@example.com", "no") for _ in range(limits.PER_ACCOUNT + 1)
    ]

    assert [401] * limits.PER_ACCOUNT + [429] == tries


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/invoices?state=open", "/invoices?state=open"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
    ],
)
def test_after_signing_in_people_stay_on_this_site(
    bank: Bank, stranger: Browser, wanted: str, goes: str
) -> None:
    with bank.hub.write() as session:
        accounts.create_user(session, "a@example.com", "admin", password=PASSWORD)

    answer = stranger.post(
        "/login", "/login", email="a@example.com", password=PASSWORD, next=wanted
    )

    assert goes == answer.location


def test_the_sessions_cookie_is_for_this_site_and_no_script(browse: Browse) -> None:
    admin = browse("admin")
    cookie = admin.client.get_cookie("hub")

    assert cookie is not None
    assert (True, "Lax") == (cookie.http_only, cookie.same_site)


def test_signing_out_ends_the_session(browse: Browse) -> None:
    admin = browse("admin")

    admin.post("/logout")

    assert 302 == admin.get("/").status_code


def test_ending_all_sessions_ends_this_one(bank: Bank, browse: Browse) -> None:
    admin = browse("admin")
    with bank.hub.write() as session:
        (user,) = accounts.users(session)
        accounts.end_sessions(session, user.id)

    assert 302 == admin.get("/").status_code


def test_the_first_admin_is_made_by_a_link_once(bank: Bank, stranger: Browser) -> None:
    with bank.hub.write() as session:
        link = sign_in_links.first_admin_link(session)
    assert link is not None
    path = link.removeprefix(bank.hub.settings.base_url)

    made = stranger.post(path, path, email="me@example.com", password=PASSWORD)

    assert "/" == made.location
    assert 200 == stranger.get("/settings").status_code
    assert 404 == stranger.get(path).status_code


def test_a_weak_password_is_said_to_be_so(bank: Bank, stranger: Browser) -> None:
    with bank.hub.write() as session:
        link = sign_in_links.first_admin_link(session)
    assert link is not None
    path = link.removeprefix(bank.hub.settings.base_url)

    answer = stranger.post(path, path, email="me@example.com", password="x")

    assert 422 == answer.status_code
    assert 'role="alert"' in answer.text
