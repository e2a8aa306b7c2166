"""The ``burnish`` command in a process that kills itself at its n-th step.

A step lies before or behind a call of MLflow, or before, inside or behind a transaction of the store. The
file named by ``CHAOS_STEP_FILE`` says which one is the last: ``{"during": "submission", "step": 7}``, or
``"attempt"``; without the file the process lives. Steps are counted while a request is taken in, or while a
worker has a job, since the file was written.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILE = Path(os.environ["CHAOS_STEP_FILE"])


class Steps:
    """Counts, and kills."""

    def __init__(self) -> None:
        self.doing: dict[str, int] = {"submission": 0, "attempt": 0}
        self._wish: tuple[str, int] = ("", 0)
        self._passed = 0

    def one(self, where: str) -> None:
        """A step is over."""
        if not FILE.exists():
            return
        found = json.loads(FILE.read_text())
        wish = found["during"], found["step"]
        if wish != self._wish:
            self._wish, self._passed = wish, 0
        if self.doing[wish[0]]:
            self._passed += 1
            if self._passed >= wish[1]:
                print(f"killed during {wish[0]} at step {wish[1]}, {where}", file=sys.stderr, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """A call of this method is a step before it and one behind it."""
        real = getattr(owner, name)

        @functools.wraps(real)
        def call(*arguments: Any, **named: Any) -> Any:
            self.one(f"before {name}")
            found = real(*arguments, **named)
            self.one(f"behind {name}")
            return found

        setattr(owner, name, call)

    def inside(self, owner: Any, name: str) -> None:
        """The work that this method is given last ends with a step, before it is committed."""
        real = getattr(owner, name)

        @functools.wraps(real)
        def call(itself: Any, engine: Any, work: Callable[[Any], Any]) -> Any:
            def and_then(connection: Any) -> Any:
                found = work(connection)
                self.one(f"inside {name}")
                return found

            return real(itself, engine, and_then)

        setattr(owner, name, call)

    def during(self, owner: Any, name: str, what: str) -> None:
        """While this coroutine runs, steps are counted."""
        real = getattr(owner, name)

        @functools.wraps(real)
        async def run(*arguments: Any, **named: Any) -> Any:
            self.doing[what] += 1
            try:
                return await real(*arguments, **named)
            finally:
                self.doing[what] -= 1

        setattr(owner, name, run)


def count_steps() -> None:
    """Patch what does the work."""
    from burnish.service.jobs import Jobs
    from burnish.store import contents
    from burnish.store.database import Database
    from burnish.store.sql import contents as sql_contents
    from burnish.tracking.mlflow import MlflowTracker
    from burnish.worker.runner import JobRunner

    sql_contents._MOST_BYTES = 1  # the records are written in transactions of their own
    contents._CHUNK_CHARACTERS = 500
    steps = Steps()
    steps.inside(Database, "_transaction")
    steps.around(Database, "_transaction")
    for name, found in vars(MlflowTracker).items():
        if callable(found) and not name.startswith("_"):
            steps.around(MlflowTracker, name)
    steps.during(Jobs, "submit", "submission")
    steps.during(JobRunner, "__call__", "attempt")


if __name__ == "__main__":
    from burnish.cli.main import main

    count_steps()
    main()
