"""Commands that are imported when they run, and what all commands have in common."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands stand in a table: name → (module:attribute, help)."""

    def __init__(
        self, *, commands_at: Mapping[str, tuple[str, str]], **options: Any
    ) -> None:
        super().__init__(**options)
        self._at = commands_at

    def list_commands(self, context: click.Context) -> list[str]:
        """The table's order."""
        return list(self._at)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import the command."""
        if name not in self._at:
            return None
        module, attribute = self._at[name][0].split(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def format_commands(
        self, context: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._at.items()])


def command(
    group: click.Group | None = None, *, name: str | None = None, example: str
) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command: with an example in its help, and `--json`, which is handed
    on as `as_json`."""

    def declare(function: Callable[..., Any]) -> click.Command:
        as_json = click.option(
            "--json", "as_json", is_flag=True, help="Print JSON, for programs."
        )
        made = click.command(name or function.__name__, epilog=epilog(example))(
            as_json(function)
        )
        if group is not None:
            group.add_command(made)
        return made

    return declare


def epilog(example: str) -> str:
    """The end of a help text; `\\b` keeps click from rewrapping the lines."""
    lines = example.strip().splitlines()
    title = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(("\b", title, *(f"  {line.strip()}" for line in lines)))
