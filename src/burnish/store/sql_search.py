"""Searching jobs."""

from __future__ import annotations

from sqlalchemy import Connection, select

from burnish.store import tables
from burnish.store.protocol import JobPage, JobQuery
from burnish.store.rows import job_of
from burnish.store.sql_records import SqlRecords

_jobs = tables.jobs


class SqlSearch(SqlRecords):
    """``JobRecords.search``."""

    async def search(self, query: JobQuery) -> JobPage:
        statement = select(_jobs).order_by(_jobs.c.creation_timestamp_ms.desc(), _jobs.c.job_id.desc())
        if query.experiment_ids:
            statement = statement.where(_jobs.c.experiment_id.in_(query.experiment_ids))

        def read(connection: Connection) -> JobPage:
            return JobPage(tuple(map(job_of, connection.execute(statement.limit(query.max_results)))))

        return await self._database.read(read)
