"""Logs hold what happened, and no secret."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from hub import log
from hub.sdk.redaction import Redactor
from hub.settings import Settings, load

CANARY = 'canary-"Z0rr0"+/sésame&'


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What this process logs, as JSON."""
    stream = io.StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger().level
    hooks = (sys.excepthook, threading.excepthook)
    log.configure(settings(), stream)
    log.hide("cnn_1", Redactor([CANARY]))
    yield stream
    log._hidden.clear()
    structlog.reset_defaults()
    logging.getLogger().handlers[:], _ = before
    logging.getLogger().setLevel(before[1])
    sys.excepthook, threading.excepthook = hooks


def settings(**environ: str) -> Settings:
    return load({"HUB_LOG_FORMAT": "json", **environ})


def parsed(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_step_is_one_line_with_its_ids(lines: io.StringIO) -> None:
    structlog.get_logger("hub.deliver").bind(connection="slack").info(
        "delivered", delivery="dlv_1", attempt=2
    )

    (line,) = parsed(lines)
    assert {
        "event": "delivered",
        "connection": "slack",
        "delivery": "dlv_1",
        "attempt": 2,
        "level": "info",
        "logger": "hub.deliver",
    } == {key: value for key, value in line.items() if key != "timestamp"}


@pytest.mark.parametrize(
    "values",
    [
        {"text": CANARY},
        {"deep": {"list": [f"x{CANARY}y"], "tuple": (CANARY,)}},
        {"object": ValueError(CANARY)},
        {"payload": json.dumps({"a": CANARY})},
        {"set": {CANARY}},
        {"bytes": CANARY.encode()},
    ],
)
def test_secrets_are_hidden_by_value_at_any_depth(
    lines: io.StringIO, values: dict[str, Any]
) -> None:
    """ROAD 42."""
    structlog.get_logger("hub").warning("it happened", **values)

    assert "Z0rr0" not in lines.getvalue()
    assert 1 == len(parsed(lines))


def test_secrets_are_hidden_by_field_name(lines: io.StringIO) -> None:
    """ROAD 42: values under 8 characters by field name only."""
    structlog.get_logger("hub").info(
        "call", password="short", headers={"Authorization": "Basic abc", "Host": "a.b"}
    )

    (line,) = parsed(lines)
    assert "[hidden]" == line["password"]
    assert {"Authorization": "[hidden]", "Host": "a.b"} == line["headers"]


def test_tracebacks_hold_no_secret(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"refused {CANARY}")
    except ValueError:
        structlog.get_logger("hub").exception("failed")

    (line,) = parsed(lines)
    assert "Traceback" in line["exception"]
    assert "ValueError: refused [hidden]" in line["exception"]


def test_other_libraries_lines_go_the_same_way(lines: io.StringIO) -> None:
    try:
        raise KeyError(CANARY)
    except KeyError:
        logging.getLogger("some.library").exception("oh %s", CANARY)

    (line,) = parsed(lines)
    assert ("oh [hidden]", "some.library") == (line["event"], line["logger"])
    assert "Z0rr0" not in lines.getvalue()


def test_chatter_of_other_libraries_is_left_out(lines: io.StringIO) -> None:
    """Even where they set their loggers' levels themselves."""
    for name, level in (
        ("rq.worker", "info"),
        ("urllib3.connectionpool", "warning"),
        ("rq.worker", "warning"),
        ("rqueue", "info"),
    ):
        logging.getLogger(name).setLevel("DEBUG")
        getattr(logging.getLogger(name), level)(f"{name} {level}")

    assert ["rq.worker warning", "rqueue info"] == [e["event"] for e in parsed(lines)]


def test_what_nobody_caught_is_a_line_too(lines: io.StringIO) -> None:
    def fail() -> None:
        raise RuntimeError(CANARY)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)

    assert ["uncaught", "uncaught"] == [line["event"] for line in parsed(lines)]
    assert "Z0rr0" not in lines.getvalue()


def test_keys_of_the_installation_are_hidden(lines: io.StringIO) -> None:
    key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    log.configure(
        settings(
            HUB_DATABASE_URL="postgresql://hub:databasepassword@db/hub",
            HUB_SECRET_KEY="a-secret-key-of-the-hub",
            HUB_ENCRYPTION_KEYS=key,
            HUB_REDIS_URL="redis://:redispassword@localhost",
        ),
        lines,
    )
    for text in ("databasepassword", "a-secret-key-of-the-hub", key, "redispassword"):
        structlog.get_logger("hub").info(f"it is {text}!")

    assert ["it is [hidden]!"] * 4 == [line["event"] for line in parsed(lines)]


def test_the_secret_before_the_last_change_stays_hidden(lines: io.StringIO) -> None:
    """A hook that began before the change still holds it."""
    log.hide("cnn_1", Redactor(["the second secret"]))
    structlog.get_logger("hub").info(f"{CANARY} the second secret")
    log.hide("cnn_1", Redactor(["the third secret"]))
    structlog.get_logger("hub").info("the second secret the third secret")

    assert ["[hidden] [hidden]"] * 2 == [line["event"] for line in parsed(lines)]
    assert 2 == len(log._hidden["cnn_1"])


def test_level_comes_from_the_settings(lines: io.StringIO) -> None:
    log.configure(settings(HUB_LOG_LEVEL="WARNING"), lines)
    structlog.get_logger("hub.a").info("no")
    structlog.get_logger("hub.a").warning("yes")

    assert ["yes"] == [line["event"] for line in parsed(lines)]


def test_people_get_text(lines: io.StringIO) -> None:
    log.configure(settings(HUB_LOG_FORMAT="console"), lines)
    structlog.get_logger("hub").info("delivered", text=CANARY, delivery="dlv_1")

    assert "delivered" in lines.getvalue()
    assert "delivery=dlv_1" in lines.getvalue()
    assert "Z0rr0" not in lines.getvalue()
