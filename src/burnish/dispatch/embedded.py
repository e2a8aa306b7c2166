"""Dispatch inside one process: asyncio tasks, no queue but the store itself.

Exactly one process may work on one store this way; ``dispatch.lock`` sees to it. At start every
unfinished job is handed out again.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import structlog

from burnish.concurrency import cancel_and_wait
from burnish.dispatch.protocol import Delivery, Requeue, RunJob
from burnish.errors import ExperimentFull, StoreUnavailable

log = structlog.get_logger("burnish.dispatch")


class _Ticket(NamedTuple):
    """A job that waits for a place; the smallest is first."""

    minus_priority: int
    number: int
    delivery: Delivery


class EmbeddedDispatcher:
    """Runs jobs as tasks of this process's event loop.

    Args:
        unfinished: gives the ids of all jobs that are not terminal, oldest first.
        search_every_seconds: how often it looks for jobs that were not announced.
        sleep: waits until a delay is over.
    """

    def __init__(
        self,
        unfinished: Callable[[], Awaitable[Sequence[str]]],
        search_every_seconds: float = 2.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._unfinished = unfinished
        self._search_every_seconds = search_every_seconds
        self._sleep = sleep
        self._order = itertools.count()
        self._waiting: asyncio.PriorityQueue[_Ticket] = asyncio.PriorityQueue()
        self._queued: set[str] = set()
        self._again: set[str] = set()  # announced while still winding down
        self._full: dict[str, list[_Ticket]] = defaultdict(list)  # experiment → heap of what waits for it
        self._priorities: dict[str, int] = {}
        self._delayed: dict[str, tuple[_Ticket, asyncio.Task[None]]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def hand_over(self, connection: Any, job_id: str, priority: int = 0) -> None:
        """The job row is the queue; only its priority is remembered, until it runs."""
        if priority:
            self._priorities[job_id] = priority

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
        searching = asyncio.create_task(self._search())
        slots = asyncio.Semaphore(concurrency)
        try:
            while not self._stopping.is_set():
                await slots.acquire()
                ticket = await self._next()
                if ticket is None:
                    slots.release()
                    break
                job_id = ticket.delivery.job_id
                task = asyncio.create_task(self._run(run, ticket), name=f"job-{job_id}")
                self._running[job_id] = task
                task.add_done_callback(partial(self._ended, job_id, slots))
        finally:
            await cancel_and_wait(searching, *(waiting for _, waiting in self._delayed.values()))

    async def stop(self, grace_seconds: float = 10.0) -> None:
        self._stopping.set()
        running = list(self._running.values())
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _search(self) -> None:
        """Find jobs that were not announced here: another process may have written them."""
        while True:
            await asyncio.sleep(self._search_every_seconds)
            try:
                unfinished = await self._unfinished()
            except StoreUnavailable as away:
                log.warning("could not look for jobs", error=str(away))
                continue
            waiting = {ticket.delivery.job_id for tickets in self._full.values() for ticket in tickets}
            waiting.update(self._delayed)
            for job_id in unfinished:
                if job_id not in self._running and job_id not in waiting:
                    self._enqueue(job_id, "found waiting")

    async def _next(self) -> _Ticket | None:
        getting = asyncio.create_task(self._waiting.get())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((getting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if self._stopping.is_set() or not getting.done():
                return None
            ticket = getting.result()
            self._queued.discard(ticket.delivery.job_id)
            return ticket
        finally:
            getting.cancel()
            stopping.cancel()

    async def _run(self, run: RunJob, ticket: _Ticket) -> None:
        try:
            again = await run(ticket.delivery)
        except ExperimentFull as full:
            heapq.heappush(self._full[full.experiment_id], ticket)
            return
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                self._again.add(ticket.delivery.job_id)
            raise
        except Exception as bug:  # the runner promises not to raise; if it does, its neighbours go on
            log.error("a job broke its worker's code", job_id=ticket.delivery.job_id, exc_info=bug)
        else:
            if again is not None:
                self._delay(ticket, again)
        self._let_waiting_try()

    def _delay(self, ticket: _Ticket, again: Requeue) -> None:
        """Let the job wait without a place; it keeps its priority."""
        job_id = ticket.delivery.job_id
        ticket = ticket._replace(delivery=Delivery(job_id, again.reason, delayed=True))
        self._delayed[job_id] = (ticket, asyncio.create_task(self._wait_out(job_id, again.delay_seconds)))

    async def _wait_out(self, job_id: str, delay_seconds: float) -> None:
        await self._sleep(delay_seconds)
        self._end_delay(job_id)

    def _end_delay(self, job_id: str) -> None:
        ticket, waiting = self._delayed.pop(job_id)
        waiting.cancel()  # where it was announced before its time
        self._put(ticket._replace(number=next(self._order)))

    def _enqueue(self, job_id: str, reason: str) -> None:
        if job_id in self._running:
            self._again.add(job_id)
        elif job_id in self._delayed:
            self._end_delay(job_id)
        elif job_id not in self._queued:
            priority = self._priorities.pop(job_id, 0)
            self._put(_Ticket(-priority, next(self._order), Delivery(job_id, reason)))

    def _put(self, ticket: _Ticket) -> None:
        self._queued.add(ticket.delivery.job_id)
        self._waiting.put_nowait(ticket)

    def _let_waiting_try(self) -> None:
        """A job has ended: the first that waits for room in each experiment tries again."""
        for experiment_id, tickets in list(self._full.items()):
            self._put(heapq.heappop(tickets))
            if not tickets:
                del self._full[experiment_id]

    def _ended(self, job_id: str, slots: asyncio.Semaphore, task: asyncio.Task[None]) -> None:
        self._running.pop(job_id, None)
        slots.release()
        if job_id in self._again:
            self._again.discard(job_id)
            self._enqueue(job_id, "announced again")

    def _on_loop(self, action: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action)
