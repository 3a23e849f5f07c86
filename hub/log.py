"""Logs: one line per step, as JSON or for a terminal, with no secret in any of them.

Secrets are hidden by field name and by value (ROAD 42), in tracebacks too; what
other libraries log goes the same way.
"""

import logging
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import urlsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from hub.sdk.redaction import HIDDEN, Redactor, is_secret_name
from hub.settings import Settings

_PLAIN = (int, float, bool, type(None))
# By key (a connection's id): the newest, and the one before for calls under way.
_hidden: dict[str, tuple[Redactor, ...]] = {}
# Below these levels their lines say nothing that ours don't. Some set their loggers'
# levels themselves, so it is the handler that looks.
_QUIET: Mapping[str, int] = {
    "alembic": logging.WARNING,
    "gunicorn.access": logging.WARNING,
    "rq": logging.WARNING,
    "urllib3": logging.ERROR,
}


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Set up logging for this process, to standard error if nothing else is said."""
    hide("", _installation(settings))
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(settings),
            ],
        )
    )
    handler.addFilter(_worth_it)
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def hide(key: str, redactor: Redactor) -> None:
    """Hide what `redactor` knows in all lines from now on; it takes the place of
    the one before the last under this key."""
    known = _hidden.get(key, ())
    if redactor not in known:
        _hidden[key] = (redactor, *known[:1])


def redact(text: str) -> str:
    """Take every secret this process knows out of a text."""
    for redactors in tuple(_hidden.values()):
        for redactor in redactors:
            text = redactor.text(text)
    return text


def redact_event(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The processor: hide secrets by field name and by value, at any depth."""
    return {key: _redacted(key, value) for key, value in event.items()}


def _redacted(key: str, value: Any) -> Any:
    if value and is_secret_name(key):
        return HIDDEN
    if key in _STRUCTLOGS or isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {str(k): _redacted(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", item) for item in value]
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return redact(value if isinstance(value, str) else repr(value))


def _worth_it(record: logging.LogRecord) -> bool:
    return all(
        record.levelno >= least
        for name, least in _QUIET.items()
        if record.name == name or record.name.startswith(f"{name}.")
    )


_STRUCTLOGS = ("_record", "_from_structlog")


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact_event,
    ]


def _renderer(settings: Settings) -> Processor:
    if settings.log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def _installation(settings: Settings) -> Redactor:
    known = [settings.secret_key, *settings.encryption_keys]
    for url in (settings.database_url, settings.redis_url or ""):
        known.append(urlsplit(url).password)
    return Redactor(filter(None, known))


def _uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger("hub").critical("uncaught", exc_info=(kind, error, trace))


def _uncaught_in_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is not None and raised.exc_type is not SystemExit:
        _uncaught(raised.exc_type, raised.exc_value, raised.exc_traceback)
