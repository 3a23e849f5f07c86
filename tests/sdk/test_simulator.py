"""What simulators have in common: routes, faults, webhooks."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from werkzeug.wrappers import Request, Response

from hub.sdk import simulated_webhooks
from hub.sdk.errors import UnavailableError
from hub.sdk.http import ApiClient
from hub.sdk.serving import Simulators, serve
from hub.sdk.simulated_webhooks import SentWebhook
from hub.sdk.simulator import (
    ANSWER_FAULTS,
    RefusalError,
    Simulator,
    json_answer,
    read_json,
    route,
)


class Shop(Simulator):
    """A provider that sells things and tells of it."""

    name = "shop"

    def reset(self) -> None:
        super().reset()
        self.sold: list[str] = []

    def state(self) -> dict[str, Any]:
        return {"sold": self.sold}

    def sign(self, webhook: SentWebhook) -> Mapping[str, str]:
        return {"X-Signature": f"{webhook.id}/{len(webhook.statuses)}"}

    def error(self, status: int) -> Response:
        return json_answer({"shop_error": status}, status)

    @route("POST", "/v1/sales/<thing>")
    def sell(self, request: Request, thing: str) -> Response:
        if thing == "nothing":
            raise RefusalError(json_answer({"shop_error": "sold out"}, 422))
        self.sold.append(thing)
        self.send_webhook({"sold": thing}, id=f"sale-{thing}")
        return json_answer({"sold": thing, "root": request.script_root}, 201)

    @route("GET", "/", page=True)
    @route("GET", "/v1/sales")
    def show(self, _request: Request) -> Response:
        return json_answer({"sold": self.sold})

    @route("POST", "/v1/echo")
    def echo(self, request: Request) -> Response:
        return json_answer(read_json(request))


class Hearer(Simulator):
    """The hub, as far as a provider sees it."""

    def reset(self) -> None:
        super().reset()
        self.heard: list[tuple[str, str]] = []
        self.answers: list[int] = []

    @route("POST", "/webhooks/shop")
    def hear(self, request: Request) -> Response:
        text = request.get_data(as_text=True)
        self.heard.append((request.headers["X-Signature"], text))
        return Response(status=self.answers.pop(0) if self.answers else 200)

    @property
    def ids(self) -> list[str]:
        return [signature.partition("/")[0] for signature, _ in self.heard]


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def hearer() -> Hearer:
    return Hearer()


@pytest.fixture
def url(shop: Shop, hearer: Hearer, monkeypatch: Any) -> Iterator[str]:
    """The shop's address; its webhooks go to the hearer, tried again at once."""
    monkeypatch.setattr(simulated_webhooks, "REDELIVER_AFTER", (0.01, 0.01))
    with serve(hearer) as hub, serve(shop) as served:
        shop.configure({"webhook_url": f"{hub.url}/webhooks/shop"})
        yield served.url


def fault(url: str, kind: str, **options: Any) -> None:
    answer = requests.post(
        f"{url}/_sim/faults", json={"kind": kind, **options}, timeout=5
    )
    assert 200 == answer.status_code


def sell(url: str, thing: str = "tea") -> requests.Response:
    return requests.post(f"{url}/v1/sales/{thing}", timeout=5)


def test_routes_answer_and_the_state_shows_what_happened(url: str) -> None:
    sold = sell(url)
    refused = sell(url, "nothing")
    requests.get(f"{url}/v1/sales", headers={"Authorization": "Bearer x"}, timeout=5)
    state = requests.get(f"{url}/_sim/state", timeout=5).json()

    assert (201, "tea") == (sold.status_code, sold.json()["sold"])
    assert (422, "sold out") == (refused.status_code, refused.json()["shop_error"])
    assert ["tea"] == state["sold"]
    assert [("POST", 201), ("POST", 422), ("GET", 200)] == [
        (seen["method"], seen["status"]) for seen in state["requests"]
    ]
    assert "Bearer" not in str(state)


def test_unknown_path_method_and_junk_get_a_4xx(url: str) -> None:
    answers = [
        requests.get(f"{url}/v2/nowhere", timeout=5),
        requests.delete(f"{url}/v1/sales", timeout=5),
        requests.post(f"{url}/v1/echo", data=b"junk", timeout=5),
        requests.post(f"{url}/_sim/faults", json={"kind": "flood"}, timeout=5),
    ]

    assert [404, 405, 400, 400] == [answer.status_code for answer in answers]


@pytest.mark.parametrize("kind", ["429", "500", "503", "400", "401"])
def test_fault_answers_in_the_providers_words_without_doing_the_work(
    url: str, shop: Shop, kind: str
) -> None:
    fault(url, kind, retry_after=7)
    failed, done = sell(url), sell(url)

    assert (int(kind), "7") == (failed.status_code, failed.headers["Retry-After"])
    assert {"shop_error": int(kind)} == failed.json()
    assert (201, ["tea"]) == (done.status_code, shop.sold)


def test_fault_lasts_as_often_as_asked_and_pages_are_spared(url: str) -> None:
    fault(url, "500", count=2)
    page = requests.get(f"{url}/", timeout=5)

    assert 200 == page.status_code
    assert [500, 500, 201] == [sell(url).status_code for _ in range(3)]


def test_fault_without_count_lasts_until_it_is_cleared(url: str) -> None:
    fault(url, "503", count=None)
    during = [sell(url).status_code for _ in range(3)]
    requests.delete(f"{url}/_sim/faults", timeout=5)

    assert [503, 503, 503] == during
    assert 201 == sell(url).status_code


def test_fault_may_be_for_some_paths_only(url: str) -> None:
    fault(url, "500", path="/v1/echo")
    spared = sell(url)
    hit = requests.post(f"{url}/v1/echo", json=1, timeout=5)

    assert (201, 500) == (spared.status_code, hit.status_code)


def test_reset_forgets_faults_state_and_webhooks_and_keeps_the_address(
    url: str, shop: Shop, hearer: Hearer
) -> None:
    sell(url)
    shop.wait_idle()
    fault(url, "500", count=None)
    requests.post(f"{url}/_sim/reset", timeout=5)
    state = requests.get(f"{url}/_sim/state", timeout=5).json()

    assert {"sold": [], "faults": [], "requests": [], "webhooks": []} == state
    assert 201 == sell(url).status_code
    shop.wait_idle()
    assert 2 == len(hearer.heard)


def test_slow_answer_holds_nobody_else_up(url: str, shop: Shop) -> None:
    fault(url, "slow")
    begun = threading.Thread(target=lambda: sell(url, "slow-tea"), daemon=True)
    begun.start()
    while not shop.sold:
        shop._closing.wait(0.01)

    assert 201 == sell(url).status_code
    assert ["slow-tea", "tea"] == shop.sold
    shop.close()
    begun.join(5)
    assert not begun.is_alive()


def test_dripping_answer_outlasts_the_clients_patience(url: str) -> None:
    """ROAD 22: the simulator can play the server that the deadline is for."""
    fault(url, "drip")
    api = ApiClient(plugin="shop", connection="shop", api_base_url=url, timeout=1.5)
    with pytest.raises(UnavailableError) as caught:
        api.post("https://shop.example/v1/sales/tea")

    assert caught.value.outcome_unknown


def test_dropped_connection_is_no_answer_and_no_work(url: str, shop: Shop) -> None:
    fault(url, "drop")
    with pytest.raises(requests.ConnectionError):
        sell(url)

    assert [] == shop.sold


def test_junk_is_no_json(url: str) -> None:
    fault(url, "junk")

    assert "<html>" in sell(url).text


def test_timeout_after_does_the_work_and_hides_it(url: str, shop: Shop) -> None:
    """ROAD 16: the unknown outcome that really took effect."""
    fault(url, "timeout_after", seconds=0)

    assert (504, ["tea"]) == (sell(url).status_code, shop.sold)


def test_webhook_is_signed_and_sent(url: str, shop: Shop, hearer: Hearer) -> None:
    sell(url)
    shop.wait_idle()

    assert [("sale-tea/0", '{"sold": "tea"}')] == hearer.heard
    assert [200] == shop.webhooks.sent[0].statuses


def test_webhook_with_an_address_of_its_own_goes_there(
    url: str, shop: Shop, hearer: Hearer
) -> None:
    own = shop.webhooks.url
    for configured in ("http://127.0.0.1:1/", ""):
        shop.configure({"webhook_url": configured})
        shop.send_webhook(b"own", id="own", url=own)
    shop.wait_idle()

    assert [("own/0", "own")] * 2 == hearer.heard


def test_refused_webhook_is_sent_again_signed_anew(
    url: str, shop: Shop, hearer: Hearer
) -> None:
    hearer.answers = [503]
    sell(url)
    shop.wait_idle()

    assert ["sale-tea/0", "sale-tea/1"] == [signature for signature, _ in hearer.heard]
    assert [503, 200] == shop.webhooks.sent[0].statuses


def test_webhook_that_nobody_takes_is_given_up(
    url: str, shop: Shop, hearer: Hearer
) -> None:
    hearer.answers = [500] * 3
    sell(url)
    shop.configure({"webhook_url": "http://127.0.0.1:1/"})
    sell(url, "coffee")
    shop.wait_idle()
    state = requests.get(f"{url}/_sim/state", timeout=5).json()

    assert [True, True] == [webhook["gave_up"] for webhook in state["webhooks"]]
    assert [0, 0, 0] == state["webhooks"][1]["statuses"]


def test_duplicate_sends_the_next_webhooks_twice(
    url: str, shop: Shop, hearer: Hearer
) -> None:
    fault(url, "duplicate", count=1)
    sell(url)
    sell(url, "coffee")
    shop.wait_idle()

    assert ["sale-tea", "sale-tea", "sale-coffee"] == hearer.ids


def test_out_of_order_sends_the_next_webhooks_backwards(
    url: str, shop: Shop, hearer: Hearer
) -> None:
    fault(url, "out_of_order", count=3)
    for thing in ("a", "b", "c", "d"):
        sell(url, thing)
    shop.wait_idle()

    assert ["sale-c", "sale-b", "sale-a", "sale-d"] == hearer.ids


def test_held_webhooks_go_out_although_fewer_came(
    url: str, shop: Shop, hearer: Hearer, monkeypatch: Any
) -> None:
    monkeypatch.setattr(simulated_webhooks, "HOLD_SECONDS", 0.05)
    fault(url, "out_of_order", count=3)
    sell(url, "a")
    shop.wait_idle()

    assert ["sale-a"] == hearer.ids


def test_without_an_address_webhooks_are_only_remembered(shop: Shop) -> None:
    shop.send_webhook(b"raw", content_type="text/plain")
    shop.wait_idle(0)

    assert [(b"raw", "text/plain", [])] == [
        (w.body, w.content_type, w.statuses) for w in shop.webhooks.sent
    ]


def test_waiting_for_webhooks_that_stay_ends(shop: Shop) -> None:
    shop.configure({"webhook_url": "http://127.0.0.1:1/"})
    shop.webhooks.hold(2)
    shop.send_webhook({})
    with pytest.raises(TimeoutError):
        shop.wait_idle(0.01)
    shop.close()
    shop.send_webhook({})

    assert 2 == len(shop.webhooks.sent)


def test_many_simulators_share_one_address() -> None:
    shops = {"shop": Shop(), "other": Shop()}
    with serve(Simulators(shops)) as served:
        index = requests.get(f"{served.url}/", timeout=5).json()
        sold = sell(f"{served.url}/shop").json()
        missing = requests.get(f"{served.url}/third/", timeout=5)

    assert f"{served.url}/shop/" == index["simulators"]["shop"]
    assert "/shop" == sold["root"]
    assert (["tea"], []) == (shops["shop"].sold, shops["other"].sold)
    assert 404 == missing.status_code


def test_every_answer_fault_is_understood(url: str) -> None:
    for kind in ANSWER_FAULTS:
        fault(url, kind)
    state = requests.get(f"{url}/_sim/state", timeout=5).json()

    assert list(ANSWER_FAULTS) == [entry["kind"] for entry in state["faults"]]
