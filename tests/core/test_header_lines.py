"""Headers as they are kept: evidence without the secrets that came along."""

import base64

import pytest

from hub.core.webhooks import header_lines
from hub.sdk.redaction import Redactor
from hub.sdk.webhooks import Verified
from tests.parts.bank import SECRET, Bank, body_of, event


def kept(redactor: Redactor, **headers: str) -> dict[str, str]:
    pairs = [(name.replace("_", "-"), text) for name, text in headers.items()]
    return dict(header_lines.read(header_lines.write(pairs, redactor)))


def test_a_short_secret_is_hidden_in_the_header_that_carries_it() -> None:
    """ROAD 42: too short to be looked for in text, but this is no text."""
    found = kept(
        Redactor(["s3c", "k1,k2"]),
        X_Hook="s3c",
        X_Scheme="Bearer s3c",
        X_Old=" k1 ",
        X_Note="about s3c and more",
        Content_Length="312",
    )

    assert {
        "X-Hook": "[hidden]",
        "X-Scheme": "[hidden]",
        "X-Old": "[hidden]",
        "X-Note": "about s3c and more",
        "Content-Length": "312",
    } == found


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Api-Key", "X-Auth-Token", "X-Webhook-Secret", "Cookie"]
)
def test_headers_named_like_a_secret_are_never_kept(name: str) -> None:
    """Whatever stands in them: it may be another's secret."""
    lines = header_lines.write([(name, "of somebody")], Redactor())

    assert f"{name}: [hidden]".encode() == lines


def test_signatures_are_kept() -> None:
    lines = header_lines.write([("X-Signature", "v1=ab")], Redactor(["s3c"]))

    assert b"X-Signature: v1=ab" == lines


def test_a_webhook_that_carries_its_secret_is_kept_without_it(bank: Bank) -> None:
    """ROAD 42: header mode, as plain value, as Bearer and as Basic."""
    bank.plugin.verified = lambda request, ctx: Verified(dedupe_key="1")
    basic = base64.b64encode(f"hub:{SECRET}".encode()).decode()
    given = {"X-Hook": SECRET, "X-Bearer": f"Bearer {SECRET}", "X-Basic": basic}

    assert 200 == bank.post(body_of("1", event("a")), headers=given).status_code

    (row,) = bank.kept()
    assert row.headers is not None
    lines = dict(header_lines.read(row.headers))
    assert given.keys() <= lines.keys()
    assert all("[hidden]" in lines[name] for name in given)
    assert SECRET.encode() not in row.headers
