"""The life of a job: attempts, their writes behind the fence, and its ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import Connection, Row, func, select

from burnish.domain.events import ACTOR_FIELDS, EventKind, NewEvent
from burnish.domain.job import Job, JobStatus, StopReason
from burnish.errors import ExperimentFull, InvalidInput, InvalidState
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.rows import job_from_row
from burnish.store.sql.events import has_event
from burnish.store.sql.job_writer import JobWriter
from burnish.store.sql.locking import lock_attempt, lock_job

_jobs = tables.jobs
_CHANGEABLE = frozenset(entry.name for entry in fields(Job)) - {
    "job_id",
    "experiment_id",
    "creation_timestamp_ms",
    "config",
    "attempt",
    "cancel_requested",
    "deaths",
    "calls_when_taken",
    "inputs",
    "workspace",
    *ACTOR_FIELDS,
}


class Attempts:
    """The parts of ``JobRecords`` that change a job's status or its attempt.

    Args:
        hand_over: called with (connection, job id, priority) in the transaction that reopens a job.
    """

    def __init__(
        self,
        database: Database,
        writer: JobWriter,
        hand_over: Callable[[Connection, str, int], None],
        clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._writer = writer
        self._hand_over = hand_over
        self._clock_ms = clock_ms

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
            row = lock_job(connection, job_id)
            job = job_from_row(row)
            runs = job.status is JobStatus.IN_PROGRESS
            if runs and over_attempt is not None and job.attempt != over_attempt:
                raise InvalidState(f"job {job_id} runs in attempt {job.attempt}, on {job.worker_id}")
            if max_running_per_experiment is not None and not job.status.terminal:
                self._require_room(connection, job, max_running_per_experiment)
            now = self._clock_ms()
            calls = self._finished_calls(connection, job_id)
            died = runs and job.worker_id != worker_id  # a worker may lose the store, and take its job again
            taken = replace(
                job,
                attempt=job.attempt + 1,
                deaths=0 if calls > job.calls_when_taken else job.deaths + died,
                calls_when_taken=calls,
                worker_id=worker_id,
                heartbeat_timestamp_ms=now,
                start_timestamp_ms=now if job.start_timestamp_ms is None else job.start_timestamp_ms,
            )
            data: dict[str, Any] = {"attempt": taken.attempt, "worker_id": worker_id, "reason": reason}
            if taken.deaths:
                data["deaths"] = taken.deaths
            started = NewEvent(EventKind.STARTED, data)
            return self._writer.change_status(
                connection, row, JobStatus.IN_PROGRESS, taken, [started], taken.attempt
            )

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
            row = lock_attempt(connection, job_id, attempt)
            job = replace(job_from_row(row), **changes)
            if "progress" in changes and "progress_updated_at_ms" not in changes:
                job = replace(job, progress_updated_at_ms=self._clock_ms())
            if "status" in changes:
                return self._writer.change_status(connection, row, changes["status"], job, events, attempt)
            return self._writer.write(connection, row, job, events, attempt)

        return await self._database.write(change)

    async def request_cancel(self, job_id: str, actor: str | None = None) -> Job:
        def cancel(connection: Connection) -> Job:
            row = lock_job(connection, job_id)
            job = job_from_row(row)
            if job.status is JobStatus.CANCELED:
                return job
            if job.status.terminal:
                raise InvalidState(
                    f"job {job_id} is {job.status}; only a job that has not ended can be canceled"
                )
            asked = () if job.cancel_requested else (NewEvent(EventKind.CANCEL_REQUESTED, {}, actor),)
            marked = replace(job, cancel_requested=True, canceled_by=job.canceled_by or actor)
            if job.status is JobStatus.IN_PROGRESS:
                return self._writer.write(connection, row, marked, asked, 0)
            return self._end_canceled(connection, row, marked, asked)

        return await self._database.write(cancel)

    async def reopen(self, job_id: str, actor: str | None = None) -> Job:
        def resume(connection: Connection) -> Job:
            row = lock_job(connection, job_id)
            job = job_from_row(row)
            if job.status not in (JobStatus.FAILED, JobStatus.CANCELED):
                raise InvalidState(
                    f"job {job_id} is {job.status}; only a FAILED or CANCELED job can be resumed"
                )
            opened = replace(
                job,
                cancel_requested=False,
                canceled_by=None,
                worker_id=None,
                heartbeat_timestamp_ms=None,
                completion_timestamp_ms=None,
                status_message=None,
                error_message=None,
                stop_reason=None,
                deaths=0,
                retries=0,
            )
            resumed = [NewEvent(EventKind.RESUMED, {}, actor)]
            after = self._writer.change_status(connection, row, JobStatus.PENDING, opened, resumed, 0)
            self._hand_over(connection, job_id, job.priority)
            return after

        return await self._database.write(resume)

    async def record_registration(
        self, job_id: str, registered: NewEvent, optimized_prompt_uris: Sequence[str]
    ) -> Job:
        def record(connection: Connection) -> Job:
            row = lock_job(connection, job_id)
            job = job_from_row(row)
            if not job.status.terminal:
                raise InvalidState(f"job {job_id} is {job.status}; it registers its winner itself")
            if not job.optimized_prompt_uris:
                job = replace(job, optimized_prompt_uris=tuple(optimized_prompt_uris))
            new = () if has_event(connection, job_id, registered) else (registered,)
            return self._writer.write(connection, row, job, new, 0)

        return await self._database.write(record)

    async def record_act(self, job_id: str, act: NewEvent) -> Job:
        def record(connection: Connection) -> Job:
            row = lock_job(connection, job_id)
            return self._writer.write(connection, row, job_from_row(row), (act,), 0)

        return await self._database.write(record)

    async def fence(
        self, job_id: str, found: Mapping[str, Any] | None = None, actor: str | None = None
    ) -> Job:
        def stop(connection: Connection) -> Job:
            row = lock_job(connection, job_id)
            job = job_from_row(row)
            fenced = replace(job, attempt=job.attempt + 1)
            if job.status.terminal:
                return self._writer.write(connection, row, fenced, (), 0)
            canceled = replace(fenced, canceled_by=actor or job.canceled_by, **(found or {}))
            return self._end_canceled(connection, row, canceled, ())

        return await self._database.write(stop)

    # --- inside a transaction

    def _finished_calls(self, connection: Connection, job_id: str) -> int:
        finished = tables.calls_finished.c
        query = select(func.count()).select_from(tables.calls_finished).where(finished.job_id == job_id)
        return connection.scalar(query) or 0

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

    def _end_canceled(
        self, connection: Connection, row: Row[Any], job: Job, events: Sequence[NewEvent]
    ) -> Job:
        ended = NewEvent(
            EventKind.ENDED,
            {"status": JobStatus.CANCELED, "stop_reason": StopReason.CANCELED, "error_message": None},
            job.canceled_by,
        )
        canceled = replace(job, stop_reason=StopReason.CANCELED)
        return self._writer.change_status(connection, row, JobStatus.CANCELED, canceled, [*events, ended], 0)
