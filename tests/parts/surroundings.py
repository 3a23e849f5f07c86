"""Tests see the same surroundings everywhere: no developer's settings, no deadlines."""

import os

from hypothesis import settings

OURS = ("HUB_", "SLACK_", "PAYPAL_")
FOR_TESTS = "HUB_TEST_"


def pytest_configure() -> None:
    for name in list(os.environ):
        if name.startswith(OURS) and not name.startswith(FOR_TESTS):
            del os.environ[name]
    # Two cores shared with servers: how long one example takes says nothing.
    usual = settings.get_profile(settings.get_current_profile_name())
    settings.register_profile("hub", parent=usual, deadline=None)
    settings.load_profile("hub")
