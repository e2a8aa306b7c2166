"""Writing a job's row: the state machine, and what is kept for searching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, update
from sqlalchemy.exc import IntegrityError

from burnish.domain.events import ACTORS, NewEvent
from burnish.domain.job import Job, JobStatus, check_transition
from burnish.errors import Conflict
from burnish.store import tables
from burnish.store.rows import job_from_row, job_to_row, score_rows, tag_rows
from burnish.store.sql.events import append_events, encode_event, event_rows

_jobs = tables.jobs


class JobWriter:
    """Writes jobs inside transactions of the caller's."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms

    def insert(self, connection: Connection, job: Job, created: NewEvent) -> None:
        """The new job with its first event.

        Raises:
            Conflict: there is a job of this id.
            InvalidInput: a searchable text holds what no database takes.
        """
        try:
            connection.execute(_jobs.insert(), job_to_row(job) | {"last_sequence": 1})
        except IntegrityError:
            raise Conflict(f"job {job.job_id!r} exists already") from None
        for table, rows in ((tables.tags, tag_rows(job)), (tables.scores, score_rows(job))):
            if rows:
                connection.execute(table.insert(), rows)
        events = event_rows(job.job_id, 0, 0, [encode_event(created)], self._clock_ms())
        connection.execute(tables.events.insert(), events)

    def change_status(
        self,
        connection: Connection,
        row: Row[Any],
        status: JobStatus,
        job: Job,
        events: Sequence[NewEvent],
        attempt: int,
    ) -> Job:
        """Write a job that changes its status.

        Raises:
            InvalidState: the change is not legal.
        """
        check_transition(JobStatus(row.status), status)
        ended = self._clock_ms() if status.terminal else None
        after = replace(job, status=status, completion_timestamp_ms=ended)
        return self.write(connection, row, after, events, attempt)

    def write(
        self, connection: Connection, row: Row[Any], job: Job, events: Sequence[NewEvent], attempt: int
    ) -> Job:
        """Write what differs between the locked row and the job, and append events."""
        job = _with_actors(job, events)
        before, after = row._mapping, job_to_row(job)
        changed = {name: value for name, value in after.items() if before[name] != value}
        if changed:
            connection.execute(update(_jobs).where(_jobs.c.job_id == job.job_id).values(changed))
        if "body" in changed:
            self._reindex(connection, job_from_row(row), job)
        append_events(connection, row, attempt, events, self._clock_ms())
        return job

    def _reindex(self, connection: Connection, before: Job, after: Job) -> None:
        for table, rows_of in ((tables.tags, tag_rows), (tables.scores, score_rows)):
            rows = rows_of(after)
            if rows != rows_of(before):
                connection.execute(delete(table).where(table.c.job_id == after.job_id))
                if rows:
                    connection.execute(table.insert(), rows)


def _with_actors(job: Job, events: Sequence[NewEvent]) -> Job:
    """The job with those who did to it what the events report."""
    actors: dict[str, Any] = {
        ACTORS[event.kind]: event.actor for event in events if event.actor and event.kind in ACTORS
    }
    return replace(job, **actors) if actors else job
