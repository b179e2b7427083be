"""Logs: one line for each thing worth knowing, with the request it belongs to; JSON in production."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from settings import settings

SECRET = ("authorization", "token", "secret", "password", "code", "card")
QUIET = dict.fromkeys(("httpx", "httpcore", "tortoise", "arq", "uvicorn"), logging.WARNING)
_PROCESSORS: list[Any] = []
"""One list for ever: a logger keeps it from its first line on, and follows what it is told later."""


def _without_secrets(_logger: Any, _method: str, event: Any) -> Any:
    for name in event:
        if any(secret in name.lower() for secret in SECRET):
            event[name] = "…"
    return event


def _ours(record: logging.LogRecord) -> bool:
    """uvicorn logs as errors what its clients do: text on a socket that is no UTF-8, a stream that is not read to its end."""
    return not record.getMessage().startswith(("Invalid UTF-8", "ASGI callable returned without completing response"))


def configure_logs(process: str) -> None:
    """Both structlog's and the standard library's lines go to stdout, formed alike."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    as_json = settings().log_format == "json" or (settings().log_format == "auto" and not settings().development)
    last: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    _PROCESSORS[:] = [*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers, root.level = [handler], logging.getLevelName(settings().log_level)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger("uvicorn.error").addFilter(_ours)
    structlog.contextvars.bind_contextvars(process=process)
