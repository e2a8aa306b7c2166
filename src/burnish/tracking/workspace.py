"""MLflow's workspace that is worked in, for everything below that reaches MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from burnish.domain.job import DEFAULT_WORKSPACE

_workspace: ContextVar[str] = ContextVar("burnish_workspace", default=DEFAULT_WORKSPACE)


def current_workspace() -> str:
    return _workspace.get()


@contextmanager
def in_workspace(name: str) -> Iterator[None]:
    """What this task does, and the threads and tasks that it starts, is done in the workspace."""
    token = _workspace.set(name)
    try:
        yield
    finally:
        _workspace.reset(token)
