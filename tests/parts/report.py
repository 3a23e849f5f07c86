"""What was left out is said loudly; long and browser tests go where they belong."""

from collections import Counter

import pytest

BROWSER_FIXTURES = {"page", "context", "browser", "new_context"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long tests too")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    for item in items:
        if "long" in item.keywords and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason="long: dev.py test --long"))
        if BROWSER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
            # One worker drives the browser: two Chromiums on two cores time out.
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    loud = {"red": True, "bold": True}
    terminalreporter.write_sep("!", f"{len(skipped)} tests were SKIPPED", **loud)
    for reason, count in Counter(map(reason_of, skipped)).most_common():
        terminalreporter.write_line(f"{count:5} x {reason}", **loud)


def reason_of(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr)
