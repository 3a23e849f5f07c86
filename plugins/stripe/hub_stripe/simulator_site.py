"""What the simulated Stripe does for all of its API: keys, errors, webhooks."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.sdk import clock, simulator
from hub.sdk.simulated_webhooks import SentWebhook
from hub.sdk.simulator import RefusalError, json_answer, route
from hub_stripe import simulator_objects as objects
from hub_stripe.simulator_objects import Object

DEFAULT_KEY = "sk_test_simulated0000000000000000"
DEFAULT_SECRET = "whsec_simulated0000000000000000000"  # noqa: S105 - nobody's
_TYPES = {429: "invalid_request_error"}
_CODES = {429: "rate_limit"}
Handler = Callable[..., Response]


def api(method: str, path: str) -> Callable[[Handler], Handler]:
    """Mark an answer of the API proper: it needs a key, and a POST made twice with
    one idempotency key is done once."""

    def mark(handler: Handler) -> Handler:
        @route(method, path)
        @wraps(handler)
        def checked(self: "StripeSite", request: Request, **arguments: Any) -> Response:
            if not self.is_signed_in(request):
                raise refusal(401, "", "Invalid API Key provided")
            key = request.headers.get("Idempotency-Key")
            if method != "POST" or not key:
                return handler(self, request, **arguments)
            return self.once(key, request, lambda: handler(self, request, **arguments))

        return checked

    return mark


def refusal(status: int, code: str = "", message: str = "refused") -> RefusalError:
    """Refuse as Stripe does; programs go by the code."""
    return RefusalError(error_answer(status, code, message))


def error_answer(status: int, code: str = "", message: str = "injected") -> Response:
    kind = "card_error" if status == 402 else "invalid_request_error"
    error: Object = {
        "type": "api_error" if status >= 500 else _TYPES.get(status, kind),
        "message": message,
    }
    if code := code or _CODES.get(status, ""):
        error["code"] = code
    return json_answer({"error": error}, status, {"Request-Id": objects.new_id("req")})


class StripeSite(simulator.Simulator):
    """`POST /_sim/config` may set `api_key` and `webhook_secret`; several secrets,
    comma separated, sign each webhook as while they are rolled."""

    name = "stripe"
    title = "Stripe"

    def reset(self) -> None:
        super().reset()
        self._done: dict[str, tuple[str, bytes, Response]] = {}
        self.events: dict[str, Object] = {}

    def error(self, status: int) -> Response:
        return error_answer(status)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "api_key": str(self.config.get("api_key") or DEFAULT_KEY),
            "webhook_secret": self.secret,
            "api_base_url": url,
        }

    @property
    def secret(self) -> str:
        return str(self.config.get("webhook_secret") or DEFAULT_SECRET)

    def is_signed_in(self, request: Request) -> bool:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        given = request.authorization
        if scheme == "Basic" and given is not None:
            key = given.username or ""
        wanted = self.config.get("api_key")
        return key == wanted if wanted else key.startswith(("sk_test_", "rk_test_"))

    def once(
        self, key: str, request: Request, work: Callable[[], Response]
    ) -> Response:
        """Do it, or give the saved answer again."""
        asked = request.path, request.get_data(parse_form_data=False, cache=True)
        if key not in self._done:
            answer = work()
            self._done[key] = (*asked, answer)
            return answer
        path, body, answer = self._done[key]
        if (path, body) != asked:
            text = "Keys for idempotent requests can only be used with the same"
            error = {"type": "idempotency_error", "message": f"{text} parameters."}
            return json_answer({"error": error}, 400)
        again = {**dict(answer.headers), "Idempotent-Replayed": "true"}
        return Response(answer.get_data(), answer.status_code, again)

    def sign(self, webhook: SentWebhook) -> Mapping[str, str]:
        return self.signed(webhook.body)

    def signed(self, body: bytes) -> Mapping[str, str]:
        """Sign a body as Stripe does, with each secret that is active."""
        moment = str(int(clock.now().timestamp()))
        message = moment.encode() + b"." + body
        parts = [
            "v1=" + hmac.new(each.strip().encode(), message, hashlib.sha256).hexdigest()
            for each in self.secret.split(",")
        ]
        return {
            "Stripe-Signature": ",".join([f"t={moment}", *parts]),
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (simulated)",
        }

    def tell(
        self, event_type: str, resource: Object, previous: Object | None = None
    ) -> str:
        """Send the event that tells about an object as it is now."""
        event = objects.event(event_type, resource, previous)
        self.events[event["id"]] = event
        body = json.dumps(event, indent=2).encode()
        self.send_webhook(body, id=event["id"])
        return str(event["id"])


def find(held: Mapping[str, Object], id: str, what: str = "object") -> Object:
    if id not in held:
        raise refusal(404, "resource_missing", f"No such {what}")
    return held[id]
