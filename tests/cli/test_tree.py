"""The tree of commands: quick, helpful, the same everywhere."""

import json
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from hub.cli import _COMMANDS, cli

HEAVY = (
    "sqlalchemy",
    "flask",
    "requests",
    "rich",
    "cryptography",
    "structlog",
    "hub.core",
)


def walk(command: click.Command, *path: str) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from walk(found, *path, name)


TREE = dict(walk(cli, "hub"))
LEAVES = [path for path, found in TREE.items() if not isinstance(found, click.Group)]


def test_help_imports_nothing_heavy() -> None:
    """Goal 6 of the speed goals: `hub --help` is quick."""
    program = (
        "import json, sys\n"
        "from hub import cli\n"
        "try: cli.execute(['--help'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    imported = set(json.loads(done.stdout.splitlines()[-1]))

    assert "Everything in one command" in done.stdout
    assert set() == imported & set(HEAVY)


@pytest.mark.parametrize("path", TREE)
def test_help_of_each_command_has_an_example(path: str) -> None:
    context = click.Context(TREE[path], info_name=path)
    text = TREE[path].get_help(context)
    examples = text.partition("Example")[2]

    assert path.rsplit(maxsplit=1)[-1] in examples
    assert "hub " in examples
    assert (TREE[path].help or "").strip()


@pytest.mark.parametrize("path", LEAVES)
def test_each_command_prints_json_on_request(path: str) -> None:
    assert "--json" in [flag for p in TREE[path].params for flag in p.opts]


@pytest.mark.parametrize("name", _COMMANDS)
def test_short_help_is_that_of_the_command(name: str) -> None:
    """The table is read before the command is imported."""
    found = TREE[f"hub {name}"]
    said = _COMMANDS[name][1]

    assert said.endswith(".")
    if isinstance(found, click.Group):
        assert (found.help or "").split(":")[0].rstrip(".") in said.replace(":", "")


def test_tree_is_the_promised_one() -> None:
    """DESIGN section 5, as far as its machinery exists; names never change."""
    assert {
        *("up", "web", "worker", "scheduler", "sim", "doctor", "send", "emit", "sync"),
        *("db upgrade", "db check", "secrets rotate", "secrets new-key"),
        *("users create", "users link"),
        *("tokens create", "tokens list", "tokens revoke"),
        *("plugins list", "plugins enable", "plugins disable", "plugins check"),
        *(f"connections {name}" for name in CONNECTIONS),
        *("config export", "config import"),
        *("replay webhook", "replay delivery", "replay sample"),
    } == {path.removeprefix("hub ") for path in LEAVES}


CONNECTIONS = ("list", "add", "set", "show", "enable", "disable", "test", "remove")
