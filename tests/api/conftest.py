"""The API under test, and callers of each role."""

import pytest
from flask import Flask

from hub.app import create_app
from hub.boot import Hub
from hub.plugins import Plugins
from tests.api.client import Caller, caller


@pytest.fixture
def app(hub: Hub) -> Flask:
    hub.plugins = Plugins.load()  # the real ones
    return create_app(hub)


@pytest.fixture
def admin(app: Flask, hub: Hub) -> Caller:
    return caller(app, hub, "admin")


@pytest.fixture
def billing(app: Flask, hub: Hub) -> Caller:
    return caller(app, hub, "billing")


@pytest.fixture
def ingest(app: Flask, hub: Hub) -> Caller:
    return caller(app, hub, "ingest")
