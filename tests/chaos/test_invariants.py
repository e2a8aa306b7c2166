"""The checker sees what is wrong. (A chaos suite that finds nothing must be one that could.)"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete, text, update

from burnish.domain.job import JobStatus
from burnish.domain.records import CallKey
from burnish.store import tables
from burnish.tracking.description import JOB_TAG
from tests.chaos.deployment import Batch
from tests.chaos.invariants import Findings, candidates_of, check_invariants
from tests.chaos.resource_leaks import _named, gauge
from tests.worker.harness import WorkerHarness, WorkerProcess


class Case:
    """A job that was carried out in one go, and what the model and MLflow would have on record of it.

    Args:
        asked: the requests that the model got.
    """

    def __init__(self, harness: WorkerHarness, folder: Path, asked: list[str]) -> None:
        self.harness = harness
        self.requests: list[dict[str, Any]] = [
            {"model": "m", "request": key, "end": "answered", "at": 0.0, "path": "/w/v1"} for key in asked
        ]
        self.mlflow_file = folder / "mlflow.db"
        self.mlflow = sqlite3.connect(self.mlflow_file, isolation_level=None)
        for statement in (
            "CREATE TABLE runs (run_uuid, status, lifecycle_stage)",
            "CREATE TABLE tags (run_uuid, key, value)",
            "CREATE TABLE metrics (run_uuid, key, step)",
            "CREATE TABLE model_version_tags (key, value, name, version)",
        ):
            self.mlflow.execute(statement)
        self.add_run("run1", "FINISHED")
        self.mlflow.execute("INSERT INTO model_version_tags VALUES (?, 'job', 'p', '2')", (JOB_TAG,))
        self.batch = Batch(job_ids=["job"], models={"job": "m"})
        self.expected: list[Any] | None = None

    @property
    def store(self) -> Any:
        return self.harness.store

    @property
    def model(self) -> Any:
        return SimpleNamespace(requests=lambda: self.requests)

    def add_run(self, run_id: str, status: str) -> None:
        self.mlflow.execute("INSERT INTO runs VALUES (?, ?, 'active')", (run_id, status))
        self.mlflow.execute("INSERT INTO tags VALUES (?, ?, 'job')", (run_id, JOB_TAG))

    async def change(self, statement: Any) -> None:
        await self.store._database.write(lambda connection: connection.execute(statement))

    async def check(self) -> Findings:
        jobs = [
            await self.store.get(job_id) for job_id in self.batch.job_ids if job_id not in self.batch.deleted
        ]
        waiting = [job for job in jobs if not job.status.terminal]
        return await check_invariants(self, self.batch, waiting, self.expected)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The store of a job that was carried out in one go, and the requests that the model got."""
    folder = tmp_path_factory.mktemp("finished")

    async def run() -> list[str]:
        harness = WorkerHarness(folder)
        await harness.submit()
        process = WorkerProcess(harness)
        await process.run()
        await harness.close()
        return process.asked

    return folder / "burnish.db", asyncio.run(run())


@pytest.fixture
async def case(finished: tuple[Path, list[str]], tmp_path: Path) -> AsyncIterator[Case]:
    """A copy of it that a test may spoil."""
    file, asked = finished
    shutil.copy(file, tmp_path)
    harness = WorkerHarness(tmp_path)
    case = Case(harness, tmp_path, asked)
    case.expected = await candidates_of(case, "job")  # type: ignore[arg-type]
    yield case
    case.mlflow.close()
    await harness.close()


async def test_a_job_in_good_order_is_clean(case: Case) -> None:
    found = await case.check()
    assert found.clean, found
    assert (found.jobs, found.completed, found.calls) == (1, 1, len(case.requests))


async def test_a_finished_call_asked_again_is_seen(case: Case) -> None:
    case.requests.append(dict(case.requests[3]))
    assert (await case.check()).repeated == 1


async def test_a_repeat_of_a_call_that_was_in_flight_at_a_death_is_none(case: Case) -> None:
    case.requests.append(dict(case.requests[3]))
    entry = next(
        entry
        for entry in await case.store.journal_read("job")
        if entry.key.request_hash == case.requests[3]["request"]
    )
    await case.change(tables.calls_begun.insert().values(**begun(entry.key)))
    assert (await case.check()).repeated == 0


def begun(key: CallKey) -> dict[str, Any]:
    from burnish.domain.usage import Usage
    from burnish.store.sql.journal import call_to_row

    return call_to_row("job", key, Usage(1, 10, 10, 0)) | {"attempt": 0}


MLFLOW: dict[str, Callable[[Case], Any]] = {
    "two runs": lambda case: case.add_run("run2", "FINISHED"),
    "a metric logged twice": lambda case: case.mlflow.executemany(
        "INSERT INTO metrics VALUES ('run1', 'eval_score', 3)", [(), ()]
    ),
    "two versions": lambda case: case.mlflow.execute(
        "INSERT INTO model_version_tags VALUES (?, 'job', 'p', '3')", (JOB_TAG,)
    ),
}


@pytest.mark.parametrize("what", MLFLOW)
async def test_an_effect_that_is_there_twice_is_seen(what: str, case: Case) -> None:
    MLFLOW[what](case)
    assert (await case.check()).doubled


OPEN: dict[str, str] = {
    "a run that is still open": "UPDATE runs SET status = 'RUNNING'",
    "another run than the job's": "UPDATE runs SET run_uuid = 'x'",
}


@pytest.mark.parametrize("what", OPEN)
async def test_a_run_that_does_not_fit_is_seen(what: str, case: Case) -> None:
    case.mlflow.execute(OPEN[what])
    if "run_uuid" in OPEN[what]:
        case.mlflow.execute("UPDATE tags SET run_uuid = 'x'")
    assert (await case.check()).problems


async def test_a_version_that_is_missing_is_seen(case: Case) -> None:
    case.mlflow.execute("DELETE FROM model_version_tags")
    assert (await case.check()).lost


STORE: dict[str, Any] = {
    "a gap in the events": delete(tables.events).where(tables.events.c.sequence == 5),
    "events behind the end": update(tables.events)
    .where(tables.events.c.kind == "ENDED")
    .values(kind="PROGRESS"),
    "candidates of another trajectory": delete(tables.candidates).where(tables.candidates.c.number == 2),
    "more calls counted than allowed": text(
        """UPDATE burnish_jobs SET body = replace(body, '"calls"\\:', '"calls"\\:9')"""
    ),
}


@pytest.mark.parametrize("what", STORE)
async def test_a_store_in_disorder_is_seen(what: str, case: Case) -> None:
    await case.change(STORE[what])
    assert (await case.check()).problems


async def test_an_older_attempt_that_wrote_late_is_seen(case: Case) -> None:
    last = tables.events.c.kind == "ENDED"
    await case.change(update(tables.events).where(tables.events.c.sequence == 4).values(attempt=2))
    await case.change(update(tables.events).where(last).values(attempt=1))
    assert (await case.check()).doubled


async def test_a_job_that_does_not_end_is_lost(case: Case) -> None:
    await case.change(update(tables.jobs).values(status=JobStatus.IN_PROGRESS))
    assert (await case.check()).lost


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELED])
async def test_an_end_that_nobody_wanted_is_seen(status: JobStatus, case: Case) -> None:
    await case.change(update(tables.jobs).values(status=status))
    assert (await case.check()).problems


async def test_requests_after_the_end_are_seen(case: Case) -> None:
    case.batch.ended_at["job"] = 100.0
    case.requests[-1]["at"] = 103.0
    assert (await case.check()).problems


async def test_a_deadline_that_was_missed_is_listed_apart(case: Case) -> None:
    case.batch.late.append("the worker took 16 s to stop")
    found = await case.check()
    assert found.clean
    assert found.late == case.batch.late


def test_resource_leaks_are_named() -> None:
    found = {"attempts running in worker1": 2.0, "connections": 14.0, "messages in the queue": 0.0}
    assert _named(found, most_connections=14) == ["2 attempts running in worker1 left"]
    assert _named({"connections": 15.0}, most_connections=14) == ["15 connections left"]
    assert gauge("# HELP a\na_b 7\na 3.0\n", "a") == 3.0


async def test_what_a_deleted_job_leaves_is_seen(case: Case) -> None:
    case.batch.deleted["job"] = 100.0
    case.requests[-1]["at"] = 103.0
    found = await case.check()
    assert len(found.problems) == 2  # a run, and a request
