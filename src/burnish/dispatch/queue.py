"""Messages about jobs in Procrastinate's tables, on the store's own PostgreSQL.

Procrastinate brings the schema, priorities, SKIP LOCKED, LISTEN/NOTIFY, abort requests and the register
of live workers. A message is one of its rows: ``queueing_lock`` is the job's id, so that no two wait for
the same job. What it does not have is a fence: here a message belongs to the worker that fetched it,
and nobody else finishes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from burnish.dispatch.protocol import Delivery, Requeue
from burnish.errors import StoreUnavailable

if TYPE_CHECKING:
    from procrastinate import App

QUEUE = "burnish"
TASK = "burnish.run_job"

_WAITS_FOR_EXPERIMENT = f"{QUEUE}.full."  # and the experiment's id: a queue from which nobody fetches
_LONGEST_NAME = 128
_CHANNEL = f"procrastinate_queue_v1#{QUEUE}"

INSERT = """
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, queueing_lock, args)
SELECT %(queue)s, %(task)s, %(priority)s, %(job_id)s::text, jsonb_build_object(
    'job_id', %(job_id)s::text, 'over_attempt', %(over_attempt)s::int, 'reason', %(reason)s::text
)
"""
ON_CONFLICT = """
ON CONFLICT (queueing_lock) WHERE status = 'todo'
DO UPDATE SET scheduled_at = NULL, queue_name = excluded.queue_name
"""
_REQUEUE = f"""
WITH obsolete AS (
    DELETE FROM procrastinate_jobs
    WHERE queueing_lock = %(job_id)s AND status = 'doing' AND (args->>'over_attempt')::int < %(over_attempt)s
)
{INSERT}
WHERE NOT EXISTS (
    SELECT 1 FROM procrastinate_jobs
    WHERE queueing_lock = %(job_id)s AND status IN ('todo', 'doing')
    AND (args->>'over_attempt')::int >= %(over_attempt)s
)
ON CONFLICT (queueing_lock) WHERE status = 'todo'
DO UPDATE SET args = excluded.args, queue_name = excluded.queue_name, priority = excluded.priority
"""
_MINE = "id = %(message_id)s AND status = 'doing' AND worker_id = %(worker_id)s"
_FINISH = f"DELETE FROM procrastinate_jobs WHERE {_MINE}"
_PUT_BACK = """
WITH back AS (
    UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL, abort_requested = false
    WHERE id = %(message_id)s AND status = 'doing' AND worker_id IS NOT DISTINCT FROM %(worker_id)s
    RETURNING id
)
SELECT pg_notify(%(channel)s, json_build_object('type', 'job_inserted', 'job_id', id)::text) FROM back
"""
_DELAY = f"""
UPDATE procrastinate_jobs
SET status = 'todo', worker_id = NULL, abort_requested = false,
    scheduled_at = now() + make_interval(secs => %(delay_seconds)s),
    args = args || jsonb_build_object(
        'over_attempt', %(over_attempt)s::int, 'reason', %(reason)s::text, 'delayed', true
    )
WHERE {_MINE}
"""
_HOLD = f"""
UPDATE procrastinate_jobs
SET status = 'todo', worker_id = NULL, abort_requested = false, queue_name = %(queue)s
WHERE {_MINE}
"""
_HELD = f"status = 'todo' AND task_name = '{TASK}' AND queue_name <> '{QUEUE}'"
_RELEASE_HELD = f"""
WITH first AS (
    SELECT DISTINCT ON (queue_name) id FROM procrastinate_jobs
    WHERE {_HELD}
    ORDER BY queue_name, priority DESC, id
), back AS (
    UPDATE procrastinate_jobs SET queue_name = '{QUEUE}'
    WHERE status = 'todo' AND id IN (SELECT id FROM first)
    RETURNING id
)
SELECT pg_notify(%(channel)s, json_build_object('type', 'job_inserted', 'job_id', id)::text) FROM back
"""
_ADOPT = """
UPDATE procrastinate_jobs SET worker_id = %(worker_id)s
WHERE id = ANY(%(message_ids)s) AND status = 'doing'
AND (worker_id IS NULL OR worker_id = %(former_id)s)
"""
_HEARTBEAT = "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %(worker_id)s RETURNING id"
_LEAVE = "DELETE FROM procrastinate_workers WHERE id = %(worker_id)s"
JOB_IDS = f"""
SELECT queueing_lock AS job_id FROM procrastinate_jobs
WHERE task_name = '{TASK}' AND status IN ('todo', 'doing')
"""
"""Ids of the jobs for which there is a message."""
_OF_JOB = """
SELECT id FROM procrastinate_jobs
WHERE task_name = %(task)s AND status IN ('todo', 'doing') AND queueing_lock = %(job_id)s
"""
_IS_THERE = "SELECT to_regclass('procrastinate_jobs')::text AS found"
_INDEXES = (
    """
CREATE INDEX IF NOT EXISTS burnish_queue_job_id ON procrastinate_jobs (queueing_lock)
WHERE status IN ('todo', 'doing')
""",
    f"""
CREATE INDEX IF NOT EXISTS burnish_queue_held ON procrastinate_jobs (queue_name, priority DESC, id)
WHERE {_HELD}
""",  # each worker asks for them with every look at the others
)


@dataclass(frozen=True, slots=True)
class Message:
    """A delivery in the queue.

    Attributes:
        worker_id: the worker that fetched it, in Procrastinate's register.
    """

    message_id: int
    delivery: Delivery
    worker_id: int | None


class Queue:
    """Every failure of PostgreSQL is a ``StoreUnavailable``."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._app: App | None = None

    async def open(self) -> None:
        """Connect, and make the tables where they are missing."""
        import procrastinate
        import psycopg

        async with _translated_errors():  # the pool itself would wait and try for long
            alone = await psycopg.AsyncConnection.connect(self._conninfo, connect_timeout=5)
        connector = procrastinate.PsycopgConnector(
            conninfo=self._conninfo,
            min_size=1,
            max_size=4,
            timeout=5.0,
            kwargs={"application_name": "burnish-queue", "connect_timeout": 5},
        )
        async with _translated_errors(), alone:
            self._app = procrastinate.App(connector=connector)
            await self._app.open_async()
            # Processes that start together would make the same tables, and fail, even by IF NOT EXISTS.
            await alone.execute("SELECT pg_advisory_xact_lock(hashtext('burnish queue schema'))")
            await self._ensure_schema()

    async def close(self) -> None:
        """Give the connections back. May be called twice."""
        if self._app is not None:
            app, self._app = self._app, None
            await app.close_async()

    # --- as a worker

    async def register(self, dead_after_seconds: float) -> int:
        """Enter the register of live workers, and strike the dead ones out."""
        async with _translated_errors():
            await self._manager.prune_stalled_workers(dead_after_seconds)
            return int(await self._manager.register_worker())

    async def heartbeat(self, worker_id: int) -> bool:
        """
        Returns:
            Whether the register still has this worker.
        """
        return bool(await self._ask(_HEARTBEAT, worker_id=worker_id))

    async def leave(self, worker_id: int) -> None:
        """Strike this worker out: what it has not given back counts as stalled at once."""
        await self._do(_LEAVE, worker_id=worker_id)

    async def listen(self, on_message: Callable[[], None], on_abort: Callable[[int], None]) -> None:
        """Until cancelled: notify of messages that may be fetched, and of those whose job shall stop."""

        async def notified(*, channel: str, notification: Any) -> None:
            if notification["type"] == "abort_job_requested":
                on_abort(notification["job_id"])
            else:
                on_message()

        async with _translated_errors():
            await self._manager.listen_for_jobs(on_notification=notified, queues=[QUEUE])

    async def fetch(self, worker_id: int) -> Message | None:
        """The next message; it is this worker's until it finishes, holds, delays or puts it back."""
        async with _translated_errors():
            row = await self._manager.fetch_job(queues=[QUEUE], worker_id=worker_id)
        return None if row is None else _message_of(row)

    async def finish(self, message: Message, worker_id: int) -> None:
        """Remove the message. One that is not this worker's any more is left alone."""
        await self._do(_FINISH, message_id=message.message_id, worker_id=worker_id)

    async def put_back(self, message: Message, worker_id: int | None) -> None:
        """Let another worker fetch the message. One that is not this worker's any more is left alone."""
        await self._back_to_todo(_PUT_BACK, message, channel=_CHANNEL, worker_id=worker_id)

    async def delay(self, message: Message, worker_id: int, again: Requeue) -> None:
        """Let the message wait so long by PostgreSQL's own clock; then any worker may fetch it."""
        await self._back_to_todo(
            _DELAY,
            message,
            worker_id=worker_id,
            delay_seconds=again.delay_seconds,
            reason=again.reason,
            over_attempt=again.over_attempt or 0,
        )

    async def hold(self, message: Message, worker_id: int, experiment_id: str) -> None:
        """Let the message wait until :meth:`release_held` finds it the first of its experiment."""
        queue = f"{_WAITS_FOR_EXPERIMENT}{experiment_id}"[:_LONGEST_NAME]
        await self._do(_HOLD, message_id=message.message_id, worker_id=worker_id, queue=queue)

    async def release_held(self) -> None:
        """Let the first held message of each experiment be fetched."""
        await self._ask(_RELEASE_HELD, channel=_CHANNEL)

    async def adopt(self, messages: Sequence[Message], former_id: int | None, worker_id: int) -> None:
        """Keep messages under a new entry in the register."""
        ids = [message.message_id for message in messages]
        await self._do(_ADOPT, message_ids=ids, former_id=former_id, worker_id=worker_id)

    # --- for all

    async def requeue(self, job_id: str, over_attempt: int, reason: str, priority: int = 0) -> None:
        """Add a message, unless one that knows of this attempt is there; older ones are removed."""
        values = {"job_id": job_id, "over_attempt": over_attempt, "reason": reason, "priority": priority}
        await self._do(_REQUEUE, queue=QUEUE, task=TASK, **values)

    async def stalled(self, silent_seconds: float) -> list[Message]:
        """Messages of workers that are gone or silent, by PostgreSQL's own clock."""
        async with _translated_errors():
            rows = await self._manager.get_stalled_jobs(
                queue=QUEUE, task_name=TASK, seconds_since_heartbeat=silent_seconds
            )
        return [_message_of(row) for row in rows]

    async def abort(self, job_id: str) -> None:
        """Remove what waits, and ask the worker that has it to interrupt the job."""
        for row in await self._ask(_OF_JOB, task=TASK, job_id=job_id):
            async with _translated_errors():
                await self._manager.cancel_job_by_id_async(row["id"], abort=True, delete_job=True)

    # --- inside

    @property
    def _manager(self) -> Any:
        if self._app is None:
            raise StoreUnavailable("the queue has been closed")
        return self._app.job_manager

    async def _ask(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        async with _translated_errors():
            return list(await self._manager.connector.execute_query_all_async(query, **arguments))

    async def _do(self, query: str, **arguments: Any) -> None:
        async with _translated_errors():
            await self._manager.connector.execute_query_async(query, **arguments)

    async def _back_to_todo(self, query: str, message: Message, **arguments: Any) -> None:
        from procrastinate.exceptions import UniqueViolation

        try:
            await self._do(query, message_id=message.message_id, **arguments)
        except StoreUnavailable as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
            await self._do(  # a newer message waits for the same job
                "DELETE FROM procrastinate_jobs WHERE id = %(message_id)s AND status = 'doing'",
                message_id=message.message_id,
            )

    async def _ensure_schema(self) -> None:
        assert self._app is not None
        if (await self._ask(_IS_THERE))[0]["found"] is None:
            async with _translated_errors():
                await self._app.schema_manager.apply_schema_async()
        for index in _INDEXES:
            await self._do(index)


def _message_of(row: Any) -> Message:
    return Message(message_id=row.id, delivery=Delivery(**row.task_kwargs), worker_id=row.worker_id)


@asynccontextmanager
async def _translated_errors() -> AsyncIterator[None]:
    """Procrastinate's and the driver's errors as ours."""
    import psycopg
    from procrastinate.exceptions import ConnectorException

    try:
        yield
    except (ConnectorException, psycopg.Error, OSError) as error:
        raise StoreUnavailable(f"the queue on PostgreSQL failed: {error.__cause__ or error}") from error
