"""Numbered events."""

from __future__ import annotations

from sqlalchemy import Connection, select

from burnish.domain.events import Event, EventKind
from burnish.errors import NotFound
from burnish.store import tables
from burnish.store.encoding import from_json, storable
from burnish.store.sql_records import SqlRecords

_events = tables.events


class SqlEvents(SqlRecords):
    """``EventLog``."""

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
                )
                for row in connection.execute(query)
            )
            if not found and connection.scalar(exists) is None:
                raise NotFound("job", job_id)
            return found

        if not storable(job_id):
            raise NotFound("job", job_id)
        return await self._database.read(read)
