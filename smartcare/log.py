"""Logs: one JSON object a line in production, readable in a terminal; ids only, never bodies, keys or names."""

import logging.config
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

KEY_IN_PATH = re.compile(r"(sc[dct](?:_|%5[fF])[a-z0-9]{4,32})(?:_|%5[fF])[A-Za-z0-9_\-%]{8,}")
KEY_IN_QUERY = re.compile(r"([?&](?:key|token|secret)=)(?!sc[dct](?:_|%5[fF]))[^&\s\"']+")
LINK_IN_PATH = re.compile(r"/(invitations|unsubscribe)/[^\s/?\"']+")


def scrub(text: str) -> str:
    """Keep a key's public half: a URL or header that holds a key must not put its secret into a log."""
    text = KEY_IN_QUERY.sub(r"\1…", KEY_IN_PATH.sub(r"\1_…", text))
    return LINK_IN_PATH.sub(r"/\1/…", text)


def scrub_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str) and ("sc" in value or "/" in value or "=" in value):
            event[name] = scrub(value)
    return event


ROOT = str(Path(__file__).resolve().parents[1]) + "/"
MOST_FRAMES = 25
# Their words tell of the program. Others quote what they stumbled over (a value, a row, a key): of those the kind alone is written.
PLAIN_SPOKEN = (TypeError, AttributeError, NameError, ImportError, NotImplementedError, RecursionError, MemoryError)


def tell_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Instead of `exc_info`: `exception`, from the last back to its cause, and `trace`, where it was raised, deepest last."""
    error = _error_of(event.pop("exc_info", None))
    if error is not None:
        event["exception"] = " < ".join(map(_in_words, _with_causes(error)))
        event["trace"] = _frames(error.__traceback__)
    return event


def _error_of(exc_info: Any) -> BaseException | None:
    if exc_info is True:
        exc_info = sys.exc_info()
    found = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    return found if isinstance(found, BaseException) else None


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in seen:
        seen.append(step)
        yield step
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)


def _in_words(error: BaseException) -> str:
    kind = type(error).__name__
    if sqlstate := getattr(error, "pgcode", None):
        return f"{kind} {sqlstate}"
    return f"{kind}: {str(error)[:200]}" if isinstance(error, PLAIN_SPOKEN) else kind


def _frames(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-MOST_FRAMES:]
    return [f"{frame.filename.removeprefix(ROOT)}:{frame.lineno} {frame.name}" for frame in frames]


class ScrubFilter(logging.Filter):
    """The same for records of libraries (Django's request log names paths)."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "_" in message or "=" in message or "%5" in message:
            cleaned = scrub(message)
            if cleaned != message:
                record.msg, record.args = cleaned, ()
        return True


def configure(*, debug: bool) -> None:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        scrub_event,
    ]
    terminal = sys.stderr.isatty() or debug
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    if not terminal:  # the console prints what was raised with all its words, to the one person before it
        shared.insert(-1, tell_exception)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"scrub": {"()": ScrubFilter}},
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processor": renderer,
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "structured", "filters": ["scrub"]},
            },
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {
                "django.request": {"level": "ERROR"},
                "django.security.DisallowedHost": {"level": "CRITICAL"},
                "celery": {"level": "WARNING"},
                "kombu": {"level": "WARNING"},
            },
        }
    )
