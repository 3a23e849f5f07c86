"""Links for clients: signed, ending, one per thing, and in no log."""

import io
import json
from datetime import timedelta

import pytest
import structlog
import time_machine

from hub import log
from hub.boot import Hub
from hub.core.ledger import companies
from hub.core.ledger.invoices import NewInvoice, create
from hub.core.models import AuditEntry, PortalLink
from hub.core.people import portal_links
from hub.core.people.portal_links import LinkError
from hub.sdk import clock
from hub.sdk.errors import ConflictError, InvalidError, NotFoundError
from hub.sdk.redaction import Redactor
from tests.parts.ledger import add_invoice, all_of, lines


def link(hub: Hub, subject: str, **options: int) -> str:
    with hub.write() as session:
        return portal_links.make(session, subject, actor="user:ana", **options)[0]


def token(url: str) -> str:
    return url.rpartition("/")[2]


def why(hub: Hub, given: str) -> str:
    with hub.read() as session, pytest.raises(LinkError) as raised:
        portal_links.resolve(session, given)
    return raised.value.why


def test_a_link_leads_to_its_subject(hub: Hub) -> None:
    subject = f"invoice:{add_invoice(hub).id}"

    url = link(hub, subject)

    assert url.startswith(hub.url("/pay/"))
    with hub.read() as session:
        assert subject == portal_links.resolve(session, token(url)).subject


def test_given_out_again_it_is_the_same_link_and_lasts_from_then_on(hub: Hub) -> None:
    subject = f"invoice:{add_invoice(hub).id}"
    first = link(hub, subject, days=10)

    with time_machine.travel(clock.now() + timedelta(days=9), tick=False):
        second = link(hub, subject, days=10)
    with time_machine.travel(clock.now() + timedelta(days=15), tick=False):
        third = link(hub, subject)

    assert first == second == third


def test_what_needs_a_link_by_the_way_does_not_let_it_last_longer(hub: Hub) -> None:
    subject = f"invoice:{add_invoice(hub).id}"
    link(hub, subject, days=2)
    (before,) = all_of(hub, PortalLink)

    link(hub, subject)

    assert [before.expires_at] == [row.expires_at for row in all_of(hub, PortalLink)]


def test_what_is_made_up_opens_nothing(hub: Hub) -> None:
    given = token(link(hub, f"invoice:{add_invoice(hub).id}"))
    id, _, signature = given.partition(".")

    for forged in (
        "",
        ".",
        id,
        f"{id}.",
        f"{id}.{signature[:-2]}AA",
        f"{id[:-1]}x.{signature}",
        given + "x",
        "x" * 5000,
        "lnk_\ud800",
        "'; drop table portal_links; --",
    ):
        assert "unknown" == why(hub, forged)


def test_a_link_of_another_key_opens_nothing(hub: Hub) -> None:
    given = token(link(hub, f"invoice:{add_invoice(hub).id}"))

    hub.keys = ("b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgMDA=", *hub.keys)

    assert "unknown" == why(hub, given)


def test_a_link_ends(hub: Hub) -> None:
    subject = f"invoice:{add_invoice(hub).id}"
    given = token(link(hub, subject, days=10))

    with time_machine.travel(clock.now() + timedelta(days=10, seconds=1), tick=False):
        assert "expired" == why(hub, given)
        assert given != token(link(hub, subject))


def test_a_link_is_taken_back(hub: Hub) -> None:
    subject = f"invoice:{add_invoice(hub).id}"
    given = token(link(hub, subject))

    with hub.write() as session:
        assert 1 == portal_links.revoke(session, subject, actor="user:ana")
        assert 0 == portal_links.revoke(session, subject, actor="user:ana")
        assert portal_links.current(session, subject) is None

    assert "revoked" == why(hub, given)
    assert given != token(link(hub, subject))
    assert "revoked" == why(hub, given)


def test_only_what_a_client_may_see_gets_a_link(hub: Hub) -> None:
    with hub.write() as session:
        company = companies.create(session, {"name": "Acme", "currency": "EUR"})
        new = NewInvoice(company_id=company.id, lines=lines("1"), state="draft")
        draft = create(session, new)

    with pytest.raises(ConflictError, match="issue it"):
        link(hub, f"invoice:{draft.id}")
    with pytest.raises(NotFoundError):
        link(hub, "quote:quo_none")
    with pytest.raises(InvalidError):
        link(hub, f"company:{company.id}", days=0)
    assert "/pay/" in link(hub, f"company:{company.id}")


def test_the_first_opening_is_kept(hub: Hub) -> None:
    given = token(link(hub, f"invoice:{add_invoice(hub).id}"))
    moments = []

    for minutes in (1, 2):
        with time_machine.travel(clock.now() + timedelta(minutes=minutes), tick=False):
            with hub.read() as session:
                found = portal_links.resolve(session, given)
            portal_links.note_opened(hub, found)
        moments += [row.opened_at for row in all_of(hub, PortalLink)]

    assert moments[0] is not None
    assert moments[0] == moments[1]


def test_no_log_line_audit_entry_or_excerpt_holds_a_token(hub: Hub) -> None:
    url = link(hub, f"invoice:{add_invoice(hub).id}")
    written = io.StringIO()

    log.configure(hub.settings, written)
    structlog.get_logger("test").error("request", path=url, text=f"GET {url}/return")
    body = json.dumps({"return_url": f"{url}/paypal/return"}).encode()
    form = f"success_url={url.replace('/', '%2F')}%2Fstripe%2Freturn".encode()
    excerpts = (
        Redactor().excerpt(body, "application/json"),
        Redactor().excerpt(form, "application/x-www-form-urlencoded"),
    )
    audited = json.dumps([row.data for row in all_of(hub, AuditEntry)])

    assert "request" in written.getvalue()
    assert "return_url" in excerpts[0]
    for text in (written.getvalue(), *excerpts, audited):
        assert token(url).partition(".")[2] not in text
