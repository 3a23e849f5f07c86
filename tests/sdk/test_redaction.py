"""No secret survives in anything that is kept or shown. ROAD 42."""

import base64
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.sdk.redaction import (
    EXCERPT_CHARS,
    HIDDEN,
    LARGEST_EXCERPTED,
    Redactor,
    _needles,
    is_secret_name,
    redact_fields,
    redact_pairs,
)

SECRET = 'pa55/w+rd=é"x'
# Providers' keys and people's passwords; no surrogates, which no request can carry.
secrets = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=8, max_size=60
).filter(lambda text: "," not in text and "://" not in text and text == text.strip())
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def embeddings(secret: str, before: str, after: str) -> dict[str, str]:
    """Everything a secret may be wrapped in on its way into a log."""
    around = f"{before}{secret}{after}"
    basic = f"{before}:{secret}".encode()
    return {
        "plain": around,
        "json": json.dumps({"a": [around]}),
        "json as it is": json.dumps({"a": around}, ensure_ascii=False),
        "json with slashes": json.dumps(around).replace("/", "\\/"),
        "json in json": json.dumps(json.dumps({"a": secret})),
        "form": urlencode({"a": around, "b": before}),
        "path": f"https://x.example/{quote(around)}/y",
        "path, strictly": f"https://x.example/{quote(around, safe='')}/y",
        "query": f"https://x.example/?q={quote_plus(around)}&z=1",
        "json in a form": urlencode({"payload": json.dumps({"a": around})}),
        "basic": "Basic " + base64.b64encode(basic).decode(),
        "basic, url-encoded first": "Basic "
        + base64.b64encode(
            f"{quote_plus(before)}:{quote_plus(secret)}".encode()
        ).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(basic).decode().rstrip("="),
        "base64 in json": json.dumps({"a": base64.b64encode(basic).decode()}),
    }


@given(secret=secrets, before=words, after=words)
@example(secret=SECRET, before="", after="")
@example(secret="aaaaaaaaaaaa", before="a", after="a")
@example(secret="[hidden]", before="x", after="")
def test_no_form_of_a_secret_survives_in_any_embedding(
    secret: str, before: str, after: str
) -> None:
    redactor = Redactor([secret])
    for name, text in embeddings(secret, before, after).items():
        hidden = redactor.text(text)
        for needle in _needles(secret):
            assert needle not in hidden.replace(HIDDEN, "\0"), name


@pytest.mark.parametrize("prefix", range(12))
def test_basic_auth_hides_nothing_whatever_the_users_length(prefix: int) -> None:
    secret = "a-client-secret-of-ours"
    pair = base64.b64encode(f"{'u' * prefix}:{secret}".encode()).decode()

    hidden = Redactor([secret]).text(f"Authorization: Basic {pair}")

    assert HIDDEN in hidden
    left = hidden.replace(HIDDEN, " ").split("Basic ")[1].split()
    assert all(len(piece) <= 4 + prefix * 8 // 6 for piece in left)


@given(
    names=st.lists(words, min_size=1, max_size=3),
    secret=secrets,
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]),
)
def test_no_form_of_a_secret_survives_in_an_excerpt(
    names: list[str], secret: str, kind: str
) -> None:
    redactor = Redactor([secret])
    bodies = [
        json.dumps({name: {"deep": [secret, f"x{secret}"]} for name in names}),
        json.dumps({secret: 1}),
        urlencode({name: f"a {secret}" for name in names}),
        "&".join(f"{quote(name)}={secret}" for name in names),
        secret,
    ]
    for body in bodies:
        hidden = redactor.excerpt(body.encode(), kind).replace(HIDDEN, "\0")
        for needle in _needles(secret):
            assert needle not in hidden


def test_secret_that_straddles_the_cut_is_hidden_before_it() -> None:
    secret = "straddles-the-cut"
    body = "x" * (EXCERPT_CHARS - 5) + secret

    excerpt = Redactor([secret]).excerpt(body.encode())

    assert EXCERPT_CHARS == len(excerpt)
    assert "strad" not in excerpt


def test_longer_secret_is_hidden_whole_where_a_shorter_one_begins_it() -> None:
    redactor = Redactor(["token-12", "token-12345678"])

    assert f"a {HIDDEN} b" == redactor.text("a token-12345678 b")


def test_secret_added_later_is_hidden_from_then_on() -> None:
    redactor = Redactor()
    before = redactor.text("fresh-token-of-today")
    redactor.add("fresh-token-of-today")
    redactor.add("fresh-token-of-today")

    assert ("fresh-token-of-today", HIDDEN) == (
        before,
        redactor.text("fresh-token-of-today"),
    )


def test_short_value_is_hidden_by_its_name_only() -> None:
    redactor = Redactor(["1234567", ""])

    assert "call 1234567" == redactor.text("call 1234567")
    assert f'{{"password": "{HIDDEN}"}}' == redactor.excerpt(b'{"password": "1234567"}')


def test_several_secrets_in_one_setting_are_hidden_each() -> None:
    redactor = Redactor(["whsec_the_old_one, whsec_the_new_one"])

    assert f"{HIDDEN} or {HIDDEN}" == redactor.text(
        "whsec_the_old_one or whsec_the_new_one"
    )


def test_secret_url_is_hidden_behind_its_host_also_at_another() -> None:
    """`api_base_url` replaces the host: what follows must be hidden all the same."""
    path = "/services/T000/B000/abcdefghijklmnopqrstuvwx"
    redactor = Redactor([f"https://hooks.slack.example{path}"])

    assert f"https://hooks.slack.example{HIDDEN}" == redactor.url(
        f"https://hooks.slack.example{path}"
    )
    assert f"http://localhost:8100/slack{HIDDEN}" == redactor.url(
        f"http://localhost:8100/slack{path}"
    )
    assert HIDDEN == redactor.text("abcdefghijklmnopqrstuvwx")


def test_secret_urls_password_and_parameters_are_hidden_alone_too() -> None:
    redactor = Redactor(["mailto://someone:pass-word@x.example/?sig=s1gn4tur3"])

    assert f"{HIDDEN} and {HIDDEN}" == redactor.text("pass-word and s1gn4tur3")


def test_unreadable_urls_are_hidden_or_left_and_never_raise() -> None:
    assert HIDDEN == Redactor().url("https://[::1/")
    assert "x" == Redactor(["https://[::1/secret-path"]).text("x")


def test_urls_password_and_secret_parameters_are_hidden_by_name() -> None:
    url = "https://me:pw@x.example/a%20b?token=t&page=2&q=a+b&empty_token="

    assert (
        f"https://{HIDDEN}@x.example/a%20b?token={HIDDEN}&page=2&q=a+b&empty_token="
        == (Redactor().url(url))
    )


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Proxy-Authorization",
        "password",
        "client_secret",
        "clientSecret",
        "access_token",
        "refresh-token",
        "X-API-Key",
        "apiKey",
        "private_key",
        "Stripe-Signature",
        "PAYPAL-TRANSMISSION-SIG",
        "X-Slack-Signature",
        "Set-Cookie",
        "client_assertion",
        "code_verifier",
        "credentials",
    ],
)
def test_name_of_a_secret_is_known(name: str) -> None:
    assert is_secret_name(name)
    assert [(name, HIDDEN)] == redact_pairs([(name, "x")])
    assert {"a": [{name: HIDDEN}]} == redact_fields({"a": [{name: ["x", "y"]}]})


@pytest.mark.parametrize(
    "name", ["name", "token_type", "id", "config", "design", "author", "key", "code"]
)
def test_name_of_anything_else_is_left(name: str) -> None:
    assert not is_secret_name(name)


def test_empty_values_show_that_they_are_empty() -> None:
    assert {"password": "", "token": None} == redact_fields(
        {"password": "", "token": None}
    )


def test_headers_are_hidden_by_name_and_by_value() -> None:
    redactor = Redactor(["a-secret-value"])
    headers = {"Authorization": "Bearer x", "X-Note": "a-secret-value", "Accept": "*/*"}

    assert {"Authorization": HIDDEN, "X-Note": HIDDEN, "Accept": "*/*"} == (
        redactor.headers(headers)
    )


def test_json_with_nothing_to_hide_stays_letter_by_letter() -> None:
    body = '{"amount":10.10,  "page":null,"list":[{"a":1e3}], "name": "é"}'

    assert body == Redactor(["a-secret-value"]).excerpt(body.encode())


def test_json_with_something_to_hide_keeps_numbers_as_they_were_written() -> None:
    body = (
        b'{"amount":10.10,"big":12345678901234567890,"ok":true,"n":null,"pin_token":7}'
    )

    assert (
        '{"amount": 10.10, "big": 12345678901234567890, "ok": true, "n": null, '
        f'"pin_token": "{HIDDEN}"}}' == Redactor().excerpt(body, "application/json")
    )


def test_secret_field_named_twice_is_hidden() -> None:
    assert "first" not in Redactor().excerpt(b'{"token": "first", "token": ""}')


def test_secret_escaped_in_an_unusual_way_is_hidden() -> None:
    body = '{"said": "no key a\\u002dsecret\\u002Dvalue"}'

    assert f'{{"said": "no key {HIDDEN}"}}' == (
        Redactor(["a-secret-value"]).excerpt(body.encode())
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"token": "abc", "cut', f'{{"token": "{HIDDEN}", "cut'),
        (b"token=abc&page=2", f"token={HIDDEN}&page=2"),
        (b"Authorization: Bearer abc.def\nOK", f"Authorization: {HIDDEN}\nOK"),
        (b"\x89PNG\xff", "[5 bytes, not text]"),
        (b"", ""),
        (b"x" * (LARGEST_EXCERPTED + 1), f"[{LARGEST_EXCERPTED + 1} bytes]"),
        (b"[" * 100_000, "[" * EXCERPT_CHARS),
    ],
)
def test_excerpt_of_what_is_no_whole_json(body: bytes, expected: str) -> None:
    assert expected == Redactor().excerpt(body, "text/plain")


def test_redactor_does_not_show_what_it_hides() -> None:
    assert "<Redactor of 1 secrets>" == repr(Redactor(["a-secret-value"]))
