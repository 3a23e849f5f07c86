"""The other commands."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlalchemy import select

from hub import boot, settings
from hub.boot import Hub
from hub.cli import execute
from hub.core import vault
from hub.core.models import Delivery, Event, User, Worker
from hub.core.people import accounts
from hub.sdk import clock
from tests.cli.conftest import KEY, Cli

URL = "https://hooks.slack.com/services/T00/B00/canaryZ0rr0sesame"
PASSWORD = "canary Z0rr0 password"


@pytest.fixture
def opened(cli: Cli) -> Iterator[Hub]:
    """The hub the commands work on."""
    found = boot.start(settings.load())
    yield found
    found.database.dispose()


def test_person_with_a_password_may_sign_in(cli: Cli, opened: Hub) -> None:
    cli.done(
        *("users", "create", "Ada@example.com", "--role", "admin", "--password-stdin"),
        typed=f"{PASSWORD}\n",
    )

    assert accounts.authenticate(opened, "ada@example.com", PASSWORD) is not None
    assert "Z0rr0" not in cli.everything


def test_person_without_a_password_gets_a_link(cli: Cli) -> None:
    made = json.loads(
        cli.done("users", "create", "b@x.io", "--role", "billing", "--json")
    )
    again = json.loads(cli.done("users", "link", "b@x.io", "--json"))

    assert ("b@x.io", "billing") == (made["email"], made["role"])
    assert made["link"].startswith("http://localhost:8000/login/link/")
    assert made["link"] != again["link"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("users", "create", "x", "--role", "admin"), 1, "not an e-mail address"),
        (("users", "create", "a@b", "--role", "ingest"), 2, "ingest"),
        (("users", "link", "a@b"), 1, "There is no user a@b"),
        (("tokens", "create", " ", "--role", "admin"), 1, "needs a name"),
        (("tokens", "revoke", "tok_1"), 1, "no such token"),
        (("replay", "webhook", "whk_1"), 1, "no inbound webhook"),
        (("replay", "delivery", "dlv_1"), 1, "no delivery"),
        (("send", "slack", "hi"), 1, "no connection 'slack'"),
        (("eat",), 2, "No such command"),
    ],
)
def test_what_cannot_be_done_says_why(
    cli: Cli, arguments: tuple[str, ...], status: int, said: str
) -> None:
    outcome = cli(*arguments)

    assert (status, "") == (outcome.status, outcome.out)
    assert said in outcome.err


def test_weak_password_is_refused_and_makes_no_user(cli: Cli, opened: Hub) -> None:
    outcome = cli(
        *("users", "create", "a@b.io", "--role", "admin", "--password-stdin"),
        typed="short\n",
    )

    assert (1, True) == (outcome.status, "at least 10" in outcome.err)
    with opened.read() as session:
        assert [] == session.scalars(select(User)).all()


def test_token_is_shown_once(cli: Cli, opened: Hub) -> None:
    made = json.loads(cli.done("tokens", "create", "ci", "--role", "ingest", "--json"))

    assert {"id", "name", "role", "token"} == set(made)
    found = accounts.principal_of(opened, made["token"])
    assert found is not None
    assert "ingest" == found.role
    assert made["token"] not in cli.done("tokens", "list") + cli.done(
        "tokens", "list", "--json"
    )
    cli.done("tokens", "revoke", made["id"])
    assert accounts.principal_of(opened, made["token"]) is None
    assert "There are no tokens" in cli.done("tokens", "list")


def test_keys_are_rotated(cli: Cli) -> None:
    cli.done("connections", "add", "slack", "--set", f"webhook_url={URL}")
    new = json.loads(cli.done("secrets", "new-key", "--json"))["key"]
    cli.setenv(HUB_ENCRYPTION_KEYS=f"{new},{KEY}")
    assert "Encrypted anew: 1, already so: 0." in cli.done("secrets", "rotate")
    assert "Encrypted anew: 0, already so: 1." in cli.done("secrets", "rotate")

    cli.setenv(HUB_ENCRYPTION_KEYS=new)
    assert "active" in cli.done("connections", "list")
    cli.setenv(HUB_ENCRYPTION_KEYS=vault.new_key())
    outcome = cli("secrets", "rotate")
    assert (1, True) == (outcome.status, "1 of the stored secrets" in outcome.err)
    assert "can't be decrypted" in cli.done("connections", "list")
    assert "Z0rr0" not in cli.everything
    assert KEY not in cli.everything


def test_bad_key_is_named_and_not_shown(cli: Cli) -> None:
    cli.setenv(HUB_ENCRYPTION_KEYS="canary-Z0rr0")

    outcome = cli("connections", "list")

    assert (1, True) == (outcome.status, "HUB_ENCRYPTION_KEYS" in outcome.err)
    assert "Z0rr0" not in cli.everything


def test_old_schema_is_refused_until_it_is_upgraded(cli: Cli, opened: Hub) -> None:
    """A database of production is never migrated in passing."""
    version = "alembic_version"
    names = ["web", "worker", "scheduler", "db check"]
    if not opened.database.sqlite:  # the embedded one would be taken for empty
        names.append("connections list")
    with opened.database.writer.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {version} RENAME TO hidden")
    try:
        for name in names:
            outcome = cli(*name.split())
            assert 1 == outcome.status, name
            assert "run `hub db upgrade`" in outcome.err + outcome.out, name
    finally:
        with opened.database.writer.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE hidden RENAME TO {version}")


def test_empty_database_is_set_up(cli: Cli, tmp_path: Path) -> None:
    cli.setenv(HUB_DATA_DIR=str(tmp_path / "new"), HUB_DATABASE_URL="")

    assert (1, True) == (cli("db", "check").status, "(empty)" in cli("db", "check").out)
    assert "The schema was upgraded" in cli.done("db", "upgrade")
    assert "The schema is as it was" in cli.done("db", "upgrade")
    assert "up to date" in cli.done("db", "check")


def test_folder_that_cannot_be_written_says_so(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    cli.setenv(HUB_DATA_DIR=str(file), HUB_ENCRYPTION_KEYS="", HUB_DATABASE_URL="")

    outcome = cli("connections", "list")

    assert (1, True) == (outcome.status, "HUB_DATA_DIR" in outcome.err)


def test_doctor_looks_at_everything(cli: Cli) -> None:
    found = {each["name"]: each for each in json.loads(cli("doctor", "--json").out)}

    assert [
        "data folder",
        "keys",
        "database",
        "schema",
        "clock",
        "redis",
        "plugins",
        "connections",
        "processes",
        "open files",
        "base URL",
    ] == list(found)
    assert "ok" == found["redis"]["state"]
    assert "warning" == found["processes"]["state"]
    assert "hub worker" in found["processes"]["text"]
    assert 0 == cli("doctor").status


def test_doctor_fails_where_the_hub_would(cli: Cli) -> None:
    cli.setenv(HUB_REDIS_URL="redis://localhost:1", HUB_BASE_URL="http://hub.example")

    outcome = cli("doctor", "--json")

    failed = [e["name"] for e in json.loads(outcome.out) if e["state"] == "failed"]
    assert (1, ["redis", "base URL"]) == (outcome.status, failed)


def test_event_of_ones_own_is_published(cli: Cli, opened: Hub, tmp_path: Path) -> None:
    file = tmp_path / "alert.json"
    file.write_text('{"text": "Backup failed"}')

    said = json.loads(cli.done("emit", "alert.raised", "--data", str(file), "--json"))

    with opened.read() as session:
        event = session.scalars(select(Event)).one()
    assert {"id": str(event.id), "type": "alert.raised"} == said
    bad = cli("emit", "payment.received", "--data", "-", typed="{}")
    assert (1, True) == (bad.status, "can't be emitted" in bad.err)
    bad = cli("emit", "alert.raised", "--data", "-", typed="[]")
    assert (1, True) == (bad.status, "JSON object" in bad.err)


def test_message_waits_where_nobody_delivers(cli: Cli, opened: Hub) -> None:
    cli.done("connections", "add", "slack", "--set", f"webhook_url={URL}")

    said = cli.done("send", "slack", "Hello", "--to", "#ops")

    assert "no process makes deliveries" in said
    with opened.read() as session:
        row = session.scalars(select(Delivery)).one()
    assert ("#ops", "pending", {"text": "Hello", "blocks": []}) == (
        row.target,
        row.state,
        row.message,
    )


@pytest.mark.parametrize(("state", "status"), [("delivered", 0), ("dead", 1)])
def test_send_says_what_became_of_the_message(
    cli: Cli,
    opened: Hub,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    state: str,
    status: int,
) -> None:
    """A worker settles it while the command waits."""
    cli.done("connections", "add", "slack", "--set", f"webhook_url={URL}")
    blocks = tmp_path / "blocks.json"
    blocks.write_text('[{"type": "divider"}]')
    now = clock.now()
    with opened.write() as session:
        session.add(Worker(id="w", kind="deliver", started_at=now, seen_at=now))

    def work(seconds: float) -> None:
        with opened.write() as session:
            row = session.scalars(select(Delivery)).one()
            row.state, row.reason = state, "told so"

    monkeypatch.setattr("hub.core.deliveries.waiting.time.sleep", work)
    outcome = cli("send", "slack", "Hello", "--blocks", str(blocks), "--json")

    said = json.loads(outcome.out)
    assert (status, state, "told so") == (outcome.status, said["state"], said["reason"])


class Receiver(BaseHTTPRequestHandler):
    heard: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).heard.append((self.path, self.headers["X-Signature"], body))
        self.send_response(200 if b"good" in body else 401)
        self.end_headers()
        self.wfile.write(b'{"status": "accepted"}')

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    Receiver.heard = []
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_sample_is_posted_byte_by_byte(
    cli: Cli, receiver: HTTPServer, tmp_path: Path
) -> None:
    cli.setenv(HUB_BASE_URL=f"http://localhost:{receiver.server_port}")
    file = tmp_path / "paid.http"
    file.write_bytes(b"X-Signature: abc\nContent-Length: 9\n\n{ 'good' :1 }\r\n\xff")

    said = cli.done("replay", "sample", str(file), "--to", "paypal")

    assert '200 {"status": "accepted"}' in said
    body = b"{ 'good' :1 }\r\n\xff"
    assert [("/webhooks/paypal", "abc", body)] == Receiver.heard
    file.write_bytes(b"A: b\n\nbad")
    assert 1 == cli("replay", "sample", str(file), "--to", "paypal").status


def test_sample_without_a_hub_says_so(cli: Cli, tmp_path: Path) -> None:
    cli.setenv(HUB_BASE_URL="http://localhost:1")
    file = tmp_path / "paid.http"
    file.write_bytes(b"A: b\n\n{}")

    outcome = cli("replay", "sample", str(file), "--to", "paypal")

    assert (1, True) == (outcome.status, "start the hub" in outcome.err)


def test_a_defect_shows_neither_traceback_nor_text(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text may hold a row's values."""

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("canary-Z0rr0")

    monkeypatch.setattr("hub.core.people.accounts.tokens", fail)
    outcome = cli("tokens", "list")

    assert 1 == outcome.status
    assert "RuntimeError: this is a defect" in outcome.err
    assert "Z0rr0" not in cli.everything
    assert "Traceback" not in cli.everything


def test_reader_that_has_enough_is_no_error() -> None:
    program = (
        "import sys; sys.argv = ['hub', '--help']; from hub.cli import main; main()"
    )
    done = subprocess.run(  # noqa: S602 - a pipe is what this is about
        f'{sys.executable} -c "{program}" | head -1',
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)


def test_wrong_use_exits_with_2() -> None:
    assert 2 == execute(["--no-such-option"])
