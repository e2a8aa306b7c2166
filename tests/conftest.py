"""Fixtures that every test may use."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from burnish.mlflow_import import silence

# Nothing calls home from a test, and nothing is read from the developer's own environment.
silence()
for name in [name for name in os.environ if name.startswith(("BURNISH_", "OPENAI_", "ANTHROPIC_"))]:
    del os.environ[name]
os.environ.pop("MLFLOW_TRACKING_URI", None)

# Example timings vary with the machine's load: a slow example is no failure.
settings.register_profile("burnish", deadline=None)
settings.load_profile("burnish")

pytest_plugins = [
    "tests.new_databases",
    "tests.postgres_server",
    "tests.process_state",
    "tests.scheduling",
]


@pytest.fixture(autouse=True)
def _logs_are_left_as_they_were() -> Iterator[None]:
    """Commands under test configure the logs of the whole process."""
    root, ours = logging.getLogger(), logging.getLogger("burnish")
    handlers, level, our_level, hook = root.handlers[:], root.level, ours.level, sys.excepthook
    configured = structlog.get_config()
    yield
    root.handlers, sys.excepthook = handlers, hook
    root.setLevel(level)
    ours.setLevel(our_level)
    logging.captureWarnings(False)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # a server in this process set them up
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate, logger.disabled = [], True, False
    structlog.configure(**configured)
