"""`hub plugins`: broken ones are shown with their error and harm nobody."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

HEAD = """
from hub.hookspecs import hookimpl
from hub.sdk.provider import Provider, SettingsSchema, text

class Settings(SettingsSchema):
    name = text("Name")

def provider(**options):
    return Provider(title="P", category="other", summary="S", **options)
"""
GOOD = """
@hookimpl
def describe_provider():
    return provider(name="{name}", settings=Settings)
"""
BROKEN = {
    "no-import": ("raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
    "bad-schema": (
        HEAD + GOOD.replace("settings=Settings", "settings=dict"),
        "must be a marshmallow Schema class",
    ),
    "unknown-setting": (
        HEAD + GOOD.replace("Settings)", "Settings, required=(('key',),))"),
        "requires settings it doesn't declare: ['key']",
    ),
    "unknown-hook": (
        HEAD + GOOD + "@hookimpl\ndef on_payment_eaten(event, ctx): ...\n",
        "on_payment_eaten",
    ),
    "wrong-signature": (
        HEAD + GOOD + "@hookimpl\ndef on_payment_received(event, context): ...\n",
        "context",
    ),
    "no-provider": (HEAD, "no describe_provider"),
    "failing": (
        HEAD + "@hookimpl\ndef describe_provider():\n    return 1 / 0\n",
        "describe_provider failed: division by zero",
    ),
    "misnamed": (HEAD + GOOD.replace("{name}", "else"), "named 'else'"),
}


def install(folder: Path, name: str, code: str, distribution: str = "") -> None:
    """Install a plugin as pip would: a module beside its metadata."""
    package = distribution or f"hub-plugin-{name}"
    module = package.replace("-", "_")
    (folder / f"{module}.py").write_text(code.replace("{name}", name))
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(f"[hub.plugins]\n{name} = {module}\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder Python looks for distributions in."""
    found = tmp_path / "site"
    found.mkdir()
    monkeypatch.syspath_prepend(found)
    return found


def listed(cli: Cli) -> dict[str, tuple[str, str]]:
    rows = json.loads(cli.done("plugins", "list", "--json"))
    return {row["name"]: (row["state"], row["error"]) for row in rows}


def test_each_broken_plugin_is_listed_with_its_error(cli: Cli, folder: Path) -> None:
    for name, (code, _) in BROKEN.items():
        install(folder, name, code)
    install(folder, "fine", HEAD + GOOD)
    install(folder, "twin", HEAD + GOOD, "first-twin")
    install(folder, "twin", HEAD + GOOD, "second-twin")

    found = listed(cli)

    for name, (_, said) in BROKEN.items():
        assert "broken" == found[name][0], name
        assert said in found[name][1]
    assert "broken" == found["twin"][0]
    assert "first-twin and second-twin" in found["twin"][1]
    assert ("available", "") == found["fine"]
    assert ("available", "") == found["slack"]
    for name in BROKEN:
        outcome = cli("plugins", "check", name)
        assert (1, True) == (outcome.status, "is broken" in outcome.err)


def test_broken_plugin_cannot_be_connected_or_enabled(cli: Cli, folder: Path) -> None:
    install(folder, "no-import", BROKEN["no-import"][0])

    for arguments in (("plugins", "enable"), ("connections", "add")):
        outcome = cli(*arguments, "no-import")
        assert (1, True) == (outcome.status, "no such luck" in outcome.err)
    assert "no such luck" in cli("doctor").out


def test_plugin_that_broke_later_holds_its_connections_only(
    cli: Cli, folder: Path
) -> None:
    install(folder, "shaky", HEAD + GOOD)
    cli.done("connections", "add", "shaky")
    cli.done("connections", "add", "slack")
    (folder / "hub_plugin_shaky.py").write_text("import nothing_of_this_name")
    import sys

    del sys.modules["hub_plugin_shaky"]
    rows = json.loads(cli.done("connections", "list", "--json"))

    problems = {row["slug"]: row["problem"] for row in rows}
    assert "nothing_of_this_name" in problems["shaky"]
    assert "webhook_url" in problems["slack"]
    assert 0 == cli("connections", "show", "shaky").status
    assert 0 == cli("connections", "remove", "shaky").status


def test_switching_a_plugin(cli: Cli) -> None:
    cli.done("connections", "add", "slack")
    assert "enabled" == listed(cli)["slack"][0]
    assert "slack is disabled" in cli.done("plugins", "disable", "slack")
    assert "disabled" == listed(cli)["slack"][0]
    assert "slack is enabled" in cli.done("plugins", "enable", "slack")
    assert "enabled" == listed(cli)["slack"][0]


def test_check_names_hooks_and_settings(cli: Cli) -> None:
    found = json.loads(cli.done("plugins", "check", "slack", "--json"))

    assert "on_payment_received" in found["hooks"]
    assert "webhook_url" in found["settings"]
