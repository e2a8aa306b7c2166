"""Logs: to standard error, for people or as one JSON object a line.

Burnish's own lines and those of the libraries (uvicorn, mlflow, alembic, procrastinate, and Python's
warnings) go through the same handler: each carries time, level, logger and, inside an attempt, the job.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

import structlog

from burnish.redaction import redact

_LIBRARIES = logging.WARNING  # what they say below it is for their own developers


def configure_logs(log_format: str, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Once for each process. Every text is redacted before it is written.

    Args:
        log_format: ``console`` or ``json``.
        level: of Burnish's own lines; libraries are heard from warnings on, or from this level if higher.
        stream: standard error if ``None``.
    """
    stream = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a logger made early follows when logs are configured again
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redact_values,
            _renderer(log_format, stream),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, _LIBRARIES))
    logging.getLogger("burnish").setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught ends the process; it is logged like everything else."""
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        structlog.get_logger("burnish").critical("the process ends", exc_info=(kind, error, trace))


def _renderer(log_format: str, stream: TextIO) -> structlog.typing.Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(allow_nan=False)
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _redact_values(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    return {key: _redacted(value) for key, value in event.items()}


def _redacted(value: Any) -> Any:
    """The value as JSON has it, without secrets at any depth."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(inner) for inner in value]
    return redact(repr(value))
