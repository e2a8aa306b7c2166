"""Dispatch over many machines, by Procrastinate on the store's own PostgreSQL.

The queue only delivers. Jobs run as tasks of this process and outlive a lost connection: when
PostgreSQL comes back the worker registers again and keeps its messages. A job is taken over when the
*store* has had no heartbeat from it, whatever the queue believes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import structlog

from burnish.concurrency import cancel_and_wait
from burnish.dispatch.liveness import LivenessMonitor
from burnish.dispatch.protocol import Requeue, RunJob
from burnish.dispatch.queue import INSERT, JOB_IDS, ON_CONFLICT, QUEUE, TASK, Message, Queue
from burnish.domain.records import Heartbeat
from burnish.errors import ExperimentFull, StoreUnavailable

log = structlog.get_logger("burnish.dispatch")

_CANCEL_AGAIN_SECONDS = 0.5
_POLL_SECONDS = 1.0  # for a notification that got lost
_SWEEPS_IN_TAKEOVER = 8
_SWEEPS_BETWEEN_SEARCHES = 24  # for waiting jobs that are in no queue
_BEGUN_WORK_FIRST = 1_000_000


class ProcrastinateDispatcher:
    """Takes jobs from PostgreSQL; any number of processes on any number of machines may.

    Args:
        conninfo: ``postgresql://…``.
        heartbeats: the store's, of all running jobs.
        unfinished: ids of all jobs that are not terminal, but for those that an SQL query gives.
        heartbeat_seconds: how often this worker writes its heartbeat in the queue's register.
        takeover_seconds: without a heartbeat, after which a job, or a worker, counts as dead.
    """

    def __init__(
        self,
        conninfo: str,
        heartbeats: Callable[[], Awaitable[Sequence[Heartbeat]]],
        unfinished: Callable[[str], Awaitable[Sequence[str]]],
        heartbeat_seconds: float = 1.0,
        takeover_seconds: float = 10.0,
    ) -> None:
        self._queue = Queue(conninfo)
        self._heartbeats = heartbeats
        self._unfinished = unfinished
        self._heartbeat_seconds = heartbeat_seconds
        self._takeover_seconds = takeover_seconds
        self._worker_id: int | None = None
        self._link: asyncio.Task[None] | None = None
        self._running: dict[int, tuple[Message, asyncio.Task[None]]] = {}
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background_tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect, and make the queue's tables where they are missing.

        Raises:
            StoreUnavailable
        """
        self._loop = asyncio.get_running_loop()
        await self._queue.open()

    async def close(self) -> None:
        """Give the connections back. May be called twice."""
        await self._background_tasks_done()
        await self._queue.close()

    def hand_over(self, connection: Any, job_id: str, priority: int = 0) -> None:
        message = {"job_id": job_id, "over_attempt": 0, "reason": "submitted", "priority": priority}
        connection.exec_driver_sql(INSERT + ON_CONFLICT, {"queue": QUEUE, "task": TASK, **message})

    def announce(self, job_id: str) -> None:
        """Nothing to do: the commit has notified the workers."""

    def announce_cancel(self, job_id: str) -> None:
        """Ask whoever runs it to interrupt it; a worker's heartbeat sees the cancel in any case."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._send_abort, job_id)

    async def work(self, run: RunJob, concurrency: int) -> None:
        """Take jobs until :meth:`stop`, over any number of losses of PostgreSQL."""
        slots = asyncio.Semaphore(concurrency)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                self._link = link = asyncio.create_task(self._keep_link(run, slots))
                await asyncio.wait((link, stopping), return_when=asyncio.FIRST_COMPLETED)
                if link.done() and (error := link.exception()):
                    if not isinstance(error, StoreUnavailable):
                        raise error
                    log.warning("lost the queue, will register again", error=str(error))
                await cancel_and_wait(link, again_seconds=_CANCEL_AGAIN_SECONDS)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), _POLL_SECONDS)
        finally:
            await cancel_and_wait(stopping, link, again_seconds=_CANCEL_AGAIN_SECONDS)

    async def stop(self, grace_seconds: float = 10.0) -> None:
        self._stopping.set()
        tasks = [task for _, task in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._link is not None:
            await asyncio.wait((self._link,))  # it fetches until it has ended
        await self._background_tasks_done()
        if self._worker_id is not None:
            await self._quietly(self._queue.leave(self._worker_id))
            self._worker_id = None

    # --- one stretch of work between two losses of PostgreSQL

    async def _keep_link(self, run: RunJob, slots: asyncio.Semaphore) -> None:
        """Registered, listening, fetching, sweeping; until something fails or this is cancelled."""
        worker_id = await self._queue.register(dead_after_seconds=10 * self._takeover_seconds)
        kept = [message for message, _ in self._running.values()]
        await self._queue.adopt(kept, self._worker_id, worker_id)
        self._worker_id = worker_id
        parts = [
            asyncio.create_task(self._queue.listen(self._news.set, self._interrupt)),
            asyncio.create_task(self._beat(worker_id)),
            asyncio.create_task(self._fetch(worker_id, run, slots)),
            asyncio.create_task(self._sweep()),
        ]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()
        finally:
            await cancel_and_wait(*parts, again_seconds=_CANCEL_AGAIN_SECONDS)

    async def _beat(self, worker_id: int) -> None:
        while True:
            if not await self._queue.heartbeat(worker_id):
                raise StoreUnavailable("the queue has struck this worker out: it was silent for too long")
            await asyncio.sleep(self._heartbeat_seconds)

    async def _fetch(self, worker_id: int, run: RunJob, slots: asyncio.Semaphore) -> None:
        while True:
            await slots.acquire()
            message = None
            try:
                self._news.clear()  # before the look: what comes after it is not missed
                message = await self._fetch_one(worker_id)
                if message is not None:
                    self._begin(message, run, slots)
            finally:
                if message is None:
                    slots.release()
            if message is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), _POLL_SECONDS)

    async def _fetch_one(self, worker_id: int) -> Message | None:
        """A message that comes while this worker is stopping goes back at once."""
        fetching = asyncio.create_task(self._queue.fetch(worker_id))
        try:
            message = await asyncio.shield(fetching)
        except asyncio.CancelledError:
            self._start_background_task(self._put_back_late(fetching, worker_id))
            raise
        if message is not None and self._stopping.is_set():
            self._start_background_task(self._queue.put_back(message, worker_id))
            return None
        return message

    async def _put_back_late(self, fetching: asyncio.Task[Message | None], worker_id: int) -> None:
        if message := await fetching:
            await self._queue.put_back(message, worker_id)

    # --- one job

    def _begin(self, message: Message, run: RunJob, slots: asyncio.Semaphore) -> None:
        job_id = message.delivery.job_id
        earlier = [task for other, task in self._running.values() if other.delivery.job_id == job_id]
        task = asyncio.create_task(self._run(message, run, earlier), name=f"job-{job_id}")
        self._running[message.message_id] = (message, task)
        task.add_done_callback(partial(self._ended, message, slots))

    async def _run(self, message: Message, run: RunJob, earlier: Sequence[asyncio.Task[None]]) -> None:
        """Run the job. What becomes of the message is a background task: no second cancel can stop it."""
        try:
            if earlier:  # resumed while its end was still being written here
                await asyncio.wait(earlier)
            again = await run(message.delivery)
        except ExperimentFull as full:
            self._start_background_task(self._queue.hold(message, self._mine, full.experiment_id))
        except asyncio.CancelledError:
            self._start_background_task(self._queue.put_back(message, self._mine))
        except Exception as bug:  # the runner promises not to raise; if it does, its neighbours go on
            log.error("a job broke its worker's code", job_id=message.delivery.job_id, exc_info=bug)
            self._start_background_task(self._finish(message))
        else:
            self._start_background_task(self._finish(message, again))

    async def _finish(self, message: Message, again: Requeue | None = None) -> None:
        if again is None:
            await self._queue.finish(message, self._mine)
        else:
            await self._queue.delay(message, self._mine, again)
        await self._queue.release_held()

    def _ended(self, message: Message, slots: asyncio.Semaphore, task: asyncio.Task[None]) -> None:
        del self._running[message.message_id]
        slots.release()

    def _interrupt(self, message_id: int) -> None:
        if message_id in self._running:
            _, task = self._running[message_id]
            if not task.cancelling():  # once: a second would interrupt its orderly end
                task.cancel()

    @property
    def _mine(self) -> int:
        assert self._worker_id is not None
        return self._worker_id

    # --- what others left behind

    async def _sweep(self) -> None:
        every_seconds = self._takeover_seconds / _SWEEPS_IN_TAKEOVER
        monitor = LivenessMonitor(self._takeover_seconds, every_seconds)
        sweeps = 0
        while True:
            heartbeats = await self._heartbeats()
            running = {heartbeat.job_id for heartbeat in heartbeats}
            await self._take_over(monitor.check(heartbeats))
            await self._free_stalled(running)
            await self._queue.release_held()
            if sweeps % _SWEEPS_BETWEEN_SEARCHES == 0:
                await self._find_lost(running)
            sweeps += 1
            await asyncio.sleep(every_seconds)

    async def _take_over(self, dead: Sequence[Heartbeat]) -> None:
        for last in dead:
            log.warning("no heartbeat, handing the job out again", job_id=last.job_id, attempt=last.attempt)
            reason = f"attempt {last.attempt} wrote no heartbeat for {self._takeover_seconds:g} s"
            await self._queue.requeue(last.job_id, last.attempt, reason, priority=_BEGUN_WORK_FIRST)

    async def _free_stalled(self, running: set[str]) -> None:
        """Messages whose worker is dead, of jobs that do not run: those that do are watched by the store."""
        for message in await self._queue.stalled(self._takeover_seconds):
            if message.delivery.job_id not in running:
                await self._queue.put_back(message, message.worker_id)

    async def _find_lost(self, running: set[str]) -> None:
        """Waiting jobs without a message. There should be none; a restored backup may have some."""
        for job_id in set(await self._unfinished(JOB_IDS)) - running:
            log.warning("unfinished and in no queue, handing the job out again", job_id=job_id)
            await self._queue.requeue(job_id, 0, "was in no queue")

    # --- background tasks

    def _send_abort(self, job_id: str) -> None:
        self._start_background_task(self._queue.abort(job_id))

    def _start_background_task(self, work: Awaitable[None]) -> None:
        """Beside everything else: nobody who is cancelled cancels it."""
        task = asyncio.create_task(self._quietly(work))
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)

    async def _background_tasks_done(self) -> None:
        await asyncio.gather(*self._background_tasks, return_exceptions=True)

    async def _quietly(self, work: Awaitable[None]) -> None:
        """What fails here is made good by a sweep, or by the heartbeat of the job's worker."""
        try:
            await work
        except StoreUnavailable as error:
            log.info("a background task of the queue failed", error=str(error))
