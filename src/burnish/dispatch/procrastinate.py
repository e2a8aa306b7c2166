"""Dispatch over many machines: Procrastinate on the store's own PostgreSQL.

The queue only delivers. It does not fence a worker that was paused and wakes up, and a woken
worker's ``finish`` wins in its table; what is true stands in our store (the attempt). So beside
Procrastinate's own look for stalled workers, ``_sweep`` compares the queue with the store and
hands out again what is unfinished and silent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from burnish.dispatch.protocol import RunJob
from burnish.errors import StoreUnavailable

if TYPE_CHECKING:
    from procrastinate import App

log = structlog.get_logger("burnish.dispatch")

QUEUE = "burnish"
TASK = "burnish.run_job"

_DEFER = """
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
    %(queue)s, %(task)s, %(priority)s, NULL, NULL, jsonb_build_object('job_id', %(job_id)s::text), NULL
)::procrastinate_job_to_defer_v1])
"""
_QUEUED = """
SELECT id, status::text AS status FROM procrastinate_jobs
WHERE task_name = %(task)s AND args->>'job_id' = %(job_id)s AND status IN ('todo', 'doing')
"""
_INDEX = """
CREATE INDEX IF NOT EXISTS burnish_queue_job_id ON procrastinate_jobs ((args->>'job_id'))
WHERE status IN ('todo', 'doing')
"""


class ProcrastinateDispatcher:
    """Takes jobs from PostgreSQL; any number of processes on any number of machines may.

    Args:
        conninfo: ``postgresql://…``.
        silent: ids of unfinished jobs from which no heartbeat came for that many seconds.
        heartbeat_seconds: how often this worker tells the queue that it lives.
        takeover_seconds: silence after which a worker counts as dead.
    """

    def __init__(
        self,
        conninfo: str,
        silent: Callable[[float], Awaitable[Sequence[str]]],
        heartbeat_seconds: float = 1.0,
        takeover_seconds: float = 10.0,
    ) -> None:
        self._conninfo = conninfo
        self._silent = silent
        self._heartbeat_seconds = heartbeat_seconds
        self._takeover_seconds = takeover_seconds
        self._app: App | None = None
        self._run: RunJob | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._working: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._errands: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Connect, and make the queue's tables where they are missing.

        Raises:
            StoreUnavailable
        """
        import procrastinate
        from procrastinate.exceptions import ConnectorException

        self._loop = asyncio.get_running_loop()
        connector = procrastinate.PsycopgConnector(conninfo=self._conninfo, min_size=1, max_size=4)
        self._app = procrastinate.App(connector=connector)
        self._app.task(name=TASK, queue=QUEUE)(self._run_queued)
        try:
            await self._app.open_async()
            await self._ensure_schema()
        except ConnectorException as error:
            raise StoreUnavailable(f"the queue on PostgreSQL cannot be opened: {error}") from error

    async def close(self) -> None:
        """Give the connections back. May be called twice."""
        if self._app is not None:
            app, self._app = self._app, None
            await app.close_async()

    def hand_over(self, connection: Any, job_id: str, priority: int = 0) -> None:
        parameters = {"queue": QUEUE, "task": TASK, "priority": priority, "job_id": job_id}
        connection.exec_driver_sql(_DEFER, parameters)

    def announce(self, job_id: str) -> None:
        """Nothing to do: the commit has notified the workers."""

    def announce_cancel(self, job_id: str) -> None:
        """Ask whoever runs it to abort; the worker's heartbeat sees the cancel in any case."""
        if self._loop is None or self._loop.is_closed():
            return

        def begin() -> None:
            errand = asyncio.create_task(self._abort(job_id))
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)

        self._loop.call_soon_threadsafe(begin)

    async def work(self, run: RunJob, concurrency: int) -> None:
        """Take jobs until :meth:`stop`. A worker that PostgreSQL's restart made exit is begun again."""
        self._run = run
        sweeping = asyncio.create_task(self._sweep())
        try:
            while not self._stopping.is_set():
                self._working = asyncio.create_task(self._work_once(concurrency))
                with contextlib.suppress(asyncio.CancelledError):
                    await self._working
                if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                    raise asyncio.CancelledError
                if not self._stopping.is_set():
                    log.warning("queue worker ended, beginning again")
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), 1.0)
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)

    async def stop(self, grace_seconds: float = 10.0) -> None:
        self._stopping.set()
        if self._working is not None:
            self._working.cancel()  # Procrastinate: take no more, then wait for shutdown_graceful_timeout
            await asyncio.wait((self._working,), timeout=grace_seconds + 5.0)

    # --- inside

    async def _run_queued(self, job_id: str) -> None:
        assert self._run is not None
        await self._run(job_id, "taken from the queue")

    async def _work_once(self, concurrency: int) -> None:
        from procrastinate.exceptions import ConnectorException

        assert self._app is not None
        try:
            await self._app.run_worker_async(
                queues=[QUEUE],
                concurrency=concurrency,
                install_signal_handlers=False,
                listen_notify=True,
                fetch_job_polling_interval=5.0,
                abort_job_polling_interval=1.0,
                update_heartbeat_interval=self._heartbeat_seconds,
                stalled_worker_timeout=self._takeover_seconds,
                shutdown_graceful_timeout=5.0,
                delete_jobs="always",
            )
        except ConnectorException as error:
            log.warning("PostgreSQL went away from the queue worker", error=str(error))

    async def _abort(self, job_id: str) -> None:
        from procrastinate.exceptions import ConnectorException

        if self._app is None:
            return
        try:
            for row in await self._queue_rows(job_id):
                await self._app.job_manager.cancel_job_by_id_async(row["id"], abort=True)
        except ConnectorException as error:
            log.info("could not abort through the queue", job_id=job_id, error=str(error))

    async def _sweep(self) -> None:
        """Hand out again what a dead worker had, and what the queue has lost."""
        from procrastinate.exceptions import ConnectorException

        while True:
            await asyncio.sleep(self._takeover_seconds / 4)
            try:
                await self._sweep_once()
            except (ConnectorException, StoreUnavailable) as error:
                log.warning("sweep failed", error=str(error))

    async def _sweep_once(self) -> None:
        from procrastinate import utils

        assert self._app is not None
        manager = self._app.job_manager
        stalled = await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=self._takeover_seconds)
        for queued in stalled:
            log.warning("worker is silent, handing its job out again", job_id=queued.task_kwargs["job_id"])
            await manager.retry_job(queued, retry_at=utils.utcnow())
        for job_id in await self._silent(self._takeover_seconds):
            if not await self._queue_rows(job_id):
                log.warning("unfinished and in no queue, handing it out again", job_id=job_id)
                await self._app.configure_task(TASK, queue=QUEUE).defer_async(job_id=job_id)

    async def _queue_rows(self, job_id: str) -> list[dict[str, Any]]:
        assert self._app is not None
        rows = await self._app.connector.execute_query_all_async(_QUEUED, task=TASK, job_id=job_id)
        return list(rows)

    async def _ensure_schema(self) -> None:
        from procrastinate.exceptions import ConnectorException

        assert self._app is not None
        connector = self._app.connector
        row = await connector.execute_query_one_async(
            "SELECT to_regclass('procrastinate_jobs')::text AS found"
        )
        if row["found"] is None:
            try:
                await self._app.schema_manager.apply_schema_async()
            except ConnectorException:  # another process was quicker
                again = await connector.execute_query_one_async(
                    "SELECT to_regclass('procrastinate_jobs')::text AS found"
                )
                if again["found"] is None:
                    raise
        await connector.execute_query_async(_INDEX)
