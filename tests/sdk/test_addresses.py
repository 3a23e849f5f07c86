"""Which addresses a connection may call."""

import pytest

from hub.sdk.addresses import Addresses, is_loopback, is_off_limits
from hub.sdk.errors import PluginError, SettingsError

HOSTS = ("api.acme.example", "hooks.acme.example")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.acme.example/v1/things?a=1",
        "https://hooks.acme.example:443/x",
        "https://API.acme.example/",
    ],
)
def test_provider_is_called_over_https_as_it_documents(url: str) -> None:
    assert url == Addresses(HOSTS).rewrite(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.acme.example/v1",
        "https://evil.example/v1",
        "https://api.acme.example.evil.example/",
        "https://x.api.acme.example/",
        "https://api.acme.example@evil.example/",
        "https://someone@api.acme.example/",
        "https://api.acme.example:8443/",
        "https://api.acme.example:nonsense/",
        "https://[::1/",
        "https://169.254.169.254/latest/meta-data",
        "http://localhost/",
        "https://127.0.0.1/",
        "file:///etc/passwd",
        "//api.acme.example/",
        "/v1/things",
        "",
    ],
)
def test_anything_else_is_not_called(url: str) -> None:
    with pytest.raises(PluginError) as caught:
        Addresses(HOSTS).rewrite(url)

    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://localhost:8100/acme/", "http://localhost:8100/acme/v1/a%20b?q=1&r="),
        ("http://127.0.0.1:9", "http://127.0.0.1:9/v1/a%20b?q=1&r="),
        ("https://eu.acme.example", "https://eu.acme.example/v1/a%20b?q=1&r="),
    ],
)
def test_base_replaces_scheme_and_host_and_keeps_path_and_query(
    base: str, expected: str
) -> None:
    addresses = Addresses(HOSTS, base=base)

    assert expected == addresses.rewrite("https://api.acme.example/v1/a%20b?q=1&r=")


def test_link_that_a_simulator_gave_is_followed_as_it_is() -> None:
    addresses = Addresses(HOSTS, base="http://localhost:8100/acme")
    link = "http://localhost:8100/acme/v1/next?page=2"

    assert link == addresses.rewrite(link)
    assert "http://localhost:8100/acme/acmeish" == addresses.rewrite(
        "http://localhost:8100/acmeish"
    )


def test_base_takes_a_call_to_any_host_home() -> None:
    addresses = Addresses(HOSTS, base="http://localhost:8100")

    assert "http://localhost:8100/x" == addresses.rewrite("https://evil.example/x")
    with pytest.raises(PluginError):
        addresses.rewrite("file:///etc/passwd")


@pytest.mark.parametrize(
    "base",
    [
        "http://acme.example",
        "http://10.0.0.1",
        "ftp://localhost",
        "localhost:8100",
        "https://user:word@acme.example",
        "https://acme.example?x=1",
    ],
)
def test_base_must_be_https_or_this_machine(base: str) -> None:
    with pytest.raises(SettingsError, match="api_base_url"):
        Addresses(HOSTS, base=base)


def test_address_an_admin_gave_is_allowed_and_no_neighbour_of_it() -> None:
    given = ("http://127.0.0.1:9000/services/T0/B0/x", "https://own.example/hook", "#b")
    addresses = Addresses((), given)

    assert "http://127.0.0.1:9000/y" == addresses.rewrite("http://127.0.0.1:9000/y")
    assert "https://own.example/hook" == addresses.rewrite("https://own.example/hook")
    for other in (
        "http://127.0.0.1:9001/",
        "http://own.example/",
        "https://a.example/",
    ):
        with pytest.raises(PluginError):
            addresses.rewrite(other)


def test_plain_http_to_another_machine_is_refused_even_if_an_admin_gave_it() -> None:
    with pytest.raises(SettingsError, match="https://"):
        Addresses((), ["http://own.example/hook"]).rewrite("http://own.example/hook")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("hub.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    assert expected == is_loopback(host)


OFF_LIMITS = (
    "169.254.169.254",
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[::ffff:169.254.169.254]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[::]",
    "0.0.0.0",  # noqa: S104
    "0",
    "224.0.0.1",
    "100.100.100.200",
    "\uff11\uff16\uff19.254\u3002169.254",
    "Metadata.Google.Internal.",
)


@pytest.mark.parametrize("host", OFF_LIMITS)
def test_metadata_and_its_like_are_refused_in_every_spelling(host: str) -> None:
    url = f"https://{host}/latest/meta-data"
    with pytest.raises(SettingsError, match="metadata address"):
        Addresses((), given=[url]).rewrite(url)
    with pytest.raises(SettingsError, match="metadata address"):
        Addresses(HOSTS, base=url)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "::1", "10.0.0.5", "8.8.8.8", "hub.example", ""]
)
def test_other_hosts_are_not_off_limits(host: str) -> None:
    assert not is_off_limits(host)
