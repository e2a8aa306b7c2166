"""Whatever happens to jobs in whatever order: only legal changes, nothing from an older attempt, no gap."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import TRANSITIONS, JobStatus
from burnish.domain.records import Report
from burnish.domain.usage import Usage
from burnish.errors import AttemptSuperseded, BurnishError, InvalidState, NotFound
from burnish.store.protocol import JobStore
from burnish.store.testing.samples import a_call, a_candidate, a_job, an_answer, an_evaluation

Enter = Callable[[AsyncExitStack], Coroutine[Any, Any, list[JobStore]]]

SETTINGS = settings(
    max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@dataclass
class Expected:
    """What the store should say of one job."""

    status: JobStatus = JobStatus.PENDING
    attempt: int = 0
    cancel_requested: bool = False
    events: list[tuple[int, EventKind]] = field(default_factory=lambda: [(0, EventKind.CREATED)])
    written: set[int] = field(default_factory=set)  # attempts that left a candidate, an evaluation, a call

    def owned_by(self, attempt: int) -> bool:
        return self.attempt == attempt and self.status is JobStatus.IN_PROGRESS


class LifeOfJobs(RuleBasedStateMachine):
    """Two stores on one database, used in turn; ``Expected`` is the model they are held against."""

    job_ids = Bundle("job_ids")

    def __init__(self, enter: Enter) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.exits = AsyncExitStack()
        self.stores = self.runner.run(enter(self.exits))
        self.expected: dict[str, Expected] = {}
        self.deleted: set[str] = set()
        self.steps = 0

    def teardown(self) -> None:
        self.runner.run(self.exits.aclose())
        self.runner.close()

    @property
    def store(self) -> JobStore:
        self.steps += 1
        return self.stores[self.steps % 2]

    def do(self, action: Awaitable[Any], refused: type[BurnishError] | None) -> Any:
        """Run it; it must be refused with exactly this error, or not at all."""

        async def run() -> Any:
            return await action

        if refused is None:
            return self.runner.run(run())
        with pytest.raises(refused):
            self.runner.run(run())
        return None

    async def journal(self, job_id: str, attempt: int) -> None:
        calls, answers = [(a_call(attempt), Usage(1))], [an_answer(attempt)]
        await self.store.journal_write(job_id, attempt, calls, answers)

    def refusal(self, job_id: str, allowed: bool) -> type[BurnishError] | None:
        if job_id in self.deleted:
            return NotFound
        return None if allowed else InvalidState

    # --- what the API does

    @rule(target=job_ids)
    def create(self) -> str:
        job_id = f"job-{len(self.expected) + len(self.deleted)}"
        self.do(self.store.create(a_job(job_id)), None)
        self.expected[job_id] = Expected()
        return job_id

    @rule(job_id=job_ids)
    def request_cancel(self, job_id: str) -> None:
        job = self.expected.get(job_id, Expected())
        ended = job.status in (JobStatus.COMPLETED, JobStatus.FAILED)
        refused = self.refusal(job_id, not ended)
        self.do(self.store.request_cancel(job_id), refused)
        if refused or job.status is JobStatus.CANCELED:
            return
        if not job.cancel_requested:
            job.events.append((0, EventKind.CANCEL_REQUESTED))
        job.cancel_requested = True
        if job.status is not JobStatus.IN_PROGRESS:
            job.status = JobStatus.CANCELED
            job.events.append((0, EventKind.ENDED))

    @rule(job_id=job_ids)
    def reopen(self, job_id: str) -> None:
        job = self.expected.get(job_id, Expected())
        refused = self.refusal(job_id, job.status in (JobStatus.FAILED, JobStatus.CANCELED))
        self.do(self.store.reopen(job_id), refused)
        if not refused:
            job.status, job.cancel_requested = JobStatus.PENDING, False
            job.events.append((0, EventKind.RESUMED))

    @rule(job_id=job_ids)
    def fence(self, job_id: str) -> None:
        refused = self.refusal(job_id, allowed=True)
        self.do(self.store.fence(job_id), refused)
        if not refused:
            job = self.expected[job_id]
            job.attempt += 1
            if not job.status.terminal:
                job.status = JobStatus.CANCELED
                job.events.append((0, EventKind.ENDED))

    @rule(job_id=consumes(job_ids))
    def delete(self, job_id: str) -> None:
        self.do(self.store.delete(job_id), self.refusal(job_id, allowed=True))
        self.expected.pop(job_id, None)
        self.deleted.add(job_id)

    # --- what workers do, dead or alive

    @rule(job_id=job_ids)
    def take(self, job_id: str) -> None:
        job = self.expected.get(job_id, Expected())
        refused = self.refusal(job_id, not job.status.terminal)
        self.do(self.store.take(job_id, "worker"), refused)
        if not refused:
            job.attempt += 1
            job.status = JobStatus.IN_PROGRESS
            job.events.append((job.attempt, EventKind.STARTED))

    @rule(job_id=job_ids, late_by=st.sampled_from([0, 0, 0, 1, -1]), events=st.integers(0, 3))
    def write(self, job_id: str, late_by: int, events: int) -> None:
        job = self.expected.get(job_id, Expected())
        attempt = job.attempt - late_by
        owned = job_id in self.expected and job.owned_by(attempt)
        refused = None if owned else AttemptSuperseded
        news = [NewEvent(EventKind.PROGRESS, {})] * events
        for report in (
            Report(events=news),
            Report(candidates=[a_candidate(str(attempt))], events=news),
            Report(evaluations=[an_evaluation(str(attempt))]),
        ):
            self.do(self.store.report(job_id, attempt, report), refused)
        self.do(self.journal(job_id, attempt), refused)
        canceled = self.do(self.store.report(job_id, attempt, Report()), refused)
        if owned:
            assert canceled is job.cancel_requested
            job.events += [(attempt, EventKind.PROGRESS)] * (2 * events)
            job.written.add(attempt)

    @rule(job_id=job_ids, status=st.sampled_from(JobStatus), late_by=st.sampled_from([0, 0, 0, 1]))
    def change_status(self, job_id: str, status: JobStatus, late_by: int) -> None:
        job = self.expected.get(job_id, Expected())
        attempt = job.attempt - late_by
        refused: type[BurnishError] | None = None
        if job_id not in self.expected or not job.owned_by(attempt):
            refused = AttemptSuperseded
        elif status not in TRANSITIONS[job.status]:
            refused = InvalidState
        ended = [NewEvent(EventKind.ENDED, {"status": status})]
        self.do(self.store.update(job_id, attempt, {"status": status}, ended), refused)
        if not refused:
            job.status = status
            job.events.append((attempt, EventKind.ENDED))

    # --- what must hold after every step

    @invariant()
    def the_store_says_what_is_expected(self) -> None:
        async def look() -> None:
            for job_id, job in self.expected.items():
                found = await self.store.get(job_id)
                assert (found.status, found.attempt) == (job.status, job.attempt)
                assert found.cancel_requested == job.cancel_requested
                assert (found.completion_timestamp_ms is not None) == job.status.terminal
                events = await self.store.events(job_id)
                assert [event.sequence for event in events] == list(range(1, len(job.events) + 1))
                assert [(event.attempt, event.kind) for event in events] == job.events
                assert len(await self.store.candidates(job_id)) == len(job.written)
                assert len(await self.store.evaluations(job_id, "c")) == len(job.written)
                assert len(await self.store.journal_read(job_id)) == len(job.written)
            unfinished = {job_id for job_id, job in self.expected.items() if not job.status.terminal}
            assert set(await self.store.unfinished()) == unfinished

        self.runner.run(look())


Open = Callable[..., Any]


def life_in(enter: Enter) -> type[LifeOfJobs]:
    class LifeInTheseStores(LifeOfJobs):
        def __init__(self) -> None:
            super().__init__(enter)

    return LifeInTheseStores


def test_sqlite(sqlite_uri: str, open_store: Open, tmp_path: Path) -> None:
    async def enter(exits: AsyncExitStack) -> list[JobStore]:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(dir=tmp_path)))
        shutil.copy(tmp_path / "burnish.db", folder)
        uri = f"sqlite:///{folder}/burnish.db"
        return [await exits.enter_async_context(open_store(uri)) for _ in range(2)]

    run_state_machine_as_test(life_in(enter), settings=SETTINGS)


@pytest.mark.postgres
def test_postgres(migrated_postgres_uri: str, open_store: Open) -> None:
    async def enter(exits: AsyncExitStack) -> list[JobStore]:
        with psycopg.connect(migrated_postgres_uri, autocommit=True) as connection:
            connection.execute("DELETE FROM burnish_jobs")
        return [await exits.enter_async_context(open_store(migrated_postgres_uri)) for _ in range(2)]

    run_state_machine_as_test(life_in(enter), settings=SETTINGS)
