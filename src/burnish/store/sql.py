"""``SqlJobStore``: the store on SQLite or PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection

from burnish.store.database import Database
from burnish.store.sql_attempts import SqlAttempts
from burnish.store.sql_candidates import SqlCandidates
from burnish.store.sql_events import SqlEvents
from burnish.store.sql_jobs import SqlJobs
from burnish.store.sql_journal import SqlJournal
from burnish.store.sql_reports import SqlReports
from burnish.store.sql_search import SqlSearch


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def _no_hand_over(connection: Connection, job_id: str, priority: int) -> None:
    """For a dispatcher that finds its jobs in the store itself."""


class SqlJobStore(SqlJobs, SqlAttempts, SqlSearch, SqlEvents, SqlCandidates, SqlReports, SqlJournal):
    """All state of Burnish, behind ``protocol.JobStore``. Opening brings the schema up to date.

    Args:
        uri: ``sqlite:///FILE.db``, ``sqlite:////ABSOLUTE/FILE.db`` or ``postgresql://USER@HOST/DATABASE``.
        clock_ms: milliseconds since 1970.
        hand_over: ``Dispatcher.hand_over``; called with (connection, job id, priority) inside the
            transactions of ``create`` and ``reopen``. Must not commit.

    Raises:
        InvalidInput: the URI is wrong, its file cannot be used, or a newer Burnish wrote the store.
        StoreUnavailable: the server does not answer.
    """

    def __init__(
        self,
        uri: str,
        *,
        clock_ms: Callable[[], int] = _wall_clock_ms,
        hand_over: Callable[[Connection, str, int], None] = _no_hand_over,
    ) -> None:
        super().__init__(Database(uri), clock_ms, hand_over)

    async def check(self) -> None:
        await self._database.check()

    async def close(self) -> None:
        await self._database.close()
