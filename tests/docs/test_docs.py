"""Documentation and code agree: hooks, events, settings, errors, commands."""

import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from marshmallow import missing

from hub.cli import cli
from hub.core.configuration.settings import CommonSettings
from hub.hookspecs import Hooks
from hub.plugins import Plugins
from hub.sdk import errors
from hub.sdk.events import EVENT_TYPES
from hub.sdk.provider import SettingsSchema, secret_keys

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text()


def headings(text: str) -> dict[str, str]:
    """Each heading of the third level with the text below it."""
    parts = re.split(r"^#{1,3} (.+)$", text, flags=re.MULTILINE)
    return {
        name.strip(): body.strip()
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def hooks() -> dict[str, str]:
    """Each hook with its arguments as a heading shows them."""
    found = {}
    for name, hook in vars(Hooks).items():
        if callable(hook) and not name.startswith("_"):
            arguments = list(inspect.signature(hook).parameters)[1:]
            found[name] = f"{name}({', '.join(arguments)})"
    return found


HOOKS = hooks()


def test_each_hook_has_a_heading_with_its_arguments() -> None:
    documented = {name for name in headings(page("hooks")) if "(" in name}

    assert set(HOOKS.values()) == documented


@pytest.mark.parametrize("hook", HOOKS.values())
def test_each_hook_has_a_paragraph(hook: str) -> None:
    duty = headings(page("hooks"))[hook]

    assert duty.endswith(".")
    assert "\n\n" not in duty, "one paragraph"


def test_each_event_type_has_its_heading() -> None:
    documented = {name for name in headings(page("events")) if "." in name}

    assert set(EVENT_TYPES) == documented


def test_each_error_is_on_its_page() -> None:
    tree = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.HubError)
    }

    assert tree == set(re.findall(r"\b[A-Z]\w+Error\b", page("errors"))) & tree
    assert tree == set(re.findall(r"\b[A-Z]\w+Error\b", errors.__doc__ or ""))


def variables(*globs: str) -> set[str]:
    """The variables of the environment that code reads."""
    files = [path for glob in globs for path in ROOT.glob(glob)]
    named = re.compile(r"""["'](HUB_[A-Z_]+)["']""")
    return {name for path in files for name in named.findall(path.read_text())}


def test_each_variable_of_the_installation_is_documented() -> None:
    read = variables("hub/**/*.py", "web/**/*.py", "plugins/*/hub_*/**/*.py")
    documented = set(re.findall(r"^\| `(HUB_[A-Z_]+)`", page("settings"), re.M))

    assert read == documented


def rows(section: str) -> dict[str, tuple[bool, str]]:
    """Key → (bold, default) of a settings table."""
    found = re.findall(r"^\| (\**)(\w+)\** \| ([^|]*?) ?\|", section, re.M)
    return {
        key: (bool(bold), default.strip())
        for bold, key, default in found
        if key not in ("key", "variable")
    }


PLUGINS = [plugin for plugin in Plugins.load().all() if plugin.provider]


def declared(schema: type[SettingsSchema]) -> dict[str, tuple[bool, str]]:
    secret = secret_keys(schema)
    return {
        key: (
            key in secret,
            "" if field.load_default is missing else str(field.load_default),
        )
        for key, field in schema().fields.items()
    }


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: str(plugin.name))
def test_each_setting_of_a_plugin_is_documented(plugin) -> None:
    """Key, default, and bold if it is secret."""
    documented = rows(headings(page("settings"))[plugin.name])

    assert declared(plugin.provider.settings) == documented


def test_common_settings_are_documented() -> None:
    documented = rows(headings(page("settings"))["Every connection"])

    assert set(declared(CommonSettings)) == set(documented)


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from commands(found, *path, name)


COMMANDS = dict(commands(cli, "hub"))


def test_each_command_is_documented() -> None:
    documented = re.findall(
        r"^\| `(hub [a-z -]+?)(?: [A-Z-][^`]*)?`", page("commands"), re.M
    )

    assert sorted(COMMANDS) == sorted(name.split(" --")[0] for name in documented)


def test_options_named_on_the_page_exist() -> None:
    for line in page("commands").splitlines():
        name = next((c for c in COMMANDS if line.startswith(f"| `{c}")), None)
        if name is None:
            continue
        known = {flag for p in COMMANDS[name].params for flag in p.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= known, line


PAGES = sorted(path.name for path in DOCS.glob("*.md"))


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (DOCS / name).read_text())
    local = {link for link in links if "://" not in link}

    assert set() == {link for link in local if not (DOCS / link).exists()}


@pytest.mark.parametrize("name", PAGES)
def test_commands_in_the_text_exist(name: str) -> None:
    """What is in backquotes and begins with `hub ` can be typed."""
    written = re.findall(r"`hub ([a-z][a-z -]*)", (DOCS / name).read_text())
    known = {words for command in COMMANDS for words in beginnings(command)}
    unknown = {
        text
        for text in written
        if " ".join(text.split(" --")[0].split()[:2]) not in known
        and text.split()[0] not in known
    }

    assert set() == unknown


def beginnings(command: str) -> Iterator[str]:
    """`db` and `db check` of `hub db check`; of a single word only itself."""
    words = command.split()[1:]
    yield words[0] if len(words) == 1 else " ".join(words)


def test_each_module_of_the_core_has_its_place_on_the_road() -> None:
    """The folders ledger, models and queries stand as a whole."""
    core = ROOT / "hub" / "core"
    whole = {"models", "ledger", "queries"}
    paths = (path for path in core.glob("**/*.py") if path.stem != "__init__")
    modules = Counter(path.stem for path in paths if path.parent.name not in whole)
    table = page("road").partition("## Where everything stands")[2]
    named = Counter(re.findall(r"`([a-z_]+)`", table.partition("## What rings")[0]))
    named -= Counter(["ctx"])

    assert modules == named, (modules - named, named - modules)
