"""Searching jobs."""

from __future__ import annotations

from burnish.domain.records import JobPage, JobQuery
from burnish.store.search.plan import SearchPlan
from burnish.store.sql_records import SqlRecords


class SqlSearch(SqlRecords):
    """``JobRecords.search``."""

    async def search(self, query: JobQuery) -> JobPage:
        plan = SearchPlan(query, self._database.dialect)
        return await self._database.read(plan.run)
