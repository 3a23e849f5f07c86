"""The API of the simulated Twilio, and the callbacks it signs."""

import base64
import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from werkzeug.wrappers import Request, Response

from hub.sdk import clock
from hub.sdk.simulated_webhooks import SentWebhook
from hub.sdk.simulator import RefusalError, Simulator, json_answer, route
from hub_twilio.simulator import phones, rules
from hub_twilio.simulator.phones import VERSION, Phones, Text
from hub_twilio.simulator.rules import Fate, Refusal

ACCOUNT: Final = "AC" + "5" * 32
SERVICE: Final = "MG" + "5" * 32
TOKEN: Final = "simulated-twilio-auth-token"  # noqa: S105 - opens nothing
FORM: Final = "application/x-www-form-urlencoded; charset=UTF-8"
_ROOT: Final = f"/{VERSION}/Accounts/<account>"
_DOCS: Final = "https://www.twilio.com/docs/errors"
_MOST: Final = 1000
_INJECTED: Final[Mapping[int, Refusal]] = {
    400: Refusal(21618, "The message body cannot be sent"),
    401: rules.NOT_US,
    429: rules.TOO_MANY,
    500: Refusal(20500, "Internal Server Error", 500),
    503: Refusal(20503, "Service unavailable", 503),
}


class MessagesApi(Simulator):
    """Account and messages. Any token is right, unless one is configured."""

    name = "twilio"
    title = "Twilio SMS"

    def reset(self) -> None:
        super().reset()
        self.phones = Phones()
        self.token = str(self.config.get("auth_token") or TOKEN)

    def state(self) -> dict[str, Any]:
        """All texts as the API shows them, and who opted out of which sender."""
        return {
            "messages": [text.shown() for text in self.phones.texts.values()],
            "opted_out": [
                {"sender": sender, "phone": phone}
                for sender, phone in sorted(self.phones.opted_out)
            ],
        }

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "account_sid": ACCOUNT,
            "auth_token": str(self.config.get("auth_token") or TOKEN),
            "messaging_service_sid": SERVICE,
            "api_base_url": url,
        }

    def configure(self, config: Mapping[str, Any]) -> None:
        super().configure(config)
        self.token = str(self.config.get("auth_token") or self.token)

    def error(self, status: int) -> Response:
        return _refused(_INJECTED.get(status, _INJECTED[500]))

    def sign(self, webhook: SentWebhook) -> Mapping[str, str]:
        """Sign as Twilio does: the URL it calls, then the form, sorted."""
        url = webhook.url or self._public(self.webhooks.url)
        pairs = parse_qsl(webhook.body.decode(), keep_blank_values=True)
        text = url + "".join(name + value for name, value in sorted(set(pairs)))
        shared = self.config.get("shared_key_secret")
        key, name = (shared, "sha256") if shared else (self.token, "sha1")
        mac = hmac.digest(str(key).encode(), text.encode(), name)
        headers = {"X-Twilio-Signature": base64.b64encode(mac).decode()}
        if shared:
            told = "key=simulated,algorithm=HMAC_SHA256"
            headers["X-Twilio-Webhooks-Signature-Settings"] = told
        return headers

    # What the hub calls

    @route("GET", f"{_ROOT}.json")
    def _account(self, request: Request, account: str) -> Response:
        self._check(request, account)
        at = phones.stamp(clock.now())
        return json_answer(
            {
                "auth_token": self.token,
                "date_created": at,
                "date_updated": at,
                "friendly_name": "Simulated",
                "owner_account_sid": account,
                "sid": account,
                "status": "active",
                "subresource_uris": {},
                "type": "Full",
                "uri": f"/{VERSION}/Accounts/{account}.json",
            }
        )

    @route("POST", f"{_ROOT}/Messages.json")
    def _create(self, request: Request, account: str) -> Response:
        self._check(request, account)
        form = request.form.to_dict()
        sender = form.get("MessagingServiceSid") or form.get("From", "")
        to = form.get("To", "")
        opted_out = (sender, to) in self.phones.opted_out
        if wrong := rules.refusal(form, opted_out):
            raise RefusalError(_refused(wrong, to=to, sender=sender))
        text = phones.new(
            sid=self._sid(),
            account=account,
            phone=to,
            sender=sender,
            body=form["Body"],
            direction="outbound-api",
            status="accepted" if sender.startswith("MG") else "queued",
            callback=form.get("StatusCallback", ""),
        )
        answer = json_answer(self.phones.add(text).shown(), 201)
        self._begin(text)
        return answer

    @route("GET", f"{_ROOT}/Messages.json")
    def _list(self, request: Request, account: str) -> Response:
        self._check(request, account)
        size = min(int(request.args.get("PageSize", 50)), _MOST)
        number = int(request.args.get("Page", 0))
        found = [text.shown() for text in reversed(self.phones.texts.values())]
        for name, key in (("To", "to"), ("From", "from")):
            wanted = request.args.get(name)
            found = [each for each in found if wanted in (None, each[key])]
        start = number * size
        shown = found[start : start + size]
        asked = {name: value for name, value in request.args.items() if name != "Page"}
        query = urlencode({**asked, "PageSize": size, "Page": ""})
        uri = f"/{VERSION}/Accounts/{account}/Messages.json?{query}"
        return json_answer(
            {
                "messages": shown,
                "page": number,
                "page_size": size,
                "start": start,
                "end": max(start + len(shown) - 1, start),
                "uri": f"{uri}{number}",
                "first_page_uri": f"{uri}0",
                "previous_page_uri": f"{uri}{number - 1}" if number else None,
                "next_page_uri": (
                    f"{uri}{number + 1}" if len(found) > start + size else None
                ),
            }
        )

    @route("GET", f"{_ROOT}/Messages/<sid>.json")
    def _fetch(self, request: Request, account: str, sid: str) -> Response:
        return json_answer(self._found(request, account, sid).shown())

    @route("POST", f"{_ROOT}/Messages/<sid>.json")
    def _update(self, request: Request, account: str, sid: str) -> Response:
        text = self._found(request, account, sid)
        if request.form.get("Status") == "canceled" and not text.is_final:
            self.end(text, Fate("canceled"))
        if "Body" in request.form:
            text.body = request.form["Body"]
        return json_answer(text.shown())

    @route("DELETE", f"{_ROOT}/Messages/<sid>.json")
    def _delete(self, request: Request, account: str, sid: str) -> Response:
        del self.phones.texts[self._found(request, account, sid).sid]
        return Response(status=204)

    # What happens to texts

    def _begin(self, text: Text) -> None:
        """Send a text on its way; its reports may overtake our own answer."""
        text.status = "sent"
        self._report(text)
        if self.config.get("reports", "auto") == "auto" or text.phone in rules.FATES:
            self.end(text, rules.FATES.get(text.phone, rules.DELIVERED))

    def end(self, text: Text, fate: Fate) -> None:
        """Let a text end so, and report it."""
        text.end(fate)
        self._report(text)

    def receive(self, phone: str, sender: str, body: str) -> Text:
        """A phone writes to one of our senders."""
        given = {"account": ACCOUNT, "phone": phone, "sender": sender}
        text = self.phones.add(
            phones.new(
                sid=self._sid(),
                body=body,
                direction="inbound",
                status="received",
                **given,
            )
        )
        if answer := self.phones.obey(text):
            reply = {"direction": "outbound-reply", "status": "delivered"}
            made = phones.new(sid=self._sid(), body=answer, **reply, **given)
            self.phones.add(made)
        self.send_webhook(_form(text.incoming()), content_type=FORM)
        return text

    def _report(self, text: Text) -> None:
        if text.callback:
            body = _form(text.report())
            self.send_webhook(body, content_type=FORM, url=text.callback)

    def _found(self, request: Request, account: str, sid: str) -> Text:
        self._check(request, account)
        text = self.phones.texts.get(sid)
        if text is None:
            raise RefusalError(_refused(rules.NOT_FOUND))
        return text

    def _check(self, request: Request, account: str) -> None:
        request.get_data()  # before the form is read, so that the state can show it
        given = request.authorization
        user, password = (given.username, given.password) if given else (None, None)
        wanted = self.config.get("auth_token")
        if user != account or not password or (wanted and password != wanted):
            raise RefusalError(_refused(rules.NOT_US))
        # Whoever connects with a token of their own hears callbacks signed with it.
        self.token = password

    def _sid(self) -> str:
        return f"SM{self.new_number():032x}"

    def _public(self, url: str) -> str:
        return str(self.config.get("signed_url") or url)


def _form(said: Mapping[str, str]) -> bytes:
    return urlencode(said).encode()


def _refused(wrong: Refusal, **about: str) -> Response:
    return json_answer(
        {
            "code": wrong.code,
            "message": wrong.message.format(**about) if about else wrong.message,
            "more_info": f"{_DOCS}/{wrong.code}",
            "status": wrong.status,
        },
        wrong.status,
    )
