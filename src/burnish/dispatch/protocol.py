"""How a job reaches a worker. The queue only delivers; what is true stands in the store (the attempt)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Delivery:
    """A job, brought to a worker.

    Attributes:
        reason: why now; for people.
        over_attempt: the attempt that is known to be dead; a job that runs in any other one is left
            alone (0: every attempt). ``None``: whatever ran is dead, since nobody else works here.
        delayed: whether this is the delivery that a :class:`Requeue` asked for.
    """

    job_id: str
    reason: str
    over_attempt: int | None = None
    delayed: bool = False


@dataclass(frozen=True, slots=True)
class Requeue:
    """Deliver the job again, not before a delay is over. Meanwhile it holds no place in any worker.

    Attributes:
        reason, over_attempt: of that delivery.
    """

    delay_seconds: float
    reason: str
    over_attempt: int | None = None


RunJob = Callable[[Delivery], Coroutine[Any, Any, Requeue | None]]
"""Runs one attempt at a job; never raises for a job's own failure. ``None``: the job is over, or somebody
else has it.

Raises:
    ExperimentFull: the job cannot begin yet; deliver it when another of its experiment has ended.
    asyncio.CancelledError: the job has been given back; deliver it again.
"""


class Dispatcher(Protocol):
    """Promises (``dispatch.testing.DispatcherContract``): a job handed over is run at least once,
    on some worker, until it is terminal; a dead worker's jobs are handed out again; a job that waits
    for its delay keeps no other from running; of waiting jobs the one with the highest priority is
    first, then the one handed over first."""

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
        """Take no more jobs; interrupt those that still run after ``grace_seconds``, so that they are
        given back."""
        ...
