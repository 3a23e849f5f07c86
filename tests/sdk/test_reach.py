"""No call leads into a private network, whatever the name's answer is by then."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub.sdk import transport
from hub.sdk.addresses import Reach, networks
from hub.sdk.errors import SettingsError, UnavailableError
from hub.sdk.http import ApiClient
from tests.sdk.wire import read_request, server

OUTSIDE = Reach(private=False)
INSIDE = (
    *("10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1", "100.64.0.1", "0.0.0.1"),
    *("169.254.169.254", "fd00:ec2::254", "::1", "fe80::1%eth0", "fc00::7"),
    *("::ffff:10.0.0.1", "2002:a00:1::", "64:ff9b::a00:1", "::ffff:169.254.169.254"),
)


def refuses(reach: Reach, host: str, address: str) -> bool:
    try:
        reach.check(host, address)
    except SettingsError:
        return True
    return False


@pytest.mark.parametrize("address", INSIDE)
def test_address_inside_is_refused(address: str) -> None:
    with pytest.raises(SettingsError):
        OUTSIDE.check("hooks.example.com", address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111"])
def test_address_outside_is_reached(address: str) -> None:
    assert not refuses(OUTSIDE, "hooks.example.com", address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_this_machine_is_reached_by_its_own_name_only(address: str) -> None:
    assert not refuses(OUTSIDE, "localhost", address)
    with pytest.raises(SettingsError, match="allowed_networks"):
        OUTSIDE.check("rebound.example.com", address)


def test_admin_may_allow_a_network() -> None:
    reach = Reach(private=False, allowed=networks("10.1.0.0/16, fd12::/16"))
    assert not refuses(reach, "n8n.internal", "10.1.2.3")
    assert not refuses(reach, "n8n.internal", "fd12::3")
    with pytest.raises(SettingsError):
        reach.check("n8n.internal", "10.2.0.1")


def test_metadata_stays_refused_to_those_who_may_call_private_networks() -> None:
    Reach().check("files.internal", "10.0.0.1")
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"):
        with pytest.raises(SettingsError):
            Reach().check("files.internal", address)


@pytest.mark.parametrize("text", ["10.0.0.0/99", "here", "10.0.0.1/8"])
def test_what_is_no_network_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("/")[0]):
        networks(text)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """No connection is kept from one test to the next."""
    transport._session.cache_clear()
    yield
    transport._session.cache_clear()


@pytest.fixture
def port() -> Iterator[int]:
    """A server on this machine that answers whatever is asked."""

    def behave(connection: Any, _over: Any) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with server(behave) as (_, port):
        yield port


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[list[str]]]]:
    """Names of our own: name → the answers it gives, one after the other."""
    known: dict[str, list[list[str]]] = {}
    real: Callable[..., Any] = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in known:
            return real(host, port, *args, **options)
        addresses = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    yield known


def client(url: str, reach: Reach) -> ApiClient:
    return ApiClient(plugin="p", connection="p", api_base_url=url, reach=reach)


def test_name_that_leads_inside_is_not_called(
    port: int, names: dict[str, list[list[str]]]
) -> None:
    names["evil.localhost"] = [["10.0.0.1"]]
    caller = client(f"http://evil.localhost:{port}", OUTSIDE)
    with pytest.raises(SettingsError, match="allowed_networks"):
        caller.post("https://anything.example.com/x", json={})


def test_one_address_inside_among_good_ones_is_enough_to_refuse(
    port: int, names: dict[str, list[list[str]]]
) -> None:
    names["evil.localhost"] = [["127.0.0.1", "169.254.169.254"]]
    with pytest.raises(SettingsError):
        client(f"http://evil.localhost:{port}", OUTSIDE).get("https://a.example.com/")


def test_connection_goes_to_the_address_that_was_looked_at(
    port: int, names: dict[str, list[list[str]]]
) -> None:
    """The name's next answer, which leads elsewhere, is not asked for."""
    names["rebound.localhost"] = [["127.0.0.1"], ["10.255.255.1"]]
    reply = client(f"http://rebound.localhost:{port}", OUTSIDE).get(
        "https://a.example.com/"
    )
    assert 200 == reply.status


def test_name_that_leads_nowhere_is_unavailable(
    names: dict[str, list[list[str]]],
) -> None:
    names["nowhere.localhost"] = [[]]
    caller = client("http://nowhere.localhost:9", OUTSIDE)
    with pytest.raises(UnavailableError):
        caller.get("https://a.example.com/")


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "0x7f.1", "167772161"])
def test_address_in_another_spelling_is_the_same_address(
    host: str, names: dict[str, list[list[str]]]
) -> None:
    names[host] = [[socket.inet_ntoa(socket.inet_aton(host))]]
    with pytest.raises(SettingsError, match="allowed_networks"):
        client(f"https://{host}", OUTSIDE).get("https://a.example.com/")
