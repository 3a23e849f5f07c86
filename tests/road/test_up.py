"""`hub up` as a person meets it: real processes on a data folder of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.road.killing import PARTS, descendants

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc"), reason="finds processes by /proc and ps"
)
SIGN_IN = "Sign in: admin@example.com demo-password"
_PATIENCE = 40


@dataclass
class Up:
    """A running `hub up` and what it said first."""

    process: "subprocess.Popen[str]"
    lines: list[str]
    folder: Path

    @property
    def url(self) -> str:
        return self.lines[0].removeprefix("Hub: ")

    @property
    def simulators(self) -> str:
        return self.lines[1].removeprefix("Simulators: ")

    def end(self, number: signal.Signals) -> int:
        """Signal it; returns its exit status. How long it takes is `bench start`'s."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE)

    def kill_part(self, name: str) -> None:
        for pid, line in descendants(self.process.pid):
            if any(word in line for word in PARTS[name]):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def hub_up(folder: Path, *arguments: str, **environment: str) -> Iterator[Up]:
    environment = {"PORT": str(free_port()), **environment}
    process = start(folder, "up", *arguments, **environment)
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline().strip() for _ in range(3)]
        yield Up(process, lines, folder)
    finally:
        process.kill()
        process.communicate()
        wait_until(lambda: not left(folder))


def start(folder: Path, *arguments: str, **environment: str) -> Any:
    return subprocess.Popen(
        [sys.executable, "-m", "hub", *arguments],
        env={**os.environ, "HUB_DATA_DIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refusal(folder: Path, *arguments: str, **environment: str) -> str:
    """What a start says that can't be: one sentence, exit 1, no traceback."""
    process = start(folder, *(arguments or ("up",)), **environment)
    said, error = process.communicate(timeout=_PATIENCE)
    assert (1, "") == (process.returncode, said), error
    assert error.startswith("Error: ")
    assert 1 == error.count("\n"), error
    return str(error)


def left(folder: Path) -> list[str]:
    """The processes of a data folder that live."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


def wait_until(true: Callable[[], object], seconds: float = _PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it is not so in time"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def signed_in(up: Up) -> requests.Session:
    session = requests.Session()
    page = session.get(f"{up.url}/login", timeout=10).text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    form = {
        "email": "admin@example.com",
        "password": "demo-password",
        "csrf_token": found[1],
    }
    answer = session.post(f"{up.url}/login", data=form, timeout=10)
    assert answer.ok and not answer.url.endswith("/login")
    return session


def token(folder: Path) -> dict[str, str]:
    made = subprocess.run(
        [
            *(sys.executable, "-m", "hub", "tokens", "create", "test"),
            *("--role", "admin"),
        ],
        env={**os.environ, "HUB_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"hub_[\w-]+", made.stdout)
    assert found, made.stdout
    return {"Authorization": f"Bearer {found[0]}"}


def pay(up: Up, invoice: dict[str, Any]) -> None:
    paid = requests.post(
        f"{up.simulators}/paypal/_sim/pay",
        json={
            "invoice_id": invoice["number"],
            "amount": {
                "currency_code": invoice["currency"],
                "value": invoice["open_amount"],
            },
        },
        timeout=10,
    )
    assert paid.ok, paid.text


def test_a_payment_goes_all_the_way_and_a_second_start_goes_on(tmp_path: Path) -> None:
    """From the first line to the card; again after Ctrl-C; again after kills."""
    folder = tmp_path / "data"
    with hub_up(folder, "--demo") as up:
        assert up.lines[0].startswith("Hub: http://localhost:")
        assert up.lines[1].startswith("Simulators: http://localhost:")
        assert SIGN_IN == up.lines[2]
        assert signed_in(up).get(f"{up.url}/invoices", timeout=10).ok
        headers = token(folder)
        invoices = open_invoices(up, headers)
        goes_all_the_way(up, headers, invoices.pop())
        companies = items(up, headers, "companies")
        assert 0 == up.end(signal.SIGINT)
        assert [] == left(folder)

    with hub_up(folder, "--demo") as up:
        assert SIGN_IN == up.lines[2]
        assert companies == items(up, headers, "companies")
        for part in ("redis", "worker", "web"):
            up.kill_part(part)
        wait_until(lambda: answers(up))
        goes_all_the_way(up, headers, invoices.pop())
        no_secret_in(folder)
        up.process.kill()
        wait_until(lambda: not left(folder), 10)

    with hub_up(folder, "--demo") as up:
        assert SIGN_IN == up.lines[2]
        assert 0 == up.end(signal.SIGTERM)
        assert [] == left(folder)


def answers(up: Up) -> bool:
    try:
        return requests.get(f"{up.url}/readyz", timeout=2).ok
    except requests.RequestException:
        return False


def items(up: Up, headers: dict[str, str], what: str) -> list[dict[str, Any]]:
    answer = requests.get(
        f"{up.url}/api/v1/{what}", params={"limit": 100}, headers=headers, timeout=10
    )
    assert answer.ok, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def open_invoices(up: Up, headers: dict[str, str]) -> list[dict[str, Any]]:
    return [
        each
        for each in items(up, headers, "invoices")
        if each["state"] == "open" and each["currency"] == "EUR"
    ]


def goes_all_the_way(up: Up, headers: dict[str, str], invoice: dict[str, Any]) -> None:
    pay(up, invoice)

    def is_paid() -> bool:
        return any(
            each["id"] == invoice["id"] and each["state"] == "paid"
            for each in items(up, headers, "invoices")
        )

    def is_told() -> bool:
        state = requests.get(f"{up.simulators}/slack/_sim/state", timeout=10).text
        return "Payment received" in state and invoice["number"] in state

    def is_notified() -> bool:
        page = signed_in(up).get(f"{up.url}/notifications", timeout=10)
        return page.ok and invoice["number"] in page.text

    wait_until(is_paid)
    wait_until(is_told)
    wait_until(is_notified)


def no_secret_in(folder: Path) -> None:
    """ROAD 42."""
    said = (folder / "hub.log").read_text()
    key = (folder / "secret.key").read_text().strip()
    assert "demo-password" not in said
    assert key not in said
    assert "Traceback" not in said


def test_without_demo_a_link_makes_the_first_admin_and_redis_may_be_away(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    with hub_up(folder, HUB_REDIS_URL="redis://127.0.0.1:1/0") as up:
        assert "/login/link/" in up.lines[1]
        assert requests.get(up.lines[1].split(": ", 1)[1], timeout=10).ok
        again = refusal(folder, "up", "--port", str(free_port()))
        assert "already runs" in again
        taken = refusal(tmp_path / "other", "up", "--port", up.url.rsplit(":")[-1])
        assert "can't be used" in taken


def test_it_listens_where_ipv6_says(tmp_path: Path) -> None:
    if not has_ipv6():
        pytest.skip("This machine has no IPv6.")
    with hub_up(tmp_path, "--host", "::1") as up:
        assert re.fullmatch(r"http://\[::1\]:\d+", up.url)
        assert 200 == requests.get(f"{up.url}/readyz", timeout=_PATIENCE).status_code


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


BROKEN = {
    "HUB_TIME_ZONE": "Nowhere",
    "HUB_OVERDUE_STEPS": "x",
    "HUB_ENCRYPTION_KEYS": "short",
    "HUB_LOG_LEVEL": "LOUD",
    "HUB_BASE_URL": "ftp://x",
    "HUB_DATABASE_URL": "garbage",
    "HUB_REDIS_URL": "nonsense",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_setting_is_named(tmp_path: Path, name: str) -> None:
    assert name in refusal(tmp_path, "up", "--port", "0", **{name: BROKEN[name]})


@pytest.mark.parametrize("part", ["up", "web"])
def test_a_broken_port_is_named(tmp_path: Path, part: str) -> None:
    assert "PORT must be a number" in refusal(tmp_path, part, PORT="x")


def test_production_needs_keys_and_a_database_that_answers(tmp_path: Path) -> None:
    url = "postgresql+psycopg://hub:canary@127.0.0.1:1/hub"
    assert "HUB_SECRET_KEY" in refusal(tmp_path, HUB_DATABASE_URL=url)
    keys = {
        "HUB_SECRET_KEY": "s" * 40,
        "HUB_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    }
    said = refusal(tmp_path, "up", "--port", "0", HUB_DATABASE_URL=url, **keys)
    assert "can't be reached right now (HUB_DATABASE_URL)" in said
    assert "canary" not in said


@pytest.mark.parametrize("part", ["web", "worker", "scheduler"])
def test_a_part_by_itself_refuses_an_old_schema(tmp_path: Path, part: str) -> None:
    assert "hub db upgrade" in refusal(tmp_path, part)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refusal(tmp_path / "file" / "data", "up", "--port", "0")
    assert "can't be written" in said
