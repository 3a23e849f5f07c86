"""Acme, played."""

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.sdk import clock
from hub.sdk.simulated_webhooks import SentWebhook
from hub.sdk.simulator import Simulator, json_answer, read_json, route
from tests.sdk import acme


class Acme(Simulator):
    """An account that is paid by whoever posts to /v1/payments."""

    def reset(self) -> None:
        super().reset()
        self.payments: list[Any] = []

    def state(self) -> dict[str, Any]:
        return {"payments": self.payments}

    def settings(self, url: str) -> Mapping[str, str]:
        secrets = {"webhook_secret": "simulated-webhooks", "api_key": "simulated-key"}
        return {"api_base_url": url, **secrets}

    def sign(self, webhook: SentWebhook) -> Mapping[str, str]:
        time = clock.iso(clock.now())
        signature = acme.sign("simulated-webhooks", time, webhook.body)
        return {"Acme-Time": time, "Acme-Signature": signature}

    @route("GET", "/v1/me")
    def me(self, _request: Request) -> Response:
        return json_answer({"me": "Acme's simulator"})

    @route("POST", "/v1/payments", page=True)
    def pay(self, request: Request) -> Response:
        number = len(self.payments) + 1
        payment = {"id": f"p{number}", "at": "2026-03-02T10:00:00Z"} | read_json(
            request
        )
        self.payments.append(payment)
        event = {"id": f"e{number}", "type": "payment.made", "payment": payment}
        self.send_webhook(event)
        return json_answer(payment, 201)
