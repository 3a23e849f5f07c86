"""Settings as they are entered on a command line; secrets stay out of its history."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import click

from hub.sdk.errors import InvalidError

FORMS = (
    "KEY=VALUE; KEY=@FILE reads the value from a file, KEY=- asks for it (or reads a"
    " line of standard input), KEY=@@TEXT begins with one @"
)


def read(entered: Iterable[str]) -> dict[str, str]:
    """Read KEY=VALUE, KEY=@FILE and KEY=- as a mapping."""
    found: dict[str, str] = {}
    for text in entered:
        key, mark, value = text.partition("=")
        if not mark or not key:
            # The whole may be a secret that lost its key: it isn't repeated.
            raise click.UsageError("A setting is written KEY=VALUE.")
        found[key.strip().replace("-", "_")] = _value(key, value)
    return found


def read_json(file: TextIO) -> Any:
    """Read a file, or standard input, as JSON."""
    try:
        return json.load(file)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"The file is not JSON: {error}.") from None


def _value(key: str, value: str) -> str:
    if value == "-":
        return _asked(key)
    if value.startswith("@@"):
        return value[1:]
    if value.startswith("@"):
        return _of_file(key, Path(value[1:]))
    return value


def _asked(key: str) -> str:
    if sys.stdin.isatty():
        asked: str = click.prompt(key, hide_input=True, err=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")


def _of_file(key: str, path: Path) -> str:
    try:
        return path.read_text().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise click.UsageError(f"The file for {key} can't be read: {reason}.") from None
