"""A connection's form as it was sent: what changes, what is taken away."""

from collections.abc import Iterable, Mapping
from typing import Any

from hub.core.configuration.form import Setting


def read(
    settings: Iterable[Setting], given: Mapping[str, str], *, new: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Return changes and removals. An empty secret means unchanged; what the
    environment gives is not in the form at all."""
    changes: dict[str, Any] = {}
    gone: list[str] = []
    for setting in settings:
        if setting.source == "environment":
            continue
        key = setting.key
        if setting.kind == "secret" and given.get(f"remove-{key}"):
            gone.append(key)
        elif setting.kind == "switch":
            changes[key] = f"set-{key}" in given
        elif given.get(f"set-{key}", "").strip():
            # Browsers end the lines of a text field with CR LF.
            changes[key] = given[f"set-{key}"].replace("\r\n", "\n").strip()
        elif setting.kind != "secret" and setting.source == "stored" and not new:
            gone.append(key)
    return changes, gone
