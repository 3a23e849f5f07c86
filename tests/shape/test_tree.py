"""The tree stays easy to enter: names, docstrings, sizes, and no trace of a machine."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A folder of somebody's machine at the start of a word, not a part of a URL.
MACHINE_PATH = re.compile(rb"(?<![\w./:-])/(?:work|root|home|Users)/[\w.-]")
DRAWERS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "managers",
    "misc",
}

LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
# What is longer, and why it is better so.
LONGER_MODULES = {
    "hub/sdk/simulator.py": "one class: what every simulator inherits",
}
LONGER_FUNCTIONS: dict[str, str] = {}


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout: there is no list of the files that count")
    files = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in files if path.is_file()]


def modules() -> list[Path]:
    """Our own modules, without tests and generated migrations."""
    found = [*ROOT.glob("hub/**/*.py"), *ROOT.glob("web/**/*.py")]
    found += [*ROOT.glob("plugins/*/hub_*/**/*.py"), ROOT / "dev.py"]
    return [path for path in found if "versions" not in path.parts]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function's name and length."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield f"{name_of(path)}:{node.name}", node.end_lineno - node.lineno + 1


def test_no_file_names_a_folder_of_one_machine() -> None:
    found = {
        f"{name_of(path)}: {match.group().decode()}"
        for path in tracked()
        for match in MACHINE_PATH.finditer(path.read_bytes())
    }

    assert set() == found


def test_no_module_is_a_drawer() -> None:
    found = {name_of(p) for p in tracked() if p.suffix == ".py" and p.stem in DRAWERS}

    assert set() == found


def test_each_module_says_what_it_is_for() -> None:
    silent = {
        name_of(path)
        for path in [*modules(), *ROOT.glob("tests/**/*.py")]
        if (code := path.read_bytes()) and not ast.get_docstring(ast.parse(code))
    }

    assert set() == silent


def test_modules_stay_short() -> None:
    long = {
        name_of(path)
        for path in modules()
        if len(path.read_text().splitlines()) > LONGEST_MODULE
    }

    assert set(LONGER_MODULES) == long


def test_functions_stay_short() -> None:
    long = {
        name
        for path in modules()
        for name, lines in functions(path)
        if lines > LONGEST_FUNCTION
    }

    assert set(LONGER_FUNCTIONS) == long


def test_each_hook_is_specified_in_one_sentence() -> None:
    from hub.hookspecs import Hooks

    hooks = {n: h for n, h in vars(Hooks).items() if callable(h) and n[0] != "_"}
    wordy = {
        name
        for name, hook in hooks.items()
        if not re.fullmatch(
            r"[^.]+(\.\w[^.]*)*\.", " ".join((hook.__doc__ or "").split())
        )
    }

    assert hooks
    assert set() == wordy
