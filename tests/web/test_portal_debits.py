"""Direct debit set up from a link: there, back, and for this company alone."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.boot import Hub
from hub.core.models import Invoice, MandateRequest, PluginSwitch, PortalLink
from hub.plugins import Plugin, Plugins
from hub.sdk import clock, ledger
from hub.sdk.context import Context
from hub.sdk.errors import UnavailableError
from hub.sdk.facts import Fact, MandateSeen
from hub.sdk.provider import Provider, SettingsSchema
from tests.parts.hub import connect
from tests.parts.ledger import add_company, add_invoice, all_of
from tests.web.test_portal_paying import Payer

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Giro:
    """A provider of direct debits, in memory."""

    given: bool = False
    down: bool = False

    def start(
        self, *, company: ledger.Company, request: ledger.MandateRequest, ctx: Context
    ) -> ledger.Checkout:
        if self.down:
            raise UnavailableError("inner details of the giro")
        self.return_url = request.return_url
        return ledger.Checkout(
            reference=f"BRQ-{request.id[-6:]}", url="https://giro.test/mandate"
        )

    def finish(
        self, *, request: ledger.MandateRequest, params: Any, ctx: Context
    ) -> list[Fact]:
        if not self.given:
            return []
        seen = MandateSeen(
            id="MD-1:active",
            as_of=clock.now() - timedelta(seconds=1),
            reference="MD-1",
            state="active",
            request=request.id,
            currency="EUR",
        )
        return [seen]

    def plugin(self) -> Plugin:
        provider = Provider(
            name="giro",
            title="Giro",
            category="payment",
            summary="For tests.",
            settings=SettingsSchema,
        )
        hooks: Any = {
            "describe_provider": lambda: provider,
            "start_mandate": self.start,
            "finish_mandate": self.finish,
            "collect_payment": lambda **_: [],
        }
        return Plugin(name="giro", provider=provider, hooks=hooks)


@pytest.fixture
def giro() -> Giro:
    return Giro()


@pytest.fixture
def bureau(hub: Hub, giro: Giro) -> Hub:
    found = Hub(
        settings=hub.settings,
        database=hub.database,
        plugins=Plugins([giro.plugin()]),
        bell=hub.bell,
        keys=hub.keys,
    )
    with found.write() as session:
        session.add(PluginSwitch(name="giro", enabled=True))
    connect(found, "giro")
    return found


@pytest.fixture
def payer(bureau: Hub) -> Payer:
    return Payer(bureau, f"invoice:{add_invoice(bureau).id}")


def press(payer: Payer, **fields: str) -> Any:
    page = payer.look(f"?invoice={fields['invoice']}" if "invoice" in fields else "")
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return payer.client.post(
        f"{payer.path}/giro/debit", data={**fields, "csrf_token": found[1]}
    )


def back(payer: Payer, giro: Giro) -> str:
    there = giro.return_url.partition(payer.path)[2]
    answer = payer.client.get(payer.path + there)
    assert 303 == answer.status_code
    return payer.client.get(answer.location).text


def test_a_company_sets_up_direct_debit(bureau: Hub, giro: Giro, payer: Payer) -> None:
    pressed, again = press(payer), press(payer)
    sent_on = payer.client.get(pressed.location).text
    giro.given = True

    text = back(payer, giro)

    assert (303, pressed.location) == (again.status_code, again.location)
    assert 'content="0;url=https://giro.test/mandate"' in sent_on
    assert "to set up direct debit for Acme" in sent_on
    assert "Direct debit is set up. Thank you!" in text
    assert "Set up direct debit</button>" not in text
    assert ["finished"] == [row.state for row in all_of(bureau, MandateRequest)]


def test_who_comes_back_without_it_can_go_on(
    bureau: Hub, giro: Giro, payer: Payer
) -> None:
    press(payer)

    text = back(payer, giro)

    assert "isn&#39;t set up yet" in text
    assert "Set up direct debit</button>" in text


def test_a_provider_that_is_down_says_nothing_inner(giro: Giro, payer: Payer) -> None:
    giro.down = True

    answer = press(payer)

    assert 502 == answer.status_code
    assert "doesn&#39;t work right now" in answer.text
    assert "inner" not in answer.text


def test_a_request_of_another_company_is_not_shown(
    bureau: Hub, giro: Giro, payer: Payer
) -> None:
    press(payer)
    (request,) = all_of(bureau, MandateRequest)
    other = add_company(bureau, "Other")
    stranger = Payer(bureau, f"company:{other.id}")

    for step in ("debit", "return", "cancel"):
        answer = stranger.client.get(
            f"{stranger.path}/giro/{step}?request={request.id}"
        )
        assert (303, stranger.path) == (answer.status_code, answer.location)
    assert "direct debit" not in stranger.look(f"?debit={request.id}").text.lower()


def test_the_way_back_is_never_a_link_that_ended(
    bureau: Hub, giro: Giro, payer: Payer
) -> None:
    press(payer)
    (request,) = all_of(bureau, MandateRequest)
    with bureau.write() as session:
        (ended,) = session.scalars(select(PortalLink))
        ended.revoked_at = clock.now()
    again = Payer(bureau, f"company:{request.company_id}")
    (invoice,) = all_of(bureau, Invoice)
    press(again, invoice=invoice.id)
    giro.given = True

    assert "Direct debit is set up. Thank you!" in back(again, giro)
    assert [request.id] == [row.id for row in all_of(bureau, MandateRequest)]


def test_a_tab_left_open_sets_up_no_second_mandate(
    bureau: Hub, giro: Giro, payer: Payer
) -> None:
    found = re.search(r'name="csrf_token" value="([^"]+)"', payer.look().text)
    assert found is not None
    press(payer)
    giro.given = True
    back(payer, giro)

    late = payer.client.post(f"{payer.path}/giro/debit", data={"csrf_token": found[1]})

    assert (303, payer.path) == (late.status_code, late.location)
    assert 1 == len(all_of(bureau, MandateRequest))
