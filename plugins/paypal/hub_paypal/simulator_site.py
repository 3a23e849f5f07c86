"""What the simulated PayPal does for all of its API: sign in, refuse, send webhooks."""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from werkzeug.wrappers import Request, Response

from hub.sdk import simulator
from hub.sdk.simulated_webhooks import SentWebhook
from hub.sdk.simulator import RefusalError, json_answer, read_json, route
from hub_paypal import simulator_objects as objects
from hub_paypal.provider import SITES, Site
from hub_paypal.simulator_ca import Authority
from hub_paypal.simulator_objects import Object
from hub_paypal.webhooks import READERS

DEFAULT_WEBHOOK_ID = "5MS24761TX1089137"
_NAMES = {
    400: "INVALID_REQUEST",
    401: "AUTHENTICATION_FAILURE",
    404: "RESOURCE_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    422: "UNPROCESSABLE_ENTITY",
    429: "RATE_LIMIT_REACHED",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
Handler = Callable[..., Response]


def api(method: str, path: str) -> Callable[[Handler], Handler]:
    """Mark an answer of the API proper: it needs a token."""

    def mark(handler: Handler) -> Handler:
        @route(method, path)
        @wraps(handler)
        def checked(self: "PayPalSite", request: Request, **arguments: Any) -> Response:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme != "Bearer" or token not in self.tokens:
                raise refusal(401)
            return handler(self, request, **arguments)

        return checked

    return mark


def refusal(status: int, issue: str = "") -> RefusalError:
    """Refuse as PayPal does; programs go by the issue."""
    return RefusalError(error_answer(status, issue))


def error_answer(status: int, issue: str = "") -> Response:
    debug = objects.new_id()[:13].lower()
    body: Object = {"name": _NAMES.get(status, "ERROR"), "debug_id": debug}
    if issue:
        body["details"] = [{"issue": issue}]
    return json_answer(body, status, {"Paypal-Debug-Id": debug})


class PayPalSite(simulator.Simulator):
    """Webhooks carry `webhook_id` of `POST /_sim/config`, or the id of the
    webhook registered last; environment, client_id and client_secret may be set."""

    name = "paypal"
    title = "PayPal"
    _authority: Authority | None = None

    def reset(self) -> None:
        super().reset()
        self.tokens: set[str] = set()
        self.hooks: dict[str, Object] = {}

    def error(self, status: int) -> Response:
        return error_answer(status)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "environment": self._environment,
            "client_id": str(self.config.get("client_id") or "simulated-client"),
            "client_secret": str(
                self.config.get("client_secret") or "simulated-client-secret"
            ),
            "webhook_id": str(self.config.get("webhook_id") or DEFAULT_WEBHOOK_ID),
            "webhook_trust_roots": self.authority.root_pem.decode(),
            "webhook_cert_base_url": url,
            "api_base_url": url,
        }

    @property
    def authority(self) -> Authority:
        """What its webhooks are signed with; made when it is first needed."""
        with self.lock:
            if self._authority is None:
                folder = os.environ.get("HUB_SIM_DIR")
                self._authority = Authority.at(folder) if folder else Authority.made()
            return self._authority

    @property
    def site(self) -> Site:
        return SITES[self._environment]

    @property
    def _environment(self) -> str:
        return str(self.config.get("environment") or "sandbox")

    def sign(self, webhook: SentWebhook) -> Mapping[str, str]:
        return self.signed(webhook.body)

    def signed(self, body: bytes) -> Mapping[str, str]:
        webhook_id = str(self.config.get("webhook_id") or DEFAULT_WEBHOOK_ID)
        return self.authority.headers(body, webhook_id, self._environment)

    def tell(self, event_type: str, resource: Object) -> str:
        """Send the event that tells about an object as it is now."""
        event = objects.event(event_type, resource, self.site)
        self.send_webhook(event, id=event["id"])
        return str(event["id"])

    # Signing in, and the certificate

    @route("POST", "/v1/oauth2/token")
    def _token(self, request: Request) -> Response:
        given = request.authorization
        if given is None or not given.username or not given.password:
            return json_answer({"error": "invalid_client"}, 401)
        for name, value in (
            ("client_id", given.username),
            ("client_secret", given.password),
        ):
            if self.config.get(name) not in (None, value):
                return json_answer({"error": "invalid_client"}, 401)
        token = f"A21AA{objects.new_id()}{objects.new_id()}{objects.new_id()}"
        self.tokens.add(token)
        return json_answer(
            {
                "scope": "https://uri.paypal.com/services/payments/payment",
                "access_token": token,
                "token_type": "Bearer",
                "app_id": "APP-80W284485P519543T",
                "expires_in": 32400,
                "nonce": objects.stamp() + objects.new_id(),
            }
        )

    @route("GET", "/v1/notifications/certs/<id>")
    def _certificate(self, _request: Request, id: str) -> Response:
        if id != self.authority.certificate_id:
            raise refusal(404)
        return Response(self.authority.leaf_pem, content_type="text/plain")

    # Webhook administration

    @api("GET", "/v1/notifications/webhooks-event-types")
    def _offered(self, _request: Request) -> Response:
        names = (*READERS, "CHECKOUT.ORDER.COMPLETED")
        return json_answer({"event_types": [{"name": name} for name in names]})

    @api("GET", "/v1/notifications/webhooks")
    def _list_hooks(self, _request: Request) -> Response:
        return json_answer({"webhooks": list(self.hooks.values())})

    @api("POST", "/v1/notifications/webhooks")
    def _create_hook(self, request: Request) -> Response:
        asked = read_json(request)
        if not {"url", "event_types"} <= set(asked):
            raise refusal(400, "MISSING_REQUIRED_PARAMETER")
        if any(hook["url"] == asked["url"] for hook in self.hooks.values()):
            raise refusal(400, "WEBHOOK_URL_ALREADY_EXISTS")
        hook = {"id": objects.new_id()} | {n: asked[n] for n in ("url", "event_types")}
        self.hooks[hook["id"]] = hook
        self.configure({"webhook_url": hook["url"], "webhook_id": hook["id"]})
        return json_answer(hook, 201)

    @api("GET", "/v1/notifications/webhooks/<id>")
    def _show_hook(self, _request: Request, id: str) -> Response:
        return json_answer(find(self.hooks, id))

    @api("PATCH", "/v1/notifications/webhooks/<id>")
    def _change_hook(self, request: Request, id: str) -> Response:
        hook = find(self.hooks, id)
        for change in read_json(request):
            hook[change["path"].strip("/")] = change["value"]
        self.configure({"webhook_url": hook["url"], "webhook_id": id})
        return json_answer(hook)

    @api("DELETE", "/v1/notifications/webhooks/<id>")
    def _delete_hook(self, _request: Request, id: str) -> Response:
        del self.hooks[find(self.hooks, id)["id"]]
        return Response(status=204)


def find(held: Mapping[str, Object], id: str) -> Object:
    if id not in held:
        raise refusal(404, "INVALID_RESOURCE_ID")
    return held[id]
