"""Creating, finding, counting and deleting jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, column, delete, exists, func, select, text

from burnish.domain.events import EventKind, NewEvent
from burnish.domain.inputs import JobData, JobInputs
from burnish.domain.job import Job, JobStatus
from burnish.domain.records import Heartbeat, Idempotency, JobVersion, JournalEntry
from burnish.errors import Conflict, InvalidState, NotFound
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.encoding import check_searchable, storable
from burnish.store.rows import job_from_row
from burnish.store.sql.inputs import Inputs, PreparedInputs, delete_inputs, write_inputs
from burnish.store.sql.job_writer import JobWriter
from burnish.store.sql.journal import entry_to_row
from burnish.store.sql.locking import lock_job
from burnish.store.sql.statements import claim, distinct, insert_new

_jobs = tables.jobs
_BY_ID = select(_jobs).where(_jobs.c.job_id == bindparam("job_id"))
_UNFINISHED = tuple(status for status in JobStatus if not status.terminal)
_VERSION = (
    _jobs.c.experiment_id,
    _jobs.c.status,
    _jobs.c.attempt,
    _jobs.c.last_sequence,
    _jobs.c.cancel_requested,
    _jobs.c.usage_calls,
    _jobs.c.workspace,
)
_IDS_AT_ONCE = 500  # a statement of SQLite may have 32,766 parameters, of older ones 999


class Jobs:
    """The parts of ``JobRecords`` that no attempt is needed for.

    Args:
        hand_over: called with (connection, job id, priority) in the transaction that creates a job.
    """

    def __init__(
        self,
        database: Database,
        writer: JobWriter,
        inputs: Inputs,
        hand_over: Callable[[Connection, str, int], None],
    ) -> None:
        self._database = database
        self._writer = writer
        self._inputs = inputs
        self._hand_over = hand_over

    async def create(
        self,
        job: Job,
        idempotency: Idempotency | None = None,
        calls: Sequence[JournalEntry] = (),
        inputs: JobInputs | None = None,
        data: JobData | None = None,
    ) -> tuple[Job, bool]:
        if job.status is not JobStatus.PENDING:
            raise InvalidState(f"a new job is PENDING, not {job.status}")

        def insert(connection: Connection, prepared: PreparedInputs | None = None) -> tuple[Job, bool]:
            if idempotency and not self._claim(connection, idempotency, job.job_id):
                return self._made_by(connection, idempotency), False
            self._writer.insert(connection, job, NewEvent(EventKind.CREATED, {}, job.created_by))
            if prepared is not None:
                write_inputs(connection, job.job_id, prepared)
            insert_new(connection, tables.calls_finished, [entry_to_row(job.job_id, call) for call in calls])
            self._hand_over(connection, job.job_id, job.priority)
            return job, True

        if inputs is None:
            return await self._database.write(insert)
        return await self._inputs.write_with(inputs, data, insert)

    async def find_made(self, idempotency: Idempotency) -> Job | None:
        def find(connection: Connection) -> Job | None:
            keys = tables.idempotency_keys
            used = connection.execute(select(keys.c.job_id).where(keys.c.key == idempotency.key)).first()
            return self._made_by(connection, idempotency) if used else None

        check_searchable("Idempotency-Key", idempotency.key)
        return await self._database.read(find)

    async def get(self, job_id: str) -> Job:
        def read(connection: Connection) -> Job:
            row = connection.execute(_BY_ID, {"job_id": job_id}).one_or_none()
            if row is None:
                raise NotFound("job", job_id)
            return job_from_row(row)

        if not storable(job_id):
            raise NotFound("job", job_id)
        return await self._database.read(read)

    async def get_existing(self, job_ids: Sequence[str]) -> Mapping[str, tuple[Job, JobVersion]]:
        known = [job_id for job_id in dict.fromkeys(job_ids) if storable(job_id)]
        parts = [known[start : start + _IDS_AT_ONCE] for start in range(0, len(known), _IDS_AT_ONCE)]

        def read(connection: Connection) -> Mapping[str, tuple[Job, JobVersion]]:
            return {
                row.job_id: (job_from_row(row), JobVersion(*(row._mapping[column] for column in _VERSION)))
                for part in parts
                for row in connection.execute(select(_jobs).where(_jobs.c.job_id.in_(part)))
            }

        return await self._database.read(read) if parts else {}

    async def versions(self, *, unfinished: bool = False) -> Mapping[str, JobVersion]:
        query = select(_jobs.c.job_id, *_VERSION)
        if unfinished:
            query = query.where(_jobs.c.status.in_(_UNFINISHED))

        def read(connection: Connection) -> Mapping[str, JobVersion]:
            return {job_id: JobVersion(*version) for job_id, *version in connection.execute(query)}

        return await self._database.read(read)

    async def experiment_ids(self) -> frozenset[str]:
        return await self._database.read(lambda connection: distinct(connection, _jobs.c.experiment_id))

    async def workspaces(self) -> frozenset[str]:
        return await self._database.read(lambda connection: distinct(connection, _jobs.c.workspace))

    async def delete(self, job_id: str) -> None:
        def remove(connection: Connection) -> None:
            lock_job(connection, job_id)
            delete_inputs(connection, job_id)
            connection.execute(delete(_jobs).where(_jobs.c.job_id == job_id))  # and all that refers to it

        await self._database.write(remove)

    async def unfinished(self, but: str = "") -> tuple[str, ...]:
        # Sorted here: asked to sort, SQLite would walk all jobs in their order instead of these few.
        query = select(_jobs.c.creation_timestamp_ms, _jobs.c.job_id).where(_jobs.c.status.in_(_UNFINISHED))
        if but:
            others = text(but).columns(column("job_id")).subquery()
            query = query.where(~exists().where(others.c.job_id == _jobs.c.job_id))

        def read(connection: Connection) -> tuple[str, ...]:
            return tuple(job_id for _, job_id in sorted(map(tuple, connection.execute(query))))

        return await self._database.read(read)

    async def heartbeats(self) -> tuple[Heartbeat, ...]:
        query = (
            select(_jobs.c.job_id, _jobs.c.attempt, _jobs.c.heartbeat_timestamp_ms, _jobs.c.last_sequence)
            .where(_jobs.c.status == JobStatus.IN_PROGRESS)
            .order_by(_jobs.c.creation_timestamp_ms, _jobs.c.job_id)
        )

        def read(connection: Connection) -> tuple[Heartbeat, ...]:
            return tuple(Heartbeat(*row) for row in connection.execute(query))

        return await self._database.read(read)

    async def count_by_status(self) -> Mapping[JobStatus, int]:
        query = select(_jobs.c.status, func.count()).group_by(_jobs.c.status)

        def count(connection: Connection) -> Mapping[JobStatus, int]:
            found = {JobStatus(status): jobs for status, jobs in connection.execute(query)}
            return {status: found.get(status, 0) for status in JobStatus}

        return await self._database.read(count)

    # --- inside a transaction

    def _claim(self, connection: Connection, idempotency: Idempotency, job_id: str) -> bool:
        """Take the key for this job. ``False``: another job has it, whose creation has committed."""
        row = {
            "key": check_searchable("Idempotency-Key", idempotency.key),
            "body_digest": idempotency.body_digest,
            "job_id": job_id,
        }
        return claim(connection, tables.idempotency_keys, row)

    def _made_by(self, connection: Connection, idempotency: Idempotency) -> Job:
        keys = tables.idempotency_keys
        query = select(_jobs, keys.c.body_digest).join(keys, keys.c.job_id == _jobs.c.job_id)
        row = connection.execute(query.where(keys.c.key == idempotency.key)).one_or_none()
        if row is None:
            raise Conflict(f"the job of idempotency key {idempotency.key!r} is being deleted; try again")
        if row.body_digest != idempotency.body_digest:
            raise Conflict(f"idempotency key {idempotency.key!r} was used with another request")
        return job_from_row(row)
