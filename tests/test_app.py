"""The application as a whole: what stands in front of it, and whom it believes."""

from dataclasses import replace

from hub.app import create_app
from tests.parts.bank import Bank, body_of, signature


def test_webhooks_are_served(bank: Bank) -> None:
    body = body_of("1")

    answer = (
        create_app(bank.hub)
        .test_client()
        .post(
            "/webhooks/bank",
            data=body,
            content_type="application/json",
            headers={"X-Signature": signature(body)},
        )
    )

    assert (200, "accepted") == (answer.status_code, (answer.json or {})["status"])


def test_readiness_is_served(bank: Bank) -> None:
    assert 200 == create_app(bank.hub).test_client().get("/readyz").status_code


def test_forwarded_address_counts_only_behind_declared_proxies(bank: Bank) -> None:
    bare = create_app(bank.hub).test_client()
    bank.hub.settings = replace(bank.hub.settings, trusted_proxies=1)
    behind = create_app(bank.hub).test_client()
    for number in range(302):
        claimed = {"X-Forwarded-For": f"198.51.100.{number % 2}"}
        answers = [
            client.post(
                "/webhooks/bank",
                data=b"{}",
                content_type="application/json",
                headers=claimed,
                environ_overrides={"REMOTE_ADDR": address},
            )
            for client, address in ((behind, "10.0.0.1"), (bare, "10.0.0.2"))
        ]

    assert [401, 429] == [answer.status_code for answer in answers]
