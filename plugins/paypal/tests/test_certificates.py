"""Whose signature is trusted, and until when."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.sdk import clock
from hub.sdk.errors import SignatureError, UnavailableError
from hub_paypal import certificates

NAME = "messageverificationcerts.paypal.com"


@pytest.fixture
def case(vector):
    return vector("valid_leaf_and_intermediate_served")


def served(case):
    return next(iter(case["config"]["cert_responses"].values()))["body"].encode()


def key(case, trust=None, name=NAME, now=None, pem=None):
    return certificates.signing_key(
        served(case) if pem is None else pem,
        trust="\n".join(case["config"]["trust_roots_pem"]) if trust is None else trust,
        name=name,
        now=now or clock.parse(case["config"]["now"]),
    )


def test_the_leaf_leads_to_the_trusted_root(case):
    assert key(case).key_size == 2048


def test_roots_may_be_given_as_a_file(case, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text(case["config"]["trust_roots_pem"][0])
    assert key(case, trust=str(path)).key_size == 2048


def test_a_changed_file_counts_at_once(case, vector, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("-----BEGIN nothing-----")
    with pytest.raises(UnavailableError, match="holds no certificate"):
        key(case, trust=str(path))
    path.write_text(case["config"]["trust_roots_pem"][0])
    assert key(case, trust=str(path)).key_size == 2048


@pytest.mark.parametrize("trust", ["/no/such/file.pem", "-----BEGIN CERTIFICATE-----"])
def test_a_setting_that_names_no_certificate_says_so(trust, case):
    with pytest.raises(UnavailableError, match="webhook_trust_roots"):
        key(case, trust=trust)


def test_the_usual_web_roots_do_not_know_the_test_authority(case):
    with pytest.raises(SignatureError):
        key(case, trust="")


def test_a_missing_intermediate_may_be_configured(vector):
    case = vector("valid_leaf_only_with_configured_intermediate")
    roots = "\n".join(case["config"]["trust_roots_pem"])
    extra = "\n".join(case["config"]["extra_intermediates_pem"])
    assert key(case, trust=roots + extra).key_size == 2048
    with pytest.raises(SignatureError):
        key(case, trust=roots)


def test_an_intermediate_alone_is_no_root(vector):
    """It only helps towards the usual web roots."""
    case = vector("valid_leaf_only_with_configured_intermediate")
    extra = "\n".join(case["config"]["extra_intermediates_pem"])
    with pytest.raises(SignatureError):
        key(case, trust=extra)


def test_a_served_root_is_never_trusted(vector):
    case = vector("untrusted_ca")
    assert served(case).count(b"BEGIN CERTIFICATE") == 3
    with pytest.raises(SignatureError):
        key(case)


def test_the_name_must_be_the_environments(case):
    with pytest.raises(SignatureError):
        key(case, name="messageverificationcerts.sandbox.paypal.com")


@pytest.mark.parametrize("year", [2020, 2090])
def test_the_dates_are_checked_against_our_clock(year, case):
    with pytest.raises(SignatureError):
        key(case, now=datetime(year, 1, 1, tzinfo=UTC))


def test_a_leaf_ends_to_the_second_although_the_chain_is_remembered(case):
    from cryptography import x509

    leaf = x509.load_pem_x509_certificates(served(case))[0]
    end = leaf.not_valid_after_utc
    minute = end.replace(second=0)
    assert key(case, now=minute).key_size == 2048
    with pytest.raises(SignatureError):
        key(case, now=end + timedelta(seconds=1))


@pytest.mark.parametrize("pem", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAA=="])
def test_what_is_no_certificate_is_a_passing_fault(pem, case):
    with pytest.raises(UnavailableError):
        key(case, pem=pem)


def test_the_usual_web_roots_are_read_without_a_warning():
    trust = certificates._trust(certificates._trust_text(""))
    assert trust.intermediates == ()
