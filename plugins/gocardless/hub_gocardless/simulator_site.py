"""What the simulated GoCardless does for all of its API: tokens, errors, webhooks."""

import hashlib
import hmac
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.sdk import clock, simulator
from hub.sdk.simulated_webhooks import SentWebhook
from hub.sdk.simulator import RefusalError, json_answer, read_json, route
from hub_gocardless import simulator_objects as objects
from hub_gocardless.client import CONFLICT
from hub_gocardless.provider import API_VERSION
from hub_gocardless.simulator_objects import Object

DEFAULT_TOKEN = "sandbox_simulated00000000000000000000000"  # noqa: S105 - nobody's
DEFAULT_SECRET = "simulated-endpoint-secret"  # noqa: S105 - nobody's
LIMIT = 1000
_MINUTE = timedelta(minutes=1)
_REASONS = {429: "rate_limit_exceeded", 401: "access_token_not_found"}
Handler = Callable[..., Response]


def api(method: str, path: str) -> Callable[[Handler], Handler]:
    """Mark an answer of the API proper: it needs a token and a version."""

    def mark(handler: Handler) -> Handler:
        @route(method, path)
        @wraps(handler)
        def checked(
            self: "GoCardlessSite", request: Request, **arguments: Any
        ) -> Response:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme != "Bearer" or not self.knows(token):
                raise refusal(401)
            if request.headers.get("GoCardless-Version") != API_VERSION:
                raise refusal(400, "missing_version_header")
            answer = handler(self, request, **arguments)
            answer.headers.extend(_limits(LIMIT - 1))
            return answer

        return checked

    return mark


def refusal(
    status: int, reason: str = "", *, field: str = "", links: Object | None = None
) -> RefusalError:
    """Refuse as GoCardless does; programs go by type and reason."""
    return RefusalError(error_answer(status, reason, field=field, links=links))


def error_answer(
    status: int, reason: str = "", *, field: str = "", links: Object | None = None
) -> Response:
    kind = "invalid_state" if status in (409, 422) else "invalid_api_usage"
    if field:
        kind, reason = "validation_failed", ""
    kind = "gocardless" if status >= 500 else kind
    reason = reason or _REASONS.get(status, "")
    one: Object = {"message": f"refused: {reason or field or status}"}
    one |= {"reason": reason} if reason else {}
    one |= {"field": field, "request_pointer": f"/{field}"} if field else {}
    one |= {"links": links} if links else {}
    error = {
        "type": kind,
        "code": status,
        "message": "simulated",
        "request_id": objects.new_id(""),
        "documentation_url": "https://developer.gocardless.com/api-reference/",
        "errors": [one],
    }
    return json_answer({"error": error}, status, _limits(0 if status == 429 else 1))


def _limits(left: int) -> dict[str, str]:
    # The end of the minute is a date, as the official libraries' tests show it.
    return {
        "RateLimit-Limit": str(LIMIT),
        "RateLimit-Remaining": str(left),
        "RateLimit-Reset": objects.http_date(_MINUTE),
    }


class GoCardlessSite(simulator.Simulator):
    """`POST /_sim/config` may set `access_token` and `webhook_secret`."""

    name = "gocardless"
    title = "GoCardless"

    def reset(self) -> None:
        super().reset()
        self.events: dict[str, Object] = {}
        # What each idempotency key made.
        self.made: dict[str, str] = {}
        # How many things to come are made and answered as if they had been before.
        self.conflicts = 0
        self._latest = datetime.min.replace(tzinfo=UTC)

    def error(self, status: int) -> Response:
        return error_answer(status)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "environment": "sandbox",
            "access_token": str(self.config.get("access_token") or DEFAULT_TOKEN),
            "webhook_secret": self.secret,
            "api_base_url": url,
        }

    @property
    def secret(self) -> str:
        return str(self.config.get("webhook_secret") or DEFAULT_SECRET)

    def knows(self, token: str) -> bool:
        wanted = self.config.get("access_token")
        return token == wanted if wanted else bool(token)

    def sign(self, webhook: SentWebhook) -> Mapping[str, str]:
        return self.signed(webhook.body)

    def signed(self, body: bytes) -> Mapping[str, str]:
        """Sign a body as GoCardless does. One value only: of several secrets in the
        configuration the first is the endpoint's own."""
        secret = self.secret.split(",")[0].strip().encode()
        return {
            "Webhook-Signature": hmac.new(secret, body, hashlib.sha256).hexdigest(),
            "Content-Type": "application/json",
            "User-Agent": "gocardless-webhook-service/1.1",
            "Origin": "https://api-sandbox.gocardless.com",
        }

    def tell(self, *happened: Object) -> None:
        """Send what happened in one webhook, which is how GoCardless does it."""
        for event in happened:
            # No two at once: their order is what they are told by.
            self._latest = max(clock.now(), self._latest + timedelta(milliseconds=1))
            event["created_at"] = objects.stamp(self._latest)
            self.events[event["id"]] = event
        id = objects.new_id("WB")
        body = {"events": list(happened), "meta": {"webhook_id": id}}
        self.send_webhook(body, id=id)

    def once(self, request: Request, kind: str, work: Callable[[], Object]) -> Response:
        """Make something; asked again with the same key, name what was made."""
        key = request.headers.get("Idempotency-Key")
        if made := self.made.get(key or ""):
            raise _conflict(made)
        thing = work()
        if key:
            self.made[key] = thing["id"]
        if self.conflicts:
            self.conflicts -= 1
            raise _conflict(thing["id"])
        return json_answer({kind: thing}, 201)


def _conflict(made: str) -> RefusalError:
    return refusal(409, CONFLICT, links={"conflicting_resource_id": made})


def given(request: Request, name: str) -> Object:
    """Return what stands in the envelope, or refuse."""
    body = read_json(request) if request.get_data() else {}
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, dict):
        raise refusal(400, "bad_request")
    return found


def find(held: Mapping[str, Object], id: object) -> Object:
    if not isinstance(id, str) or id not in held:
        raise refusal(404, "resource_not_found")
    return held[id]


def page(kind: str, items: list[Object], request: Request) -> Response:
    """Answer a page of a list, newest first."""
    newest = sorted(items, key=lambda item: item.get("created_at", ""))[::-1]
    ids = [item.get("id", str(place)) for place, item in enumerate(newest)]
    after = request.args.get("after")
    start = ids.index(after) + 1 if after in ids else 0
    limit = min(int(request.args.get("limit", 50)), 500)
    shown = newest[start : start + limit]
    last = ids[start + len(shown) - 1] if shown else None
    more = start + len(shown) < len(newest)
    cursors = {"before": None, "after": last if more else None}
    return json_answer({kind: shown, "meta": {"cursors": cursors, "limit": limit}})


_TIMES: Mapping[str, Callable[[datetime, datetime], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def since(items: list[Object], request: Request) -> list[Object]:
    """Keep what was made in the time asked for."""
    for name, fits in _TIMES.items():
        if text := request.args.get(f"created_at[{name}]"):
            at = clock.parse(text)
            items = [e for e in items if fits(clock.parse(e["created_at"]), at)]
    return items
