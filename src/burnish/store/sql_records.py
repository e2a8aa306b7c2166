"""What all parts of ``SqlJobStore`` share: the database, the clock, the fence and the numbering of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from burnish.domain.events import NewEvent
from burnish.domain.job import JobStatus
from burnish.errors import AttemptSuperseded, NotFound
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.encoding import storable, to_json

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


class SqlRecords:
    """Base of the parts of ``SqlJobStore``. All methods run inside a transaction of the caller's."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    def _locked(self, connection: Connection, job_id: str) -> Row[Any]:
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

    def _fenced(self, connection: Connection, job_id: str, attempt: int) -> Row[Any]:
        """The locked row of a job that this attempt still owns.

        Raises:
            AttemptSuperseded: it does not, or the job is gone or not IN_PROGRESS.
        """
        entry = Fenced(job_id=job_id, attempt=attempt)
        entry.check_storable()
        rows = self._fenced_rows(connection, [entry], tuple(_jobs.c))
        if not rows.owns(entry):
            raise AttemptSuperseded(job_id, attempt)
        return rows.by_id[job_id]

    def _fenced_rows(
        self,
        connection: Connection,
        entries: Sequence[Fenced],
        columns: Sequence[ColumnElement[Any]] = FENCE,
    ) -> FencedRows:
        """The rows of all jobs that somebody wants to write to, locked in the order of their ids, so that
        no two transactions wait for each other."""
        query = (
            select(*columns)
            .where(_jobs.c.job_id.in_({entry.job_id for entry in entries}))
            .order_by(_jobs.c.job_id)
            .with_for_update(key_share=True)
        )
        return FencedRows({row.job_id: row for row in connection.execute(query)})

    def _append(self, connection: Connection, row: Row[Any], attempt: int, new: Sequence[NewEvent]) -> None:
        """Number events on from the locked row's last and insert them."""
        if not new:
            return
        now = self._clock_ms()
        told = [(event.kind, to_json(dict(event.data))) for event in new]
        rows = event_rows(row.job_id, attempt, row.last_sequence, told, now)
        connection.execute(tables.events.insert(), rows)
        connection.execute(
            update(_jobs)
            .where(_jobs.c.job_id == row.job_id)
            .values(last_sequence=row.last_sequence + len(new))
        )


def event_rows(
    job_id: str, attempt: int, last_sequence: int, told: Sequence[tuple[str, str]], now_ms: int
) -> list[dict[str, Any]]:
    """Rows of ``tables.events`` for (kind, JSON text of the data), numbered on from ``last_sequence``."""
    return [
        {
            "job_id": job_id,
            "sequence": sequence,
            "attempt": attempt,
            "timestamp_ms": now_ms,
            "kind": kind,
            "data": data,
        }
        for sequence, (kind, data) in enumerate(told, start=last_sequence + 1)
    ]


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or replace those with the same primary key."""
    if not rows:
        return
    statement = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), list(rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose primary key is not there yet."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def claim(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its primary key is there. Waits for another transaction's claim to be decided.

    Returns:
        Whether the row was inserted.
    """
    inserted = _insert(connection, table).on_conflict_do_nothing().values(row).returning(*table.primary_key)
    return connection.execute(inserted).one_or_none() is not None


def _insert(connection: Connection, table: Table) -> Any:
    # The two dialects' inserts have the same methods and no common class that has them.
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
