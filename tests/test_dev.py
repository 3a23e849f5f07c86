"""dev.py: set-up that asks for nothing, installs once and says what went wrong."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import dev


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with the metadata files of this one, and no .venv yet."""
    for path in [dev.ROOT / "setup.cfg", dev.ROOT / "pyproject.toml", dev.REQUIREMENTS]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    plugin = tmp_path / "plugins" / "example" / "pyproject.toml"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("[project]\n")
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    for name, value in {
        "ROOT": tmp_path,
        "VENV": venv,
        "BIN": venv / "bin",
        "PYTHON": venv / "bin" / "python",
        "STAMP": venv / "installed",
        "REQUIREMENTS": tmp_path / "requirements-dev.txt",
    }.items():
        monkeypatch.setattr(dev, name, value)
    return tmp_path


@pytest.fixture
def installs(tree: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was installed, without installing it."""
    done: list[str] = []

    def with_uv() -> bool:
        done.append("uv")
        return True

    monkeypatch.setattr(dev, "make_venv", dev.PYTHON.touch)
    monkeypatch.setattr(dev, "install_with_uv", with_uv)
    monkeypatch.setattr(dev, "install_with_pip", lambda: done.append("pip"))
    return done


def test_second_start_installs_nothing(installs: list[str]) -> None:
    dev.install()
    dev.install()

    assert ["uv"] == installs


def test_changed_plugin_metadata_installs_again(
    installs: list[str], tree: Path
) -> None:
    dev.install()
    (tree / "plugins/example/pyproject.toml").write_text("[project]\nversion = '2'\n")
    dev.install()

    assert ["uv", "uv"] == installs


def test_pip_installs_where_uv_cannot(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "install_with_uv", lambda: False)

    dev.install()

    assert ["pip"] == installs


def test_failed_installation_is_tried_again(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> bool:
        raise dev.SetupError("no network")

    with monkeypatch.context() as patched:
        patched.setattr(dev, "install_with_uv", fail)
        assert 1 == dev.main(["install"])

    dev.install()

    assert ["uv"] == installs


def test_uv_is_told_what_pip_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "global.index-url='https://mirror.example/simple'\n"
        "global.find-links='\\n/wheels\\n/more'\n"
        ":env:.cert='/certs.pem'\n"
        "global.timeout='60'\n"
    )
    monkeypatch.setattr(
        dev, "pip", lambda *_, quiet: subprocess.CompletedProcess([], 0, said)
    )
    for name in dev.PIP_TO_UV.values():
        monkeypatch.delenv(name, raising=False)

    settings = dev.uv_settings()

    assert "https://mirror.example/simple" == settings["UV_DEFAULT_INDEX"]
    assert "/wheels,/more" == settings["UV_FIND_LINKS"]
    assert "/certs.pem" == settings["SSL_CERT_FILE"]
    assert "60" not in settings.values()


def test_failed_pip_is_one_sentence_on_what_to_do(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed: subprocess.CompletedProcess[str] = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(dev, "make_venv", lambda: None)
    monkeypatch.setattr(dev, "install_with_uv", lambda: False)
    monkeypatch.setattr(dev, "pip", lambda *_, **__: failed)

    assert 1 == dev.main(["install"])
    assert "check the network and pip's index" in capsys.readouterr().err


def test_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))

    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is 3\.10"):
        runpy.run_path(str(Path(dev.__file__)))


def test_arguments_that_nobody_takes_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        dev.main(["install", "--fast"])

    assert "install takes no arguments, but got: --fast" in capsys.readouterr().err


def test_programs_of_the_environment_come_first() -> None:
    assert dev.environment()["PATH"].startswith(f"{dev.BIN}:")


@pytest.mark.parametrize(
    "name", ["dev.py", "requirements-dev.txt", "setup.cfg", ".ci/run", "Makefile"]
)
def test_no_package_host_is_written_down(name: str) -> None:
    text = (Path(dev.__file__).parent / name).read_text()

    assert [] == re.findall(r"https?://\S+|\bpypi\.\w+", text)
