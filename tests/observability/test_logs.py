"""Logs: one JSON object a line, whoever speaks; with the job in it, without secrets."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
import structlog

from burnish.mlflow_import import load_mlflow
from burnish.observability.logs import configure_logs

KEY = "sk-abcdefghijklmnop1234"


@pytest.fixture
def undo() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    configured = structlog.get_config()
    yield
    root.handlers, sys.excepthook = handlers, hook
    root.setLevel(level)
    logging.getLogger("burnish").setLevel(logging.NOTSET)
    logging.captureWarnings(False)
    structlog.configure(**configured)


@pytest.fixture
def lines(undo: None) -> Callable[[], list[dict[str, Any]]]:
    """What has been logged so far; fails where a line is no JSON object."""
    stream = io.StringIO()
    configure_logs("json", stream=stream)

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line, parse_constant=pytest.fail) for line in stream.getvalue().splitlines()]
        assert all(isinstance(entry, dict) for entry in found)
        return found

    return read


Lines = Callable[[], list[dict[str, Any]]]


def a_logger() -> Any:
    return structlog.get_logger("burnish.test")


def test_a_line_has_time_level_logger_and_job(lines: Lines) -> None:
    a_logger().bind(job_id="j1", attempt=2).info("job ended", status="COMPLETED")
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "job ended",
        "level": "info",
        "logger": "burnish.test",
        "job_id": "j1",
        "attempt": 2,
        "status": "COMPLETED",
    }


@pytest.mark.parametrize(
    "name",
    [
        "uvicorn.error",
        "mlflow.store.db.utils_",
        "alembic.runtime.migration",
        "procrastinate.worker",
        "asyncio",
    ],
)
def test_libraries_speak_through_the_same_pipe(lines: Lines, name: str) -> None:
    with structlog.contextvars.bound_contextvars(job_id="j1", attempt=2):
        logging.getLogger(name).warning("about %s\nand more", KEY)
    logging.getLogger(name).info("chatter")
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("about ***\nand more", "warning", name)
    assert (line["job_id"], line["attempt"]) == ("j1", 2)


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("uvicorn", lambda: import_module("uvicorn")),
        ("alembic", lambda: import_module("alembic")),
        ("procrastinate", lambda: import_module("procrastinate")),
        ("mlflow", load_mlflow),
    ],
)
def test_no_library_brings_a_handler_of_its_own(name: str, load: Callable[[], object]) -> None:
    load()
    ours = [
        logging.getLogger(known) for known in logging.root.manager.loggerDict if known.split(".")[0] == name
    ]
    assert ours
    for logger in ours:
        assert logger.propagate, logger.name
        assert not [h for h in logger.handlers if not isinstance(h, logging.NullHandler)], logger.name


def test_tracebacks_are_one_line_and_redacted(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = 'quo"ted\\words'
    monkeypatch.setenv("SOME_API_KEY", secret)
    try:
        raise ValueError(f"no entry with {secret}")
    except ValueError:
        a_logger().exception("it broke")
        logging.getLogger("uvicorn.error").exception("it broke, too")
    for line in lines():
        assert "Traceback" in line["exception"]
        assert "no entry with ***" in line["exception"]
        assert secret not in str(line["exception"])


def test_secrets_are_found_at_any_depth(lines: Lines) -> None:
    class Config:
        def __repr__(self) -> str:
            return f"Config(key={KEY})"

    a_logger().warning(
        "refused", headers={"a": ["Bearer " + KEY, (KEY,)]}, error=ValueError(KEY), config=Config()
    )
    (line,) = lines()
    assert KEY not in json.dumps(line)
    assert line["config"] == "Config(key=***)"


def test_what_json_does_not_have_is_written_in_words(lines: Lines) -> None:
    a_logger().info(
        "odd", nan=float("nan"), inf=float("inf"), raw=b"\x00", lone="\ud800", nothing=None, n=1.5
    )
    (line,) = lines()
    assert (line["nan"], line["inf"], line["raw"], line["nothing"], line["n"]) == (
        "nan",
        "inf",
        "b'\\x00'",
        None,
        1.5,
    )


def test_pythons_warnings_are_lines_too(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
    (line,) = lines()
    assert line["logger"] == "py.warnings"
    assert "old ways" in line["event"]


def test_an_uncaught_error_is_logged_the_same_way(lines: Lines) -> None:
    try:
        raise RuntimeError(f"a bug with {KEY}")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    (line,) = lines()
    assert line["level"] == "critical"
    assert "a bug with ***" in line["exception"]


def test_for_people(undo: None) -> None:
    stream = io.StringIO()
    configure_logs("console", stream=stream)
    try:
        raise ValueError(KEY)
    except ValueError:
        a_logger().exception("it broke", job_id="j1")
    a_logger().debug("chatter")
    logged = stream.getvalue()
    assert "it broke" in logged
    assert "job_id=j1" in logged
    assert "ValueError: ***" in logged
    assert "chatter" not in logged
