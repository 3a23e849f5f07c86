"""`hub connections`, `hub plugins`, `hub config`: settings by command line."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from hub.boot import Hub
from hub.core.models import Worker
from hub.db import Database
from hub.sdk import clock
from tests.cli.conftest import Cli

CANARY = "https://hooks.slack.com/services/T00/B00/canaryZ0rr0sesame"
TOKEN = "xoxb-canary-Z0rr0-token"
SIGNING = "canary-Z0rr0-signing-secret"


def shown(cli: Cli, slug: str = "slack") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli.done("connections", "show", slug, "--json"))
    return found


def test_a_connection_from_nothing_to_gone(cli: Cli) -> None:
    said = cli.done("connections", "add", "slack")
    assert "slack is added and its state setup. Missing: webhook_url." in said
    said = cli.done("connections", "set", "slack", f"webhook_url={CANARY}")
    assert "its state active" in said
    assert "is disabled" in cli.done("connections", "disable", "slack")
    assert "its state active" in cli.done("connections", "enable", "slack")
    assert "removed" in cli.done("connections", "remove", "slack")
    assert "There are no connections" in cli.done("connections", "list")
    assert "Z0rr0" not in cli.everything


def test_secrets_come_by_file_or_prompt_and_never_back(
    cli: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    cli.done(
        *("connections", "add", "slack", "--set", f"bot_token=@{file}"),
        *("--set", "signing_secret=-"),
        typed=f"{SIGNING}\n",
    )
    cli.done("connections", "show", "slack")

    settings = shown(cli)["settings"]
    assert ("set", "set", "missing") == (
        settings["bot_token"],
        settings["signing_secret"],
        settings["webhook_url"],
    )
    cli.done("config", "export")
    cli.done("plugins", "list")
    cli.done("doctor", "--json")
    cli("connections", "set", "slack", f"signing_secret={SIGNING}", f"x={TOKEN}")
    cli("connections", "set", "slack", TOKEN)
    cli("connections", "set", "slack", "webhook_url=http://Z0rr0.example/x")
    assert "Z0rr0" not in cli.everything


def test_values_that_begin_with_an_at_sign_are_possible(cli: Cli) -> None:
    cli.done("connections", "add", "slack", "--set", "channel=@@ada")

    assert "@ada" == shown(cli)["settings"]["channel"]


def test_environment_wins_and_shows_as_such(cli: Cli) -> None:
    cli.done("connections", "add", "slack", "--set", "channel=#stored")
    cli.setenv(SLACK_WEBHOOK_URL=CANARY, SLACK_CHANNEL="#from-outside")

    found = shown(cli)
    assert "set by environment" == found["settings"]["webhook_url"]
    assert "#from-outside" == found["settings"]["channel"]
    assert ["channel", "webhook_url"] == sorted(found["environment"])
    assert "#from-outside (environment)" in cli.done("connections", "show", "slack")
    assert "Z0rr0" not in cli.everything


def test_second_connection_takes_its_own_variables(cli: Cli) -> None:
    cli.setenv(SLACK_2_WEBHOOK_URL=CANARY)
    cli.done("connections", "add", "slack")

    said = json.loads(cli.done("connections", "add", "slack", "--json"))

    assert ("slack-2", "active") == (said["slug"], said["state"])


def test_unset_takes_a_secret_away(cli: Cli) -> None:
    cli.done("connections", "add", "slack", "--set", f"bot_token={TOKEN}")

    said = cli.done("connections", "set", "slack", "--unset", "bot_token")

    assert "its state setup" in said
    assert "missing" == shown(cli)["settings"]["bot_token"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("connections", "show", "nowhere"), 1, "There is no connection 'nowhere'."),
        (("connections", "add", "nothing"), 1, "There is no plugin 'nothing'."),
        (("connections", "add", "slack", "--slug", "A!"), 1, "A slug is made of"),
        (("connections", "add", "slack", "--set", "a=b"), 1, "Slack has no setting a"),
        (("connections", "add", "slack", "--set", "a"), 2, "written KEY=VALUE"),
        (("connections", "add", "slack", "--set", "a=@/no"), 2, "can't be read"),
        (("connections", "set", "slack"), 2, "Say what to change"),
        (("connections",), 2, "Usage"),
        (("connections", "add"), 2, "Missing argument"),
        (("config", "import", "/nowhere"), 2, "No such file"),
    ],
)
def test_errors_are_one_sentence_on_standard_error(
    cli: Cli, arguments: tuple[str, ...], status: int, said: str
) -> None:
    outcome = cli(*arguments)

    assert (status, "") == (outcome.status, outcome.out)
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_a_passing_test_says_what_the_provider_said(cli: Cli) -> None:
    cli.done("connections", "add", "slack", "--set", f"bot_token={TOKEN}")
    with requests_mock.Mocker() as slack:
        slack.post(requests_mock.ANY, json={"ok": True, "team": "T", "user": "hub"})
        outcome = cli("connections", "test", "slack", "--json")

    assert (0, True) == (outcome.status, json.loads(outcome.out)["ok"]), outcome
    assert "Z0rr0" not in cli.everything


def test_a_failing_test_exits_with_1(cli: Cli) -> None:
    cli.done("connections", "add", "slack", "--set", f"webhook_url={CANARY}")
    with requests_mock.Mocker() as slack:
        slack.post(requests_mock.ANY, status_code=403, text=f"no {CANARY}")
        outcome = cli("connections", "test", "slack")

    assert 1 == outcome.status
    assert "Slack" in outcome.out
    assert "Z0rr0" not in cli.everything


def test_commands_wait_for_running_processes(
    cli: Cli, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("hub.core.configuration.revision.time.sleep", waits.append)
    now = clock.now()
    with hub.write() as session:
        session.add(Worker(id="w", kind="web", started_at=now, seen_at=now))

    cli.done("connections", "add", "slack")
    cli.done("plugins", "disable", "slack")

    assert 2 == len(waits)


def test_configuration_moves_without_its_secrets(
    cli: Cli, tmp_path: Path, database: Database
) -> None:
    cli.done(
        *("connections", "add", "slack", "--set", f"webhook_url={CANARY}"),
        *("--set", "channel=#a", "--set", "rate_limit=3"),
    )
    cli.done("connections", "add", "slack", "--slug", "other")
    cli.done("connections", "disable", "other")
    file = tmp_path / "hub.json"
    file.write_text(cli.done("config", "export"))
    before = json.loads(file.read_text())
    assert ["webhook_url"] == before["connections"][1]["secrets"]

    cli.done("connections", "set", "slack", "channel=#b", "rate_limit=")
    cli.done("connections", "remove", "other")
    cli.done("plugins", "disable", "slack")
    said = json.loads(cli.done("config", "import", str(file), "--json"))

    assert {"added": ["other"], "changed": ["slack"]} == {
        key: said[key] for key in ("added", "changed")
    }
    assert before == json.loads(cli.done("config", "export"))
    assert "Nothing had to be changed" in cli.done("config", "import", str(file)) or (
        said["incomplete"] == ["other"]
    )
    assert "set" == shown(cli)["settings"]["webhook_url"]
    assert "Z0rr0" not in cli.everything


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "no configuration of the hub"),
        ('{"version": 1, "plugins": []}', "plugins must look like"),
        ('{"version": 1, "connections": [{"slug": 1}]}', "needs slug"),
        (
            '{"version": 1, "connections": [{"slug": "slack", "plugin": "slack"},'
            '{"slug": "x", "plugin": "slack", "settings": {"bot_token": "Z0rr0"}}]}',
            "bot_token is secret",
        ),
    ],
)
def test_bad_configuration_changes_nothing(
    cli: Cli, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "hub.json"
    file.write_text(content)

    outcome = cli("config", "import", str(file))

    assert 1 == outcome.status
    assert said in outcome.err
    assert "There are no connections" in cli.done("connections", "list")
    assert "Z0rr0" not in cli.everything
