"""A test run, watched from outside: skips, failures and sudden death."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts.run import missing

ROOT = Path(__file__).parents[2]


def run_pytest(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    with start_pytest(folder, *arguments, **variables) as tests:
        said, _ = tests.communicate()
        return tests.returncode, said


def start_pytest(
    folder: Path, *arguments: str, **variables: str
) -> subprocess.Popen[str]:
    """Run the tests in a folder with the parts that this suite has."""
    parts = (ROOT / "conftest.py").read_text()
    (folder / "conftest.py").write_text(parts)
    here = ["-c", f"{ROOT}/setup.cfg", f"--rootdir={folder}"]
    here += [f"--confcutdir={folder}", f"--output={folder}/output"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *here, *arguments, folder],
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def environment(**variables: str) -> dict[str, str]:
    outer = {"CI", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"}
    inherited = {k: v for k, v in os.environ.items() if k not in outer}
    return {**inherited, "PYTHONPATH": str(ROOT), **variables}


@pytest.fixture
def without_teapot(tmp_path: Path) -> Path:
    (tmp_path / "test_tea.py").write_text(
        "from tests.parts.run import missing\n"
        "def test_tea(): missing('The teapot', 'buy one')\n"
    )
    return tmp_path


def test_missing_part_is_skipped_loudly(without_teapot: Path) -> None:
    status, said = run_pytest(without_teapot)

    assert 0 == status, said
    assert "1 tests were SKIPPED" in said
    assert "1 x The teapot is missing: buy one" in said


def test_missing_part_fails_in_ci(without_teapot: Path) -> None:
    status, said = run_pytest(without_teapot, CI="true")

    assert 1 == status, said
    assert "The teapot is missing: buy one" in said


def test_long_tests_run_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "test_long.py").write_text(
        "import pytest\n@pytest.mark.long\ndef test_long(): ...\n"
    )

    assert "1 x long: dev.py test --long" in run_pytest(tmp_path)[1]
    assert "1 passed" in run_pytest(tmp_path, "--long")[1]


@pytest.mark.xdist_group("browser")
@pytest.mark.parametrize(
    ("markup", "complaint"),
    [
        ("<script>undefinedFunction()</script>", "undefinedFunction is not defined"),
        (
            '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">'
            "<script>document.title = 'run'</script>",
            "Content Security Policy directive",
        ),
    ],
)
def test_script_error_or_breach_of_csp_fails_a_browser_test(
    tmp_path: Path, markup: str, complaint: str
) -> None:
    (tmp_path / "test_page.py").write_text(
        f"def test_page(page):\n    page.set_content({markup!r})\n"
    )
    status, said = run_pytest(tmp_path)
    if " is missing: " in said:
        missing("Chromium or its driver", "see the other browser tests")

    assert 1 == status, said
    assert complaint in said


def test_settings_of_the_developer_do_not_leak_in(tmp_path: Path) -> None:
    (tmp_path / "test_environment.py").write_text(
        "import os\ndef test_it(): assert 'HUB_DATABASE_URL' not in os.environ\n"
    )

    status, said = run_pytest(tmp_path, HUB_DATABASE_URL="postgresql://live")

    assert 0 == status, said


def test_killed_run_leaves_no_server(tmp_path: Path) -> None:
    meeting = tmp_path / "meeting"
    os.mkfifo(meeting)
    (tmp_path / "test_forever.py").write_text(
        "import time\n"
        "def test_forever(redis_url, postgres, run):\n"
        f"    with open({str(meeting)!r}, 'w') as answer:\n"
        "        answer.write(f'{redis_url[7:]}\\n{run.kept}/postgres/.s.PGSQL.5432')\n"
        "    while True: time.sleep(0.1)\n"
    )
    with start_pytest(tmp_path, "-n", "1") as tests:
        connections = [connect(line) for line in meeting.read_text().splitlines()]
        tests.kill()
        for connection in connections:
            with connection:
                assert b"" == connection.recv(1), "a server closes when it ends"


def connect(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(address)
    return connection
