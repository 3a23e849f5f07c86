"""What commands print: tables and sentences for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click


def say(as_json: bool, data: Any, text: str) -> None:
    """Print `data` as JSON, or `text` for people."""
    click.echo(_json(data) if as_json else text)


def table(
    as_json: bool,
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    empty: str,
) -> None:
    """Print rows as a JSON list, or `columns` (key → heading) of them as a table;
    `empty` says what to do where there are none."""
    listed = list(rows)
    if as_json or not listed:
        click.echo(_json(listed) if as_json else empty)
        return
    show(list(columns.values()), [[row.get(key) for key in columns] for row in listed])


def show(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table. Only on a terminal does it fit a width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    found = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        found.add_row(*(_cell(value) for value in row))
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 10_000
        text = _captured(console, found)
        click.echo("\n".join(line.rstrip() for line in text.strip("\n").split("\n")))
        return
    console.print(found)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show that something is going on, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


def _captured(console: Any, what: Any) -> str:
    with console.capture() as capture:
        console.print(what)
    text: str = capture.get()
    return text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, default=str)
