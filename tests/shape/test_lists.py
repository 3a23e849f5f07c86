"""A plugin or module that is not in all the lists would not be checked."""

import tomllib
from configparser import ConfigParser
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
OPEN_TO_PLUGINS = {"hub.sdk", "hub.hookspecs"}
# Not modules that a plugin could import anything from.
NO_MODULES = {"hub.__init__", "hub.__main__", "hub.__pycache__", "hub.migrations"}

config = ConfigParser(interpolation=None)
config.read(ROOT / "setup.cfg")


def listed(section: str, key: str) -> set[str]:
    return set(config[section][key].split())


def packages() -> set[str]:
    return {f"hub_{plugin.name}" for plugin in PLUGINS}


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("importlinter", "root_packages"),
        ("importlinter:contract:plugins-see-the-sdk", "source_modules"),
        ("importlinter:contract:strangers", "modules"),
        ("importlinter:contract:no-plugin-by-name", "forbidden_modules"),
    ],
)
def test_import_contracts_know_each_plugin(section: str, key: str) -> None:
    assert packages() == listed(section, key) - {"hub", "web"}


def test_types_are_checked_in_each_plugin() -> None:
    folders = {f":$MYPY_CONFIG_FILE_DIR/plugins/{p.name}" for p in PLUGINS}

    assert folders == listed("mypy", "mypy_path") - {"$MYPY_CONFIG_FILE_DIR"}


def test_each_plugin_is_installed_for_development() -> None:
    wanted = (ROOT / "requirements-dev.txt").read_text().splitlines()

    assert {f"-e plugins/{p.name}" for p in PLUGINS} <= set(wanted)


def test_plugins_may_import_nothing_else_of_the_hub() -> None:
    modules = {
        f"hub.{path.stem}"
        for path in (ROOT / "hub").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    section = "importlinter:contract:plugins-see-the-sdk"
    forbidden = {m for m in listed(section, "forbidden_modules") if "hub." in m}

    assert modules - OPEN_TO_PLUGINS - NO_MODULES == forbidden


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_plugin_is_one_distribution_of_the_usual_shape(plugin: Path) -> None:
    name, package = plugin.name, f"hub_{plugin.name}"
    metadata = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]

    assert f"hub-plugin-{name}" == metadata["name"]
    assert {name: package} == metadata["entry-points"]["hub.plugins"]
    for needed in ("README.md", f"{package}/__init__.py", f"{package}/py.typed"):
        assert (plugin / needed).exists(), f"{name} lacks {needed}"


def test_installed_plugins_are_those_of_the_tree() -> None:
    installed = {entry.value for entry in entry_points(group="hub.plugins")}

    assert packages() <= installed


@pytest.mark.parametrize("package", ["hub", "web"])
def test_each_data_file_is_packaged(package: str) -> None:
    folder = ROOT / package
    patterns = listed("options.package_data", package)
    packaged = {path for pattern in patterns for path in folder.glob(pattern)}
    files = {path for path in folder.rglob("*") if path.is_file()}
    data = {path for path in files if path.suffix != ".pyc" and not is_module(path)}

    assert set() == data - packaged


def is_module(path: Path) -> bool:
    """Alembic's scripts lie in folders that are no packages: they are data."""
    return path.suffix == ".py" and (path.parent / "__init__.py").exists()
