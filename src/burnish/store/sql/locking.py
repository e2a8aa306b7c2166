"""The lock on a job's row, and the fence: only the current attempt of a running job may write.

All functions run inside a transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select

from burnish.domain.job import JobStatus
from burnish.errors import AttemptSuperseded, NotFound
from burnish.store import tables
from burnish.store.encoding import storable

_jobs = tables.jobs
FENCE = (_jobs.c.job_id, _jobs.c.attempt, _jobs.c.status, _jobs.c.last_sequence)


@dataclass(slots=True, kw_only=True)
class Fenced:
    """Something that one attempt wants to write."""

    job_id: str
    attempt: int

    def check_storable(self) -> None:
        """
        Raises:
            AttemptSuperseded: there can be no job of this id.
        """
        if not storable(self.job_id):
            raise AttemptSuperseded(self.job_id, self.attempt)


@dataclass(slots=True)
class FencedRows:
    """Locked rows of jobs, by id."""

    by_id: Mapping[str, Row[Any]]

    def owns(self, entry: Fenced) -> bool:
        """Whether the entry's attempt may write."""
        row = self.by_id.get(entry.job_id)
        return row is not None and row.attempt == entry.attempt and row.status == JobStatus.IN_PROGRESS


def lock_job(connection: Connection, job_id: str) -> Row[Any]:
    """The job's row, which no other transaction can change before this one ends.

    Raises:
        NotFound
    """
    row = None
    if storable(job_id):
        # FOR NO KEY UPDATE: rows that refer to the job can still be inserted beside it.
        query = select(_jobs).where(_jobs.c.job_id == job_id).with_for_update(key_share=True)
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("job", job_id)
    return row


def lock_attempt(connection: Connection, job_id: str, attempt: int) -> Row[Any]:
    """The locked row of a job that this attempt still owns.

    Raises:
        AttemptSuperseded: it does not, or the job is gone or not IN_PROGRESS.
    """
    entry = Fenced(job_id=job_id, attempt=attempt)
    entry.check_storable()
    rows = lock_fenced(connection, [entry], tuple(_jobs.c))
    if not rows.owns(entry):
        raise AttemptSuperseded(job_id, attempt)
    return rows.by_id[job_id]


def lock_fenced(
    connection: Connection,
    entries: Sequence[Fenced],
    columns: Sequence[ColumnElement[Any]] = FENCE,
) -> FencedRows:
    """The rows of all jobs that somebody wants to write to, locked in the order of their ids, so that
    no two transactions wait for each other."""
    job_ids = list({entry.job_id for entry in entries})
    rows = connection.execute(_lock(tuple(columns)), {"job_ids": job_ids})
    return FencedRows({row.job_id: row for row in rows})


@cache
def _lock(columns: tuple[ColumnElement[Any], ...]) -> Select[Any]:
    return (
        select(*columns)
        .where(_jobs.c.job_id.in_(bindparam("job_ids", expanding=True)))
        .order_by(_jobs.c.job_id)
        .with_for_update(key_share=True)
    )
