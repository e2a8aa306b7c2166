"""``SqlJobStore``: the store on SQLite or PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Connection

from burnish.domain.records import JobPage, JobQuery
from burnish.store.database import Database
from burnish.store.search.plan import SearchPlan
from burnish.store.sql.attempts import Attempts
from burnish.store.sql.candidates import Candidates
from burnish.store.sql.events import Events
from burnish.store.sql.identity import identity_of
from burnish.store.sql.inputs import Inputs
from burnish.store.sql.job_writer import JobWriter
from burnish.store.sql.jobs import Jobs
from burnish.store.sql.journal import Journal
from burnish.store.sql.reports import Reports


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def _no_hand_over(connection: Connection, job_id: str, priority: int) -> None:
    """For a dispatcher that finds its jobs in the store itself."""


class SqlJobStore:
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
        self._database = database = Database(uri)
        writer = JobWriter(clock_ms)
        # What the protocol promises is said there; each method here is its part's own.
        inputs = Inputs(database, writer, clock_ms)
        self.keep_inputs, self.find_inputs = inputs.keep_inputs, inputs.find_inputs
        self.find_data, self.examples = inputs.find_data, inputs.examples
        self.prune_contents = inputs.prune_contents
        jobs = Jobs(database, writer, inputs, hand_over)
        self.create, self.find_made, self.delete = jobs.create, jobs.find_made, jobs.delete
        self.get, self.count_by_status = jobs.get, jobs.count_by_status
        self.get_existing, self.versions = jobs.get_existing, jobs.versions
        self.unfinished, self.heartbeats = jobs.unfinished, jobs.heartbeats
        self.experiment_ids, self.workspaces = jobs.experiment_ids, jobs.workspaces
        attempts = Attempts(database, writer, hand_over, clock_ms)
        self.take, self.update, self.fence = attempts.take, attempts.update, attempts.fence
        self.request_cancel, self.reopen = attempts.request_cancel, attempts.reopen
        self.record_registration, self.record_act = attempts.record_registration, attempts.record_act
        self.report = Reports(database, clock_ms).report
        self.events = Events(database).events
        candidates = Candidates(database)
        self.candidates, self.evaluations = candidates.candidates, candidates.evaluations
        self.scores = candidates.scores
        journal = Journal(database)
        self.journal_write, self.journal_read = journal.write, journal.read
        self.journal_totals, self.journal_prune = journal.totals, journal.prune
        self.check, self.close = database.check, database.close

    async def identity(self) -> str:
        return await self._database.read(identity_of)

    async def search(self, query: JobQuery) -> JobPage:
        """
        Raises:
            InvalidInput: filter, order or page token cannot be read.
        """
        plan = SearchPlan(query, self._database.dialect)
        return await self._database.read(plan.run)
