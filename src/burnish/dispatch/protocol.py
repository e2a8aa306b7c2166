"""How a job reaches a worker. The queue only delivers; what is true stands in the store (the attempt)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

RunJob = Callable[[str, str], Coroutine[Any, Any, None]]
"""``(job_id, reason)`` → runs one attempt of the job; never raises for a job's own failure."""


class Dispatcher(Protocol):
    """Promises (``dispatch.testing.DispatcherContract``): a job handed over is run at least once,
    on some worker, until it is terminal; a dead worker's jobs are handed out again."""

    def hand_over(self, connection: Any, job_id: str, priority: int = 0) -> None:
        """Part of the store's transaction that creates or reopens a job. ``connection`` is the store's
        SQLAlchemy connection. Must not commit."""
        ...

    def announce(self, job_id: str) -> None:
        """The transaction has committed: start it soon. Thread-safe."""
        ...

    def announce_cancel(self, job_id: str) -> None:
        """A cancel was requested: interrupt the job if it runs here, or wherever it runs. Thread-safe."""
        ...

    async def work(self, run: RunJob, concurrency: int) -> None:
        """Take jobs and run them, until :meth:`stop`."""
        ...

    async def stop(self, grace_seconds: float = 10.0) -> None:
        """Take no more jobs; give the running ones back after ``grace_seconds``."""
        ...
