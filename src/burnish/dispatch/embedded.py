"""Dispatch inside one process: asyncio tasks, no queue but the store itself.

Exactly one process may work on one store this way; ``worker.lock`` sees to it. At start every
unfinished job is handed out again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from burnish.dispatch.protocol import RunJob


class EmbeddedDispatcher:
    """Runs jobs as tasks of this process's event loop.

    Args:
        unfinished: gives the ids of all jobs that are not terminal, oldest first.
    """

    def __init__(self, unfinished: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._unfinished = unfinished
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._queued: set[str] = set()
        self._again: set[str] = set()  # announced while still winding down
        self._running: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def hand_over(self, connection: Any, job_id: str, priority: int = 0) -> None:
        """Nothing to do: the job row is the queue."""

    def announce(self, job_id: str) -> None:
        self._on_loop(lambda: self._enqueue(job_id, "submitted"))

    def announce_cancel(self, job_id: str) -> None:
        def interrupt() -> None:
            task = self._running.get(job_id)
            if task and not task.cancelling():  # once: a second would interrupt its orderly end
                task.cancel()

        self._on_loop(interrupt)

    async def work(self, run: RunJob, concurrency: int) -> None:
        """Hand every unfinished job out again, then take what is announced, until :meth:`stop`."""
        self._loop = asyncio.get_running_loop()
        for job_id in await self._unfinished():
            self._enqueue(job_id, "recovered at start")
        slots = asyncio.Semaphore(concurrency)
        while not self._stopping.is_set():
            await slots.acquire()
            taken = await self._next()
            if taken is None:
                slots.release()
                break
            job_id, reason = taken
            task = asyncio.create_task(run(job_id, reason), name=f"job-{job_id}")
            self._running[job_id] = task
            task.add_done_callback(partial(self._ended, job_id, slots))

    async def stop(self, grace_seconds: float = 10.0) -> None:
        self._stopping.set()
        running = list(self._running.values())
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _next(self) -> tuple[str, str] | None:
        getting = asyncio.create_task(self._waiting.get())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((getting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if self._stopping.is_set() or not getting.done():
                return None
            self._queued.discard(getting.result()[0])
            return getting.result()
        finally:
            getting.cancel()
            stopping.cancel()

    def _enqueue(self, job_id: str, reason: str) -> None:
        if job_id in self._running:
            self._again.add(job_id)
        elif job_id not in self._queued:
            self._queued.add(job_id)
            self._waiting.put_nowait((job_id, reason))

    def _ended(self, job_id: str, slots: asyncio.Semaphore, task: asyncio.Task[None]) -> None:
        self._running.pop(job_id, None)
        slots.release()
        if job_id in self._again:
            self._again.discard(job_id)
            self._enqueue(job_id, "announced again")
        if not task.cancelled() and (error := task.exception()):
            raise error  # the runner promises not to raise: let the loop's handler report the bug

    def _on_loop(self, action: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action)
