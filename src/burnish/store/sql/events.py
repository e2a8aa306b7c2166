"""Numbered events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from burnish.domain.events import Event, EventKind, NewEvent
from burnish.errors import NotFound
from burnish.store import tables
from burnish.store.database import Database
from burnish.store.encoding import from_json, storable, to_json

_events = tables.events

EncodedEvent = tuple[str, str, str | None]
"""Kind, JSON text of the data, actor."""


class Events:
    """``EventLog``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def events(self, job_id: str, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        query = (
            select(_events)
            .where(_events.c.job_id == job_id, _events.c.sequence > after)
            .order_by(_events.c.sequence)
            .limit(limit)
        )
        exists = select(tables.jobs.c.job_id).where(tables.jobs.c.job_id == job_id)

        def read(connection: Connection) -> tuple[Event, ...]:
            found = tuple(
                Event(
                    job_id,
                    row.sequence,
                    row.attempt,
                    row.timestamp_ms,
                    EventKind(row.kind),
                    from_json(row.data),
                    row.actor,
                )
                for row in connection.execute(query)
            )
            if not found and connection.scalar(exists) is None:
                raise NotFound("job", job_id)
            return found

        if not storable(job_id):
            raise NotFound("job", job_id)
        return await self._database.read(read)


def has_event(connection: Connection, job_id: str, event: NewEvent) -> bool:
    """Whether the job has an event of this kind with this very data."""
    query = select(_events.c.data).where(_events.c.job_id == job_id, _events.c.kind == event.kind)
    return any(from_json(data) == dict(event.data) for data in connection.scalars(query))


def append_events(
    connection: Connection, row: Row[Any], attempt: int, new: Sequence[NewEvent], now_ms: int
) -> None:
    """Number events on from the last of the job's locked row and insert them."""
    if not new:
        return
    jobs = tables.jobs
    encoded = [encode_event(event) for event in new]
    connection.execute(_events.insert(), event_rows(row.job_id, attempt, row.last_sequence, encoded, now_ms))
    connection.execute(
        update(jobs).where(jobs.c.job_id == row.job_id).values(last_sequence=row.last_sequence + len(new))
    )


def encode_event(event: NewEvent) -> EncodedEvent:
    return event.kind, to_json(dict(event.data)), event.actor


def event_rows(
    job_id: str,
    attempt: int,
    last_sequence: int,
    encoded: Sequence[EncodedEvent],
    now_ms: int,
) -> list[dict[str, Any]]:
    """Rows of ``tables.events``, numbered on from ``last_sequence``."""
    return [
        {
            "job_id": job_id,
            "sequence": sequence,
            "attempt": attempt,
            "timestamp_ms": now_ms,
            "kind": kind,
            "data": data,
            "actor": actor,
        }
        for sequence, (kind, data, actor) in enumerate(encoded, start=last_sequence + 1)
    ]
