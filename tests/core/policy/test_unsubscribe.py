"""Links that stop e-mail: signed, harmless when followed twice, and heeded."""

import pytest
from sqlalchemy import select

from hub.boot import Hub
from hub.core.ledger import companies
from hub.core.models import Consent
from hub.core.people import portal_links
from hub.core.policy import unsubscribe
from hub.sdk.errors import NotFoundError
from tests.core.policy.plugins import add_contact
from tests.parts.ledger import add_company, add_invoice


def token(hub: Hub, contact: str) -> str:
    with hub.read() as session:
        url = unsubscribe.url(session, contact)
    assert url.startswith(hub.url("/unsubscribe/"))
    return url.rpartition("/")[2]


def stop(hub: Hub, given: str) -> None:
    with hub.write() as session:
        unsubscribe.unsubscribe(session, given)


def consents(hub: Hub, contact: str) -> list[tuple[str, bool, str]]:
    with hub.read() as session:
        rows = session.scalars(
            select(Consent).where(Consent.contact_id == contact).order_by(Consent.at)
        )
        return [(row.channel, row.given, row.by) for row in rows]


def agrees(hub: Hub, contact: str, channel: str) -> bool:
    with hub.read() as session:
        return companies.has_consent(session, contact, channel)


def test_it_ends_consent_to_e_mail_and_nothing_else(hub: Hub) -> None:
    company = add_company(hub)
    kim = add_contact(hub, company.id, "email", "sms", email="kim@example.com")

    stop(hub, token(hub, kim))

    assert not agrees(hub, kim, "email")
    assert agrees(hub, kim, "sms")
    assert ("email", False, f"contact:{kim}") in consents(hub, kim)


def test_followed_again_it_changes_nothing(hub: Hub) -> None:
    kim = add_contact(hub, add_company(hub).id, "email", email="kim@example.com")
    given = token(hub, kim)

    stop(hub, given)
    once = consents(hub, kim)
    stop(hub, given)

    assert once == consents(hub, kim)


def test_all_who_share_the_address_hear_no_more(hub: Hub) -> None:
    first, second = add_company(hub), add_company(hub, "Other")
    kim = add_contact(hub, first.id, "email", email="Bills@Example.com")
    lee = add_contact(hub, second.id, "email", email="bills@example.com")
    ann = add_contact(hub, second.id, "email", email="ann@example.com")

    stop(hub, token(hub, kim))

    assert not agrees(hub, lee, "email")
    assert agrees(hub, ann, "email")


def test_it_says_how_one_stands_without_the_whole_address(hub: Hub) -> None:
    kim = add_contact(hub, add_company(hub).id, "email", email="kim@example.com")
    given = token(hub, kim)

    with hub.read() as session:
        before = unsubscribe.standing(session, given)
    stop(hub, given)
    with hub.read() as session:
        after = unsubscribe.standing(session, given)

    assert ("k\u2026@example.com", True) == (before.address, before.subscribed)
    assert ("k\u2026@example.com", False) == (after.address, after.subscribed)


def test_the_link_of_a_removed_contact_does_nothing(hub: Hub) -> None:
    kim = add_contact(hub, add_company(hub).id, "email", email="kim@example.com")
    given = token(hub, kim)
    with hub.write() as session:
        companies.remove_contact(session, kim)

    stop(hub, given)

    with hub.read() as session:
        assert not unsubscribe.standing(session, given).subscribed


def test_nobody_makes_a_link_without_the_key(hub: Hub) -> None:
    kim = add_contact(hub, add_company(hub).id, "email", email="kim@example.com")
    good = token(hub, kim)
    invoice = add_invoice(hub)
    with hub.write() as session:
        other, _ = portal_links.make(session, f"invoice:{invoice.id}")
    for forged in ("", kim, f"{kim}.x", good[:-1] + "!", good + "x" * 300, "\u00e9.x"):
        with hub.write() as session, pytest.raises(NotFoundError):
            unsubscribe.unsubscribe(session, forged)
    with hub.read() as session, pytest.raises(NotFoundError):
        unsubscribe.standing(session, other.rpartition("/")[2])
    assert agrees(hub, kim, "email")


def test_who_is_no_contact_has_no_link(hub: Hub) -> None:
    with hub.read() as session:
        assert "" == unsubscribe.url(session, None)
