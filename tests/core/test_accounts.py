"""People, tokens and one-time links."""

from datetime import timedelta
from typing import Literal

import pytest
import time_machine
from argon2 import PasswordHasher
from sqlalchemy import select

from hub.boot import Hub
from hub.core.models import AuditEntry, Token, User
from hub.core.people import accounts, passwords, sign_in_links
from hub.sdk import clock
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError

EMAIL, PASSWORD = "ada@example.com", "long enough a secret"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "hasher", cheap)


@pytest.fixture
def ada(hub: Hub) -> User:
    with hub.write() as session:
        return accounts.create_user(
            session, "Ada@Example.com ", "admin", password=PASSWORD
        )


def test_person_signs_in_with_any_case_of_the_address(hub: Hub, ada: User) -> None:
    found = accounts.authenticate(hub, " ADA@example.com", PASSWORD)

    assert found is not None
    assert ada.id == found.id


@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "another password"), ("nobody@example.com", PASSWORD), (EMAIL, "")],
)
def test_wrong_sign_in_gives_nobody(
    hub: Hub, ada: User, email: str, password: str
) -> None:
    assert accounts.authenticate(hub, email, password) is None


def test_unknown_users_are_looked_for_as_long_as_known_ones(
    hub: Hub, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same hash is computed for both: no clock tells them apart."""
    verified: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            verified.append(str(hash).split("$")[3])
            return super().verify(hash, password)

    counting = Counting(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "hasher", counting)

    accounts.authenticate(hub, EMAIL, "wrong wrong wrong")
    accounts.authenticate(hub, "nobody@example.com", "wrong wrong wrong")

    assert ["m=8,t=1,p=1"] * 2 == verified


def test_those_who_left_and_services_do_not_sign_in(hub: Hub, ada: User) -> None:
    with hub.write() as session:
        session.get_one(User, ada.id).active = False

    assert accounts.authenticate(hub, EMAIL, PASSWORD) is None
    assert accounts.signed_in(hub, ada.id, 0) is None


def test_hash_is_renewed_when_the_parameters_grow(
    hub: Hub, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "hasher", stronger)

    accounts.authenticate(hub, EMAIL, PASSWORD)

    with hub.read() as session:
        assert "t=2" in (session.get_one(User, ada.id).password_hash or "")


@pytest.mark.parametrize("password", ["short", "Ada@example.com", "x" * 501])
def test_bad_passwords_are_refused_with_the_reason(hub: Hub, password: str) -> None:
    with hub.write() as session, pytest.raises(InvalidError) as raised:
        accounts.create_user(session, EMAIL, "admin", password=password)

    assert ["password"] == list(raised.value.fields)
    assert password not in str(raised.value)


def test_same_address_twice_is_a_conflict(hub: Hub, ada: User) -> None:
    with hub.write() as session, pytest.raises(ConflictError, match="ada@example"):
        accounts.create_user(session, EMAIL, "billing")


def test_people_have_no_token_roles(hub: Hub) -> None:
    with hub.write() as session, pytest.raises(InvalidError, match="admin, billing"):
        accounts.create_user(session, EMAIL, "ingest")


def test_new_password_ends_all_sessions(hub: Hub, ada: User) -> None:
    assert accounts.signed_in(hub, ada.id, 0) is not None

    with hub.write() as session:
        user = session.get_one(User, ada.id)
        accounts.set_password(session, user, "another long secret")

    assert accounts.signed_in(hub, ada.id, 0) is None
    assert accounts.signed_in(hub, ada.id, 1) is not None


def test_token_acts_as_a_user_of_its_own(hub: Hub) -> None:
    with hub.write() as session:
        token, plain = accounts.create_token(session, "ci", "ingest", actor="user:ada")

    found = accounts.principal_of(hub, plain)

    assert plain.startswith("hub_")
    assert (token.user_id, "ci", "ingest", token.id, "token:ci") == (
        found and found.user_id,
        found and found.name,
        found and found.role,
        found and found.token_id,
        found and found.actor,
    )
    assert accounts.authenticate(hub, f"{token.id}@service.invalid", "") is None


def test_token_itself_is_kept_nowhere(hub: Hub) -> None:
    with hub.write() as session:
        token, plain = accounts.create_token(session, "ci", "admin")
    with hub.read() as session:
        entry = session.scalars(select(AuditEntry)).one()

    kept = [str(value) for value in (*vars(token).values(), entry.data)]
    assert plain[-4:] == token.hint
    assert not any(plain in value for value in kept)


def test_revoked_or_unknown_tokens_are_nobody(hub: Hub) -> None:
    with hub.write() as session:
        token, plain = accounts.create_token(session, "ci", "admin")
        accounts.revoke_token(session, token.id)
        accounts.revoke_token(session, token.id)

    assert accounts.principal_of(hub, plain) is None
    assert accounts.principal_of(hub, "hub_unknown") is None


def test_use_of_a_token_is_noted_now_and_then(hub: Hub) -> None:
    with hub.write() as session:
        token, plain = accounts.create_token(session, "ci", "admin")

    def used(after: timedelta) -> float:
        with time_machine.travel(start + after, tick=False):
            accounts.principal_of(hub, plain)
        with hub.read() as session:
            noted = session.get_one(Token, token.id).last_used_at
        assert noted is not None
        return (noted - start).total_seconds()

    start = clock.now().replace(microsecond=0)
    found = [used(timedelta(minutes=minutes)) for minutes in (0, 4, 6)]

    assert [0, 0, 360] == found


def test_first_admin_is_made_by_a_link_that_works_once(hub: Hub) -> None:
    with hub.write() as session:
        old = sign_in_links.first_admin_link(session) or ""
        url = sign_in_links.first_admin_link(session) or ""
    plain = url.rpartition("/")[2]

    assert url.startswith("http://localhost:8000/login/link/")
    with hub.write() as session:
        assert sign_in_links.look(session, plain) is None
        sign_in_links.redeem(session, plain, PASSWORD, email=EMAIL)
    found = accounts.authenticate(hub, EMAIL, PASSWORD)
    assert found is not None
    assert "admin" == found.role
    for used in (old, url):
        with hub.write() as session, pytest.raises(NotFoundError, match="used"):
            sign_in_links.redeem(
                session, used.rpartition("/")[2], PASSWORD, email="b@c"
            )
    with hub.write() as session:
        assert sign_in_links.first_admin_link(session) is None


def test_bad_password_does_not_use_the_link_up(hub: Hub) -> None:
    with hub.write() as session:
        plain = sign_in_links.create(session).rpartition("/")[2]
    with pytest.raises(InvalidError), hub.write() as session:
        sign_in_links.redeem(session, plain, "short", email=EMAIL)

    with hub.write() as session:
        user = sign_in_links.redeem(session, plain, PASSWORD, email=EMAIL)

    assert EMAIL == user.email


def test_link_of_a_user_sets_their_password(hub: Hub, ada: User) -> None:
    with hub.write() as session:
        plain = sign_in_links.create(session, ada).rpartition("/")[2]
    with hub.write() as session:
        sign_in_links.redeem(session, plain, "a brand new secret")

    assert accounts.authenticate(hub, EMAIL, "a brand new secret") is not None


def test_link_ends_after_a_day(hub: Hub) -> None:
    with hub.write() as session:
        plain = sign_in_links.create(session).rpartition("/")[2]

    with (
        time_machine.travel(clock.now() + timedelta(hours=25)),
        hub.write() as session,
        pytest.raises(NotFoundError),
    ):
        sign_in_links.look(session, plain)
