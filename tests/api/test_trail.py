"""Deliveries, webhooks and calls over HTTP: what a person does about them."""

from functools import partial
from typing import Any

import pytest

from hub.boot import Hub
from hub.core.models import ApiCall, Delivery, InboundWebhook, SyncRun, new_id
from hub.sdk.clock import now
from tests.api.client import Caller, on_sqlite
from tests.api.test_ledger import queries
from tests.parts.hub import connect

LISTS = ("/deliveries", "/inbound-webhooks", "/api-calls", "/sync-runs")


@pytest.fixture
def slugs(hub: Hub) -> tuple[str, str]:
    """Two connections with one thing of each kind."""
    for slug in ("slack", "slack-2"):
        add(hub, connect(hub, "slack", slug).id)
    return "slack", "slack-2"


def add(hub: Hub, connection_id: str, count: int = 1) -> None:
    """Things of each kind that nothing works on any more."""
    with hub.write() as session:
        for _ in range(count):
            session.add_all(each(connection_id))


def each(connection_id: str) -> list[Any]:
    at = now()
    return [
        Delivery(
            id=new_id("dlv"),
            connection_id=connection_id,
            hook="send_message",
            subject="message:1",
            message={"text": "hi", "blocks": []},
            state="dead",
            attempts=1,
            created_at=at,
        ),
        InboundWebhook(
            id=new_id("whk"),
            connection_id=connection_id,
            method="POST",
            path="",
            headers=b"",
            body=b"{}",
            size=2,
            received_at=at,
            state="failed",
        ),
        ApiCall(
            plugin="slack",
            connection_id=connection_id,
            method="POST",
            url="https://example.com/",
            duration_ms=1,
            request_size=0,
            response_size=0,
            created_at=at,
        ),
        SyncRun(connection_id=connection_id, state="done", started_at=at),
    ]


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_filtered_by_slug_and_shows_it(
    admin: Caller, slugs: tuple[str, str], path: str
) -> None:
    one, other = slugs

    (item,) = admin.get(f"{path}?connection={one}").get_json()["items"]
    both = admin.get(f"{path}?connection={one},{other}").get_json()["items"]

    assert one == item["connection"]
    assert {one, other} == {each["connection"] for each in both}
    assert [] == admin.get(f"{path}?connection=nope").get_json()["items"]
    shown = admin.get(f"{path}/{item['id']}").get_json()
    assert one == shown["connection"]
    same = admin.get(f"{path}?connection_id={item['connection_id']}").get_json()[
        "items"
    ]
    assert [item["id"]] == [each["id"] for each in same]


def test_a_list_asks_no_query_per_row(
    admin: Caller, hub: Hub, slugs: tuple[str, str]
) -> None:
    def counts() -> list[int]:
        return [queries(hub, partial(admin.get, path)) for path in LISTS]

    before = counts()
    for number in range(3):
        add(hub, connect(hub, "slack", f"more-{number}").id, 2)

    assert before == counts()


def test_a_dry_run_only_counts(admin: Caller, slugs: tuple[str, str]) -> None:
    wanted = {"filters": {"connection": slugs[0]}, "dry_run": True}
    for path in ("/deliveries/retry", "/deliveries/replay", "/inbound-webhooks/replay"):
        answer = admin.post(path, wanted)

        assert (202, {"count": 1, "dry_run": True}) == (
            answer.status_code,
            answer.get_json(),
        )
    assert 2 == len(admin.get("/deliveries?state=dead").get_json()["items"])
    assert 2 == len(admin.get("/inbound-webhooks").get_json()["items"])


def test_webhooks_of_a_disabled_connection_are_left_out(
    admin: Caller, slugs: tuple[str, str]
) -> None:
    """One of them must not keep the others from being replayed."""
    assert 200 == admin.post(f"/connections/{slugs[0]}/disable").status_code

    answer = admin.post("/inbound-webhooks/replay", {"filters": {}})

    assert (202, 1) == (answer.status_code, answer.get_json()["count"])


def test_many_are_retried_at_once(admin: Caller, slugs: tuple[str, str]) -> None:
    answer = admin.post("/deliveries/retry", {"filters": {"connection": slugs[0]}})

    assert (202, 1) == (answer.status_code, answer.get_json()["count"])
    (item,) = admin.get("/deliveries?state=retrying").get_json()["items"]
    assert slugs[0] == item["connection"]


def test_many_are_replayed_at_once(admin: Caller, slugs: tuple[str, str]) -> None:
    wanted = {"filters": {"connection": slugs[0]}}
    assert 1 == admin.post("/deliveries/replay", wanted).get_json()["count"]
    assert 1 == admin.post("/inbound-webhooks/replay", wanted).get_json()["count"]

    (delivery,) = admin.get("/deliveries?state=pending").get_json()["items"]
    (webhook,) = admin.get("/inbound-webhooks?state=received").get_json()["items"]
    assert delivery["replay_of"]
    assert webhook["replay_of"]
    assert slugs[0] == delivery["connection"] == webhook["connection"]


def test_one_is_retried_replayed_and_confirmed(
    admin: Caller, hub: Hub, slugs: tuple[str, str]
) -> None:
    (item,) = admin.get("/deliveries?connection=slack").get_json()["items"]
    path = f"/deliveries/{item['id']}"

    again = admin.post(f"{path}/replay")
    retried = admin.post(f"{path}/retry")

    assert (202, "pending") == (again.status_code, again.get_json()["state"])
    assert (202, "retrying") == (retried.status_code, retried.get_json()["state"])
    assert 409 == admin.post(f"{path}/confirm").status_code
    assert 404 == admin.post("/deliveries/dlv_nope/retry").status_code
    with hub.write() as session:
        session.get_one(Delivery, item["id"]).state = "in_doubt"
    assert "delivered" == admin.post(f"{path}/confirm").get_json()["state"]


def test_a_webhook_whose_bytes_are_gone_is_not_replayed(
    admin: Caller, hub: Hub, slugs: tuple[str, str]
) -> None:
    (item, *_) = admin.get("/inbound-webhooks").get_json()["items"]
    with hub.write() as session:
        session.get_one(InboundWebhook, item["id"]).body = None

    answer = admin.post(f"/inbound-webhooks/{item['id']}/replay")

    assert 409 == answer.status_code


@on_sqlite
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"filters": {"surprise": "1"}}, 400),
        ({"filters": {"created_from": "soon"}}, 422),
        ({"filters": []}, 422),
        ({"dry_run": "perhaps"}, 422),
    ],
)
def test_a_wrong_filter_does_nothing(
    admin: Caller, slugs: tuple[str, str], body: Any, status: int
) -> None:
    assert status == admin.post("/deliveries/retry", body).status_code
    assert 2 == len(admin.get("/deliveries?state=dead").get_json()["items"])


def test_everything_is_not_sent_again_by_mistake(admin: Caller) -> None:
    assert 422 == admin.post("/deliveries/replay", {}).status_code
