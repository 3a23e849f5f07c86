"""The real parts that tests run on, for tests/ and for the tests of each plugin."""

pytest_plugins = (
    "tests.parts.run",
    "tests.parts.surroundings",
    "tests.parts.network",
    "tests.parts.valkey",
    "tests.parts.postgres",
    "tests.parts.database",
    "tests.parts.hub",
    "tests.parts.bank",
    "tests.parts.browser",
    "tests.parts.report",
)
