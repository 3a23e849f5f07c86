"""Every signature case, our check beside Twilio's own, and what must never pass."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from twilio.request_validator import RequestValidator, get_signature_algorithm
from werkzeug.datastructures import MultiDict

from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import PayloadError, SignatureError
from hub.sdk.webhooks import Headers, Verified, WebhookRequest, read_query
from hub_twilio import webhooks

BASE = "https://hub.example.com/webhooks/twilio"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "12f0e0d1c2b3a495867708f9e0d1c2b3"
SID = "SM00000000000000000000000000000003"
SHARED = "shared-key-secret-for-tests-only"
SETTINGS = "X-Twilio-Webhooks-Signature-Settings"
PAIRS = [("MessageSid", SID), ("AccountSid", ACCOUNT), ("MessageStatus", "sent")]


def request_of(
    url: str, headers: dict[str, str], body: bytes = b"", method: str = "POST"
) -> WebhookRequest:
    parts = urlsplit(url)
    return WebhookRequest(
        method=method,
        path=parts.path.removeprefix("/webhooks/twilio").strip("/"),
        url=url,
        headers=Headers(list(headers.items())),
        query=read_query(parts.query),
        body=body,
        received_at=clock.now(),
    )


def form_of(pairs: list[tuple[str, str]]) -> bytes:
    return urlencode(pairs, errors="surrogateescape").encode()


def signed(
    pairs: list[tuple[str, str]],
    url: str = f"{BASE}/status?mid=del_1",
    *,
    token: str = TOKEN,
    algorithm: str | None = None,
    signs: str = "",
) -> WebhookRequest:
    """A form as Twilio's own library signs it; `signs` is another URL than called."""
    made = RequestValidator(token).compute_signature(
        signs or url, MultiDict(pairs), algorithm
    )
    headers = {"Content-Type": FORM, "X-Twilio-Signature": made}
    if algorithm:
        headers[SETTINGS] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
    return request_of(url, headers, form_of(pairs))


def judged_by_twilio(case: dict[str, Any]) -> bool:
    headers = case["headers"]
    algorithm = get_signature_algorithm(headers.get(SETTINGS))
    shared = algorithm == "HMAC_SHA256"
    key = case["config"]["shared_key_secret" if shared else "auth_token"]
    parsed = MultiDict(parse_qsl(case["body"], keep_blank_values=True))
    is_json = "json" in headers.get("Content-Type", "")
    return bool(
        RequestValidator(key).validate(
            case["url"],
            case["body"] if is_json else parsed,
            headers.get("X-Twilio-Signature", ""),
            algorithm,
        )
    )


def test_every_case_is_judged_right(
    any_vector: dict[str, Any], make_ctx: Callable[..., Context]
) -> None:
    case = any_vector
    ctx = make_ctx(**case["config"])
    request = request_of(
        case["url"], case["headers"], case["body"].encode(), case["method"]
    )

    if case["expected"] == "invalid":
        with pytest.raises(SignatureError) as caught:
            webhooks.verify(request, ctx)
        assert TOKEN not in str(caught.value)
        return

    verified = webhooks.verify(request, ctx)
    assert verified.dedupe_key
    assert verified.answer is not None
    assert verified.keep


def test_twilio_s_own_library_agrees(any_vector: dict[str, Any]) -> None:
    assert (any_vector["expected"] == "valid") == judged_by_twilio(any_vector)


def verify(request: WebhookRequest, ctx: Context) -> Verified:
    return webhooks.verify(request, ctx)


@pytest.mark.parametrize(
    "pairs",
    [
        PAIRS,
        [*PAIRS, ("Body", "  spaces stay \r\n\t"), ("Empty", ""), ("", "nameless")],
        [*PAIRS, ("Tag", "b"), ("Tag", "a"), ("Tag", "b"), ("tag", "c"), ("Z", "1")],
        [*PAIRS, ("Body", "👋🏽 ünïcode \u2028 & = + % ; \x00")],
        [*PAIRS, ("MessageStatus ", "not the state")],
    ],
)
def test_whatever_twilio_s_library_signs_is_taken(
    pairs: list[tuple[str, str]], make_ctx: Callable[..., Context]
) -> None:
    found = verify(signed(pairs), make_ctx())

    assert f"{SID}:sent" == found.dedupe_key


def test_bytes_that_are_no_utf8_count_as_they_came(
    make_ctx: Callable[..., Context],
) -> None:
    pairs = [*PAIRS, ("Body", b"caf\xe9".decode("utf-8", "surrogateescape"))]
    body = form_of(pairs)
    text = f"{BASE}/status?mid=del_1" + "".join(n + v for n, v in sorted(pairs))
    raw = text.encode("utf-8", "surrogateescape")
    made = base64.b64encode(hmac.digest(TOKEN.encode(), raw, "sha1")).decode()
    headers = {"Content-Type": FORM, "X-Twilio-Signature": made}
    request = request_of(f"{BASE}/status?mid=del_1", headers, body)

    assert f"{SID}:sent" == verify(request, make_ctx()).dedupe_key


@pytest.mark.parametrize(
    ("called", "signs"),
    [
        ("https://hub.example:443/w", "https://hub.example/w"),
        ("https://hub.example/w", "https://hub.example:443/w"),
        ("https://hub.example:8443/w", "https://hub.example:8443/w"),
        ("https://hub.example:8443/w", "https://hub.example/w"),
        ("http://hub.example/w?a=:1/", "http://hub.example:80/w?a=:1/"),
        ("https://u:1@hub.example/w", "https://u:1@hub.example:443/w"),
        ("https://[2001:db8::1]:8443/w", "https://[2001:db8::1]/w"),
        ("https://[2001:db8::1]/w", "https://[2001:db8::1]:443/w"),
        ("https://hub.example/w?", "https://hub.example/w?"),
    ],
)
def test_port_may_be_signed_or_not(
    called: str, signs: str, make_ctx: Callable[..., Context]
) -> None:
    request = signed(PAIRS, called, signs=signs)

    assert f"{SID}:sent" == verify(request, make_ctx()).dedupe_key


@pytest.mark.parametrize(
    "signs",
    [
        "https://hub.example:8444/w?a=1",
        "http://hub.example/w?a=1",
        "https://hub.example/w",
        "https://hub.example/w?a=1#rc=2",
        "https://hub.example/w/?a=1",
    ],
)
def test_another_address_is_refused(
    signs: str, make_ctx: Callable[..., Context]
) -> None:
    with pytest.raises(SignatureError, match="HUB_BASE_URL"):
        verify(signed(PAIRS, "https://hub.example/w?a=1", signs=signs), make_ctx())


def test_shared_key_signs_in_its_own_way(make_ctx: Callable[..., Context]) -> None:
    ctx = make_ctx(shared_key_secret=SHARED)
    ours = signed(PAIRS, token=SHARED, algorithm="HMAC_SHA256")

    assert f"{SID}:sent" == verify(ours, ctx).dedupe_key
    # The algorithm alone decides which key it is.
    for token, algorithm in (
        (TOKEN, "HMAC_SHA256"),
        (SHARED, None),
        (SHARED, "HMAC_SHA1"),
    ):
        with pytest.raises(SignatureError):
            verify(signed(PAIRS, token=token, algorithm=algorithm), ctx)
    with pytest.raises(SignatureError, match="no shared key secret"):
        verify(ours, make_ctx())


def test_token_with_a_settings_header_of_its_own_algorithm_holds(
    make_ctx: Callable[..., Context],
) -> None:
    request = signed(PAIRS, algorithm="HMAC_SHA1")

    assert f"{SID}:sent" == verify(request, make_ctx()).dedupe_key


def test_webhook_of_another_account_is_refused(
    make_ctx: Callable[..., Context],
) -> None:
    for pairs in (
        [("MessageSid", SID), ("AccountSid", "AC2"), ("MessageStatus", "sent")],
        [("MessageSid", SID), ("MessageStatus", "sent")],
    ):
        for account in (ACCOUNT, "", None):
            with pytest.raises(SignatureError, match="another account"):
                verify(signed(pairs), make_ctx(account_sid=account))


def test_signed_request_that_names_no_message_is_unreadable(
    make_ctx: Callable[..., Context],
) -> None:
    for pairs in (
        [("AccountSid", ACCOUNT), ("CallSid", "CA1")],
        [("AccountSid", ACCOUNT), ("MessageSid", "../x"), ("MessageStatus", "sent")],
        [],
    ):
        with pytest.raises(PayloadError, match="names no message"):
            verify(signed(pairs), make_ctx())


def test_query_of_a_post_is_not_taken_for_what_it_says(
    make_ctx: Callable[..., Context],
) -> None:
    url = f"{BASE}/status?MessageSid={SID}&AccountSid={ACCOUNT}&MessageStatus=failed"

    with pytest.raises(SignatureError, match="another account"):
        verify(signed([("MessageSid", SID)], url), make_ctx())


def test_get_with_a_body_is_refused(make_ctx: Callable[..., Context]) -> None:
    url = f"{BASE}?MessageSid={SID}&AccountSid={ACCOUNT}&Body=x"
    made = RequestValidator(TOKEN).compute_signature(url, {})
    headers = {"X-Twilio-Signature": made}

    assert f"{SID}:received" == (
        verify(request_of(url, headers, method="GET"), make_ctx()).dedupe_key
    )
    with pytest.raises(SignatureError, match="nobody signed"):
        verify(request_of(url, headers, b"Body=y", "GET"), make_ctx())


def test_json_needs_its_digest_in_the_url(make_ctx: Callable[..., Context]) -> None:
    source = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}.json"
    kind = "com.twilio.messaging.message.sent"
    body = f'[{{"source":"{source}","type":"{kind}","data":{{}}}}]'.encode()
    digest = hashlib.sha256(body).hexdigest()
    for query, fits in (
        (f"?bodySHA256={digest}", True),
        (f"?bodySHA256={digest.upper()}", False),
        ("?bodySHA256=", False),
        ("", False),
    ):
        url = f"{BASE}/status{query}"
        made = RequestValidator(TOKEN).compute_signature(url, {})
        headers = {"Content-Type": "application/json", "X-Twilio-Signature": made}
        request = request_of(url, headers, body)
        if fits:
            assert digest == verify(request, make_ctx()).dedupe_key
        else:
            with pytest.raises(SignatureError):
                verify(request, make_ctx())


def test_endless_form_is_refused(make_ctx: Callable[..., Context]) -> None:
    pairs = [*PAIRS, *((f"N{n}", "1") for n in range(2000))]

    with pytest.raises(SignatureError, match="more parameters"):
        verify(signed(pairs), make_ctx())


def test_no_secret_is_in_what_is_said(make_ctx: Callable[..., Context]) -> None:
    request = signed(PAIRS, token="another-token")

    with pytest.raises(SignatureError) as caught:
        verify(request, make_ctx(shared_key_secret=SHARED))
    shown = f"{caught.value} {vars(caught.value)} {caught.getrepr(style='short')}"
    assert TOKEN not in shown
    assert SHARED not in shown
