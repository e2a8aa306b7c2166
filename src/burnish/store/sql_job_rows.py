"""Writing a job's row: the state machine, and what is kept for searching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, update

from burnish.domain.events import NewEvent
from burnish.domain.job import Job, JobStatus, check_transition
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.rows import job_of, job_row, score_rows, tag_rows
from burnish.store.sql_records import SqlRecords

_jobs = tables.jobs


class SqlJobRows(SqlRecords):
    """Base of the parts that write jobs.

    Args:
        hand_over: called with (connection, job id, priority) in the transactions that create and reopen.
    """

    def __init__(
        self,
        database: Database,
        clock_ms: Callable[[], int],
        hand_over: Callable[[Connection, str, int], None],
    ) -> None:
        super().__init__(database, clock_ms)
        self._hand_over = hand_over

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
