"""Who signed, over what, and where the certificate may come from."""

import pytest

from hub.sdk import clock
from hub.sdk.errors import HubError, PayloadError, SignatureError, UnavailableError
from hub.sdk.webhooks import read_json
from hub_paypal import webhooks

LIVE = {"environment": "live"}


def judge(case, request_with, settings_of):
    """Do what the hub does with a request; return the error, if there is one."""
    settings, config = settings_of(case), case["config"]
    body, fetched = case["body"].encode(), []
    try:
        url = webhooks.key_url(request_with(case["headers"], body), settings)
        fetched.append(url)
        key = config["cert_responses"][url]["body"].encode()
        webhooks.verify(
            request_with(case["headers"], body, key),
            settings,
            now=clock.parse(config["now"]),
        )
    except HubError as error:
        return error, fetched
    return None, fetched


def test_every_signature_case_is_judged_right(any_vector, request_with, settings_of):
    error, fetched = judge(any_vector, request_with, settings_of)

    assert (error is None) == (any_vector["expected"] == "valid")
    assert not (any_vector.get("must_not_fetch") and fetched)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("empty_body_signed", PayloadError),
        ("cert_url_answers_html", UnavailableError),
        ("tampered_body", SignatureError),
        ("expired_certificate", SignatureError),
        ("untrusted_ca", SignatureError),
        ("signature_not_base64", SignatureError),
        ("sha1_downgrade", SignatureError),
    ],
)
def test_a_refusal_says_what_kind_it_is(name, kind, vector, request_with, settings_of):
    error, _ = judge(vector(name), request_with, settings_of)
    assert type(error) is kind


def genuine(vector, request_with, settings_of, **changes):
    case = vector("valid_leaf_and_intermediate_served")
    pem = next(iter(case["config"]["cert_responses"].values()))["body"].encode()
    request = request_with(
        case["headers"], case["body"].encode(), changes.get("key", pem)
    )
    settings = settings_of(case) | changes.get("settings", {})
    now = clock.parse(case["config"]["now"])
    return webhooks.verify(request, settings, now=now)


def test_the_dedupe_key_is_the_events_id(vector, request_with, settings_of):
    """ROAD 9: from signed content only, not the transmission id."""
    verified = genuine(vector, request_with, settings_of)
    assert verified.dedupe_key == "WH-58D221873R6540932-2JX11834PB0527146"


@pytest.mark.parametrize("key", [None, b"", b"<html>busy</html>", b"\xff\x00"])
def test_without_a_readable_certificate_paypal_is_asked_to_come_again(
    key, vector, request_with, settings_of
):
    with pytest.raises(UnavailableError):
        genuine(vector, request_with, settings_of, key=key)


@pytest.mark.parametrize("webhook_id", ["", None, "WEBHOOK_ID", " WEBHOOK_ID "])
def test_no_webhook_id_and_the_mock_one_let_nobody_in(
    webhook_id, vector, request_with, settings_of
):
    with pytest.raises(SignatureError, match="webhook id"):
        genuine(vector, request_with, settings_of, settings={"webhook_id": webhook_id})


def test_a_live_certificate_does_not_sign_for_the_sandbox(
    vector, request_with, settings_of
):
    with pytest.raises(SignatureError, match="from messageverificationcerts"):
        genuine(vector, request_with, settings_of, settings={"environment": "sandbox"})


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"id": 7}', b'{"id": ""}', b'{"id": "a\\u0000"}', b"{"]
)
def test_an_authentic_event_without_a_readable_id_is_a_bad_payload(body):
    with pytest.raises(PayloadError):
        webhooks._event_id(read_json(body))


GOOD_URL = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-7f1e2d3c"


def key_url(url, request_with, **settings):
    headers = dict.fromkeys(webhooks._HEADERS, "x") | {
        "paypal-cert-url": url,
        "paypal-auth-algo": "SHA256withRSA",
    }
    return webhooks.key_url(
        request_with(headers, b"{}"), LIVE | {"webhook_id": "2K74"} | settings
    )


@pytest.mark.parametrize(
    "url",
    [
        GOOD_URL,
        GOOD_URL.replace("api.", "api-m."),
        GOOD_URL.replace(".com", ".com:443"),
        GOOD_URL + "?v=2",
    ],
)
def test_paypals_own_addresses_are_fetched(url, request_with):
    assert key_url(url, request_with) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://user@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://xapi.paypal.com/v1/notifications/certs/CERT-1",
        "https://www.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com./v1/notifications/certs/CERT-1",
        "https://api.paypal.com\\@evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://api.paypal.com/v1/notifications/certs",
        "https://api.paypal.com/v1/notifications/certsX/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../webhooks",
        "https://api.paypal.com/v1/notifications/certs/%2e%2e/webhooks",
        "https://api.paypal.com/v1/notifications/certs/..%2fwebhooks",
        "https://api.paypal.com/v1/notifications/certs//CERT-1",
        "https://api.paypal.com/v1/notifications/certs/./CERT-1",
        "https://api.paypal.com/v1/notifications/certs/CERT-1#x",
        "https://api.paypal.com/v1/notifications/certs/CERT 1",
        "//api.paypal.com/v1/notifications/certs/CERT-1",
        "https:/api.paypal.com/v1/notifications/certs/CERT-1",
        "file:///v1/notifications/certs/CERT-1",
        "https://[::1]/v1/notifications/certs/CERT-1",
        "https://аpi.paypal.com/v1/notifications/certs/CERT-1",  # noqa: RUF001
    ],
)
@pytest.mark.parametrize("base", [None, "http://localhost:9000/paypal"])
def test_no_other_address_is_ever_fetched(url, base, request_with):
    with pytest.raises(SignatureError):
        key_url(url, request_with, webhook_cert_base_url=base)


@pytest.mark.parametrize(
    "base", ["http://localhost:9000/paypal", "http://localhost:9000/paypal/"]
)
def test_a_simulator_serves_the_certificate_of_a_checked_address(base, request_with):
    found = key_url(GOOD_URL + "?v=2", request_with, webhook_cert_base_url=base)
    path = "/v1/notifications/certs/CERT-360caa42-7f1e2d3c?v=2"
    assert found == "http://localhost:9000/paypal" + path


@pytest.mark.parametrize("header", webhooks._HEADERS)
@pytest.mark.parametrize("value", ["", "  "])
def test_each_header_is_needed_before_anything_is_fetched(header, value, request_with):
    headers = dict.fromkeys(webhooks._HEADERS, "x") | {
        "paypal-cert-url": GOOD_URL,
        "paypal-auth-algo": "SHA256withRSA",
        header: value,
    }
    with pytest.raises(SignatureError, match=header):
        webhooks.key_url(request_with(headers, b"{}"), LIVE | {"webhook_id": "2K74"})
