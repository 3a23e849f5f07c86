#!/usr/bin/env python3
"""Set up, run, test and check the hub; needs Python 3.11+ and nothing else."""

import argparse
import ast
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# Said before anything below can trip over it.
if sys.version_info < (3, 11):  # noqa: UP036 - the person may not know yet
    sys.exit(
        "The hub needs Python 3.11 or newer; this is {}.{}. Run dev.py with a newer "
        "one, for example: python3.12 dev.py run".format(*sys.version_info)
    )
if os.name != "posix":
    sys.exit("The hub runs on Linux and macOS; on Windows use WSL.")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
STAMP = VENV / "installed"
REQUIREMENTS = ROOT / "requirements-dev.txt"

# uv does not read pip's configuration: the same settings under uv's names.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "no-index": "UV_NO_INDEX",
}

CHECKS = (
    ("format", ("ruff", "format", "--check", ".")),
    ("lint", ("ruff", "check", ".")),
    ("types", ("mypy",)),
    ("imports", ("lint-imports",)),
    ("docs and shape", ("pytest", "-q", "tests/docs", "tests/shape")),
)


class SetupError(Exception):
    """What stopped the set-up, and what to do about it, in one sentence."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__)
    parser.add_argument("command", choices=COMMANDS, help=SUMMARY, metavar="COMMAND")
    parser.formatter_class = argparse.RawTextHelpFormatter
    # Whatever follows the command belongs to the program that the command starts.
    command = parser.parse_args(arguments[:1]).command
    extra = arguments[1:]
    if extra and command in {"install", "check"}:
        parser.error(f"{command} takes no arguments, but got: {shlex.join(extra)}")
    try:
        install()
        return COMMANDS[command](extra)
    except SetupError as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(extra: list[str]) -> int:
    """the hub with demo data and simulators (hub up --demo)"""
    return become("hub", "up", "--demo", *extra)


def test(extra: list[str]) -> int:
    """all tests; --long adds the long runs; the rest goes to pytest"""
    return become("pytest", "-n", "3", "--dist", "loadgroup", *extra)


def only_install(extra: list[str]) -> int:
    """set up .venv and stop"""
    print(f"Ready: {VENV}")
    return 0


def check(extra: list[str]) -> int:
    """format, lint, types, import contracts, documentation"""
    checks = [*CHECKS, *((f"types of {t}", ("mypy", t)) for t in plugin_tests())]
    failed = [name for name, command in checks if not passes(name, command)]
    print("\nFailed: " + ", ".join(failed) if failed else "\nAll checks passed.")
    return 1 if failed else 0


def plugin_tests() -> list[str]:
    """Plugins have test modules of the same name, which mypy takes one by one."""
    folders = {path.parent for path in ROOT.glob("plugins/*/tests/*.py")}
    return sorted(str(folder.relative_to(ROOT)) for folder in folders)


def bench(extra: list[str]) -> int:
    """measure the speed goals; arguments choose which"""
    return become("python", "-m", "bench", *extra)


def fix(extra: list[str]) -> int:
    """format the code and mend what ruff can mend"""
    call([BIN / "ruff", "check", "--fix", "--quiet", *extra, ROOT])
    return call([BIN / "ruff", "format", *extra, ROOT]).returncode


COMMANDS = {
    "run": run,
    "test": test,
    "install": only_install,
    "check": check,
    "bench": bench,
    "fix": fix,
}
SUMMARY = "\n".join(f"{name:9}{does.__doc__}" for name, does in COMMANDS.items())


def become(program: str, *arguments: str) -> int:
    """Replace this process, so that signals and the exit status are the program's."""
    os.chdir(ROOT)
    path = BIN / program
    if not path.exists():
        raise SetupError(f"{path} is missing: delete {VENV} and try again.")
    sys.stdout.flush()
    os.execve(path, [program, *arguments], environment())  # noqa: S606 - no shell


def passes(name: str, command: tuple[str, ...]) -> bool:
    print(f"\n== {name}: {shlex.join(command)}", flush=True)
    return call([BIN / command[0], *command[1:]]).returncode == 0


def call(
    command: Sequence[str | Path], quiet: bool = False, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        check=False,
        capture_output=quiet,
        text=True,
        env=environment(**variables),
    )


def environment(**variables: str) -> dict[str, str]:
    """The caller's, with .venv first and no other Python's settings leaking in."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONHOME"}
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**inherited, "VIRTUAL_ENV": str(VENV), "PATH": path, **variables}


def install() -> None:
    """Bring .venv up to date with the metadata files; costs nothing if it is."""
    import fcntl

    lock = os.open(ROOT, os.O_RDONLY)
    try:
        # Two dev.py at once must not install into one another.
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint()
        if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
            return
        print("Setting up .venv; the first time takes a minute or so.", flush=True)
        make_venv()
        if not install_with_uv():
            install_with_pip()
        STAMP.write_text(wanted)
    finally:
        os.close(lock)


def fingerprint() -> str:
    """A hash over each file that says what to install, and where this folder is."""
    digest = hashlib.sha256(str(ROOT).encode())
    files = [REQUIREMENTS, ROOT / "setup.cfg", ROOT / "pyproject.toml"]
    for path in [*files, *sorted(ROOT.glob("plugins/*/pyproject.toml"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_venv() -> None:
    if has_pip():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    tried = call([sys.executable, "-m", "venv", VENV], quiet=True)
    if tried.returncode == 0:
        return
    # Debian ships venv without ensurepip: an empty one, then pip from elsewhere.
    shutil.rmtree(VENV, ignore_errors=True)
    tried = call([sys.executable, "-m", "venv", "--without-pip", VENV], quiet=True)
    if tried.returncode == 0 and (which_uv() or bring_pip()):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    raise SetupError(
        f"{sys.executable} cannot make a virtual environment with pip in it: install "
        "your system's package for that (on Debian and Ubuntu: apt-get install "
        "python3-venv) or uv, then run this again."
    )


def has_pip() -> bool:
    return PYTHON.exists() and (
        pip("--version", quiet=True).returncode == 0
        or (which_uv() is not None and call([PYTHON, "-c", ""]).returncode == 0)
    )


def bring_pip() -> bool:
    """Put pip into a .venv made without it, from another pip or a wheel on disk."""
    others: list[list[str | Path]] = [[sys.executable, "-m", "pip"]]
    others += [[path] for path in map(shutil.which, ("pip3", "pip")) if path]
    into: list[str | Path] = ["--python", PYTHON, "install", "--quiet", "pip"]
    if any(call([*pip, *into], quiet=True).returncode == 0 for pip in others):
        return True
    return any(
        call([PYTHON, wheel / "pip", "install", "--no-index", wheel], True).returncode
        == 0
        for wheel in wheels_of_pip()
    )


def wheels_of_pip() -> list[Path]:
    """pip can be run from inside its own wheel; these are the ones on this disk."""
    folders = [Path("/usr/share/python-wheels"), Path("/usr/share/python3-wheels")]
    folders += [Path(f) for f in os.environ.get("PIP_FIND_LINKS", "").split()]
    return [wheel for f in folders for wheel in sorted(f.glob("pip-*.whl"))]


def which_uv() -> Path | None:
    if (BIN / "uv").exists():
        return BIN / "uv"
    found = shutil.which("uv")
    return Path(found) if found else None


def install_with_uv() -> bool:
    """Several times faster than pip; where it can't do the job, pip will."""
    if which_uv() is None:
        pip("install", "--quiet", "uv", quiet=True)
    uv = which_uv()
    if uv is None:
        return False
    # Compiled as by pip: else the first start, and where Python is told to write no
    # bytecode every start, is seconds slower.
    how = ("--quiet", "--compile-bytecode", "--python", PYTHON, "-r", REQUIREMENTS)
    installed = call([uv, "pip", "install", *how], quiet=True, **uv_settings())
    return installed.returncode == 0


def uv_settings() -> dict[str, str]:
    """What pip is told about indexes, certificates and proxies, for uv."""
    listing = pip("config", "list", quiet=True).stdout
    settings = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        variable = PIP_TO_UV.get(name.rpartition(".")[2])
        if variable and variable not in os.environ:
            separator = "," if variable == "UV_FIND_LINKS" else " "
            settings[variable] = separator.join(ast.literal_eval(value).split())
    return settings


def pip(
    *arguments: str | Path, quiet: bool = False
) -> subprocess.CompletedProcess[str]:
    return call([PYTHON, "-m", "pip", *arguments], quiet=quiet)


def install_with_pip() -> None:
    if pip("install", "--quiet", "-r", REQUIREMENTS).returncode:
        raise SetupError(
            "the dependencies could not be installed (pip's words are above): check "
            "the network and pip's index and proxy settings, then run this again."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
