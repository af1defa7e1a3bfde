"""Logs: one JSON object a line in production, readable in a terminal; ids only, never bodies, keys or names."""

import logging.config
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

KEY_IN_PATH = re.compile(r"(sc[dct]_[a-z0-9]{4,32})_[A-Za-z0-9_\-]{8,}")
LINK_IN_PATH = re.compile(r"/(invitations|unsubscribe)/[^\s/?\"']+")


def scrub(text: str) -> str:
    """Keep a key's public half: a URL or header that holds a key must not put its secret into a log."""
    return LINK_IN_PATH.sub(r"/\1/…", KEY_IN_PATH.sub(r"\1_…", text))


def scrub_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str) and ("sc" in value or "/" in value):
            event[name] = scrub(value)
    return event


class ScrubFilter(logging.Filter):
    """The same for records of libraries (Django's request log names paths)."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "_" in message:
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
                    "foreign_pre_chain": [*shared, structlog.processors.format_exc_info],
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
