"""Rows of jobs: the state machine and the fence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import Job, JobStatus, StopReason, check_transition
from burnish.errors import AttemptSuperseded, Conflict, ExperimentFull, InvalidInput, InvalidState, NotFound
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.encoding import check_searchable, storable
from burnish.store.protocol import Idempotency, JournalEntry, SignOfLife
from burnish.store.rows import job_of, job_row, score_rows, tag_rows
from burnish.store.sql_journal import finished_row
from burnish.store.sql_records import SqlRecords, claim, insert_new

_jobs = tables.jobs
_UNFINISHED = tuple(status for status in JobStatus if not status.terminal)
_CHANGEABLE = frozenset(entry.name for entry in fields(Job)) - {
    "job_id",
    "experiment_id",
    "creation_timestamp_ms",
    "config",
    "attempt",
    "cancel_requested",
}


class SqlJobs(SqlRecords):
    """``JobRecords`` without ``search``."""

    def __init__(
        self,
        database: Database,
        clock_ms: Callable[[], int],
        hand_over: Callable[[Connection, str, int], None],
    ) -> None:
        super().__init__(database, clock_ms)
        self._hand_over = hand_over

    async def create(
        self, job: Job, idempotency: Idempotency | None = None, calls: Sequence[JournalEntry] = ()
    ) -> tuple[Job, bool]:
        if job.status is not JobStatus.PENDING:
            raise InvalidState(f"a new job is PENDING, not {job.status}")

        def insert(connection: Connection) -> tuple[Job, bool]:
            if idempotency and not self._claim(connection, idempotency, job.job_id):
                return self._made_by(connection, idempotency), False
            try:
                connection.execute(_jobs.insert(), job_row(job) | {"last_sequence": 0})
            except IntegrityError:
                raise Conflict(f"job {job.job_id!r} exists already") from None
            self._index(connection, job)
            insert_new(connection, tables.calls_finished, [finished_row(job.job_id, call) for call in calls])
            row = self._locked(connection, job.job_id)
            self._append(connection, row, 0, [NewEvent(EventKind.CREATED, {})])
            self._hand_over(connection, job.job_id, job.priority)
            return job_of(row), True

        return await self._database.write(insert)

    async def find_made(self, idempotency: Idempotency) -> Job | None:
        def find(connection: Connection) -> Job | None:
            keys = tables.idempotency_keys
            used = connection.execute(select(keys.c.job_id).where(keys.c.key == idempotency.key)).first()
            return self._made_by(connection, idempotency) if used else None

        check_searchable("Idempotency-Key", idempotency.key)
        return await self._database.read(find)

    async def get(self, job_id: str) -> Job:
        def read(connection: Connection) -> Job:
            row = connection.execute(select(_jobs).where(_jobs.c.job_id == job_id)).one_or_none()
            if row is None:
                raise NotFound("job", job_id)
            return job_of(row)

        if not storable(job_id):
            raise NotFound("job", job_id)
        return await self._database.read(read)

    async def take(
        self,
        job_id: str,
        worker_id: str,
        reason: str = "",
        *,
        over_attempt: int | None = None,
        max_running_per_experiment: int | None = None,
    ) -> Job:
        def begin(connection: Connection) -> Job:
            row = self._locked(connection, job_id)
            job = job_of(row)
            runs = job.status is JobStatus.IN_PROGRESS
            if runs and over_attempt is not None and job.attempt != over_attempt:
                raise InvalidState(f"job {job_id} runs in attempt {job.attempt}, on {job.worker_id}")
            if max_running_per_experiment is not None and not job.status.terminal:
                self._require_room(connection, job, max_running_per_experiment)
            now = self._clock_ms()
            taken = replace(
                job,
                attempt=job.attempt + 1,
                worker_id=worker_id,
                heartbeat_timestamp_ms=now,
                start_timestamp_ms=now if job.start_timestamp_ms is None else job.start_timestamp_ms,
            )
            data = {"attempt": taken.attempt, "worker_id": worker_id, "reason": reason}
            started = NewEvent(EventKind.STARTED, data)
            return self._become(connection, row, JobStatus.IN_PROGRESS, taken, [started], taken.attempt)

        return await self._database.write(begin)

    async def update(
        self, job_id: str, attempt: int, changes: Mapping[str, Any], events: Sequence[NewEvent] = ()
    ) -> Job:
        if unknown := set(changes) - _CHANGEABLE:
            raise InvalidInput.of(
                "changes",
                ", ".join(sorted(unknown)),
                "only these can change: " + ", ".join(sorted(_CHANGEABLE)),
            )

        def change(connection: Connection) -> Job:
            row = self._fenced(connection, job_id, attempt, tuple(_jobs.c))
            job = replace(job_of(row), **changes)
            if "progress" in changes and "progress_updated_at_ms" not in changes:
                job = replace(job, progress_updated_at_ms=self._clock_ms())
            if "status" in changes:
                return self._become(connection, row, changes["status"], job, events, attempt)
            return self._write(connection, row, job, events, attempt)

        return await self._database.write(change)

    async def heartbeat(self, job_id: str, attempt: int) -> bool:
        def beat(connection: Connection) -> bool:
            canceled = connection.scalar(
                update(_jobs)
                .where(
                    _jobs.c.job_id == job_id,
                    _jobs.c.attempt == attempt,
                    _jobs.c.status == JobStatus.IN_PROGRESS,
                )
                .values(heartbeat_timestamp_ms=self._clock_ms())
                .returning(_jobs.c.cancel_requested)
            )
            if canceled is None:
                raise AttemptSuperseded(job_id, attempt)
            return bool(canceled)

        return await self._database.write(beat)

    async def request_cancel(self, job_id: str) -> Job:
        def cancel(connection: Connection) -> Job:
            row = self._locked(connection, job_id)
            job = job_of(row)
            if job.status is JobStatus.CANCELED:
                return job
            if job.status.terminal:
                raise InvalidState(
                    f"job {job_id} is {job.status}; only a job that has not ended can be canceled"
                )
            asked = () if job.cancel_requested else (NewEvent(EventKind.CANCEL_REQUESTED, {}),)
            marked = replace(job, cancel_requested=True)
            if job.status is JobStatus.IN_PROGRESS:
                return self._write(connection, row, marked, asked, 0)
            return self._end_canceled(connection, row, marked, asked)

        return await self._database.write(cancel)

    async def reopen(self, job_id: str) -> Job:
        def resume(connection: Connection) -> Job:
            row = self._locked(connection, job_id)
            job = job_of(row)
            if job.status not in (JobStatus.FAILED, JobStatus.CANCELED):
                raise InvalidState(
                    f"job {job_id} is {job.status}; only a FAILED or CANCELED job can be resumed"
                )
            opened = replace(
                job,
                cancel_requested=False,
                worker_id=None,
                heartbeat_timestamp_ms=None,
                completion_timestamp_ms=None,
                status_message=None,
                error_message=None,
                stop_reason=None,
            )
            resumed = [NewEvent(EventKind.RESUMED, {})]
            after = self._become(connection, row, JobStatus.PENDING, opened, resumed, 0)
            self._hand_over(connection, job_id, job.priority)
            return after

        return await self._database.write(resume)

    async def fence(self, job_id: str) -> Job:
        def stop(connection: Connection) -> Job:
            row = self._locked(connection, job_id)
            job = job_of(row)
            fenced = replace(job, attempt=job.attempt + 1)
            if job.status.terminal:
                return self._write(connection, row, fenced, (), 0)
            return self._end_canceled(connection, row, fenced, ())

        return await self._database.write(stop)

    async def delete(self, job_id: str) -> None:
        def remove(connection: Connection) -> None:
            self._locked(connection, job_id)
            connection.execute(delete(_jobs).where(_jobs.c.job_id == job_id))  # and all that refers to it

        await self._database.write(remove)

    async def unfinished(self) -> tuple[str, ...]:
        query = (
            select(_jobs.c.job_id)
            .where(_jobs.c.status.in_(_UNFINISHED))
            .order_by(_jobs.c.creation_timestamp_ms, _jobs.c.job_id)
        )
        return await self._database.read(lambda connection: tuple(connection.scalars(query)))

    async def signs_of_life(self) -> tuple[SignOfLife, ...]:
        query = (
            select(_jobs.c.job_id, _jobs.c.attempt, _jobs.c.heartbeat_timestamp_ms)
            .where(_jobs.c.status == JobStatus.IN_PROGRESS)
            .order_by(_jobs.c.creation_timestamp_ms, _jobs.c.job_id)
        )

        def read(connection: Connection) -> tuple[SignOfLife, ...]:
            return tuple(SignOfLife(*row) for row in connection.execute(query))

        return await self._database.read(read)

    async def count_by_status(self) -> Mapping[JobStatus, int]:
        query = select(_jobs.c.status, func.count()).group_by(_jobs.c.status)

        def count(connection: Connection) -> Mapping[JobStatus, int]:
            found = {JobStatus(status): jobs for status, jobs in connection.execute(query)}
            return {status: found.get(status, 0) for status in JobStatus}

        return await self._database.read(count)

    # --- inside a transaction

    def _require_room(self, connection: Connection, job: Job, limit: int) -> None:
        if connection.dialect.name == "postgresql":
            # Two workers that count at the same time would both find the last place free.
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(job.experiment_id))))
        others = (
            select(func.count())
            .select_from(_jobs)
            .where(
                _jobs.c.experiment_id == job.experiment_id,
                _jobs.c.status == JobStatus.IN_PROGRESS,
                _jobs.c.job_id != job.job_id,
            )
        )
        if (connection.scalar(others) or 0) >= limit:
            raise ExperimentFull(job.experiment_id, limit)

    def _become(
        self,
        connection: Connection,
        row: Row[Any],
        status: JobStatus,
        job: Job,
        events: Sequence[NewEvent],
        attempt: int,
    ) -> Job:
        """Write a job that changes its status."""
        check_transition(JobStatus(row.status), status)
        ended = self._clock_ms() if status.terminal else None
        after = replace(job, status=status, completion_timestamp_ms=ended)
        return self._write(connection, row, after, events, attempt)

    def _end_canceled(
        self, connection: Connection, row: Row[Any], job: Job, events: Sequence[NewEvent]
    ) -> Job:
        ended = NewEvent(
            EventKind.ENDED,
            {"status": JobStatus.CANCELED, "stop_reason": StopReason.CANCELED, "error_message": None},
        )
        canceled = replace(job, stop_reason=StopReason.CANCELED)
        return self._become(connection, row, JobStatus.CANCELED, canceled, [*events, ended], 0)

    def _write(
        self, connection: Connection, row: Row[Any], job: Job, events: Sequence[NewEvent], attempt: int
    ) -> Job:
        """Write what differs between the locked row and the job."""
        before, after = row._mapping, job_row(job)
        changed = {name: value for name, value in after.items() if before[name] != value}
        if changed:
            connection.execute(update(_jobs).where(_jobs.c.job_id == job.job_id).values(changed))
        if "body" in changed:
            self._reindex(connection, job_of(row), job)
        self._append(connection, row, attempt, events)
        return job

    def _index(self, connection: Connection, job: Job) -> None:
        for table, rows in ((tables.tags, tag_rows(job)), (tables.scores, score_rows(job))):
            if rows:
                connection.execute(table.insert(), rows)

    def _reindex(self, connection: Connection, before: Job, after: Job) -> None:
        for table, rows_of in ((tables.tags, tag_rows), (tables.scores, score_rows)):
            rows = rows_of(after)
            if rows != rows_of(before):
                connection.execute(delete(table).where(table.c.job_id == after.job_id))
                if rows:
                    connection.execute(table.insert(), rows)

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
        return job_of(row)
