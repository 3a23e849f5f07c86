"""The parts themselves: each is what its fixture promises, and leaves nothing."""

import socket
from pathlib import Path

import pytest
import redis
import requests
from sqlalchemy import text

from hub.db import Database
from hub.schema import is_behind
from hub.settings import Settings
from tests.parts.network import NetworkForbiddenError
from tests.parts.valkey import Valkey


def test_database_is_real_and_migrated(
    database: Database, request: pytest.FixtureRequest
) -> None:
    with database.read() as session:
        name = session.get_bind().dialect.name
    assert request.node.callspec.params["database"] in name
    assert not is_behind(database)


@pytest.mark.parametrize("turn", [1, 2])
def test_database_is_empty_for_each_test(database: Database, turn: int) -> None:
    count = text("SELECT count(*) FROM companies")
    with database.read() as session:
        before = session.execute(count).scalar_one()
    assert before == 0
