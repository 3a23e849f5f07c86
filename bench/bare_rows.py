"""The other baseline: a Flask view that writes the same row, each in its own commit."""

import os
import sqlite3
import threading
import time
import uuid
from typing import Any

import psycopg
from flask import Flask, request

URL = os.environ["BARE_DATABASE"]  # a file of SQLite's, or postgresql://…
_COLUMNS = "id, connection, key, method, path, headers, body, size, received_at"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS rows (id {text} PRIMARY KEY, connection {text},"
    " key {text}, method {text}, path {text}, headers {bytes}, body {bytes},"
    " size INTEGER, received_at DOUBLE PRECISION, UNIQUE (connection, key))"
)

app = Flask(__name__)
_of_thread = threading.local()


@app.post("/hook")
def hook() -> tuple[str, int]:
    """Write the request into a row, commit, answer."""
    body = request.get_data()
    lines = "\n".join(f"{name}: {value}" for name, value in request.headers)
    id = str(uuid.uuid4())
    values = (id, "bare", id, "POST", "", lines.encode(), body, len(body), time.time())
    mark = "%s" if URL.startswith("postgresql") else "?"
    _connection().execute(
        f"INSERT INTO rows ({_COLUMNS}) VALUES ({', '.join([mark] * len(values))})"  # noqa: S608
        " ON CONFLICT DO NOTHING",
        values,
    )
    return "", 200


def prepare(url: str) -> None:
    """Make the table, once, before the server starts."""
    connection = _connected(url)
    types = ("TEXT", "BYTEA") if url.startswith("postgresql") else ("TEXT", "BLOB")
    connection.execute(_TABLE.format(text=types[0], bytes=types[1]))
    connection.close()


def _connection() -> Any:
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = _connected(URL)
    return _of_thread.connection


def _connected(url: str) -> Any:
    if url.startswith("postgresql"):
        return psycopg.connect(url, autocommit=True)
    connection = sqlite3.connect(url, timeout=30, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection
