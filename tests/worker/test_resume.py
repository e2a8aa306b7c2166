"""A job that was interrupted goes on as if nothing had happened, and nothing is paid or done twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.budget import Budget
from burnish.domain.job import JobStatus, OptimizerType
from burnish.domain.records import Report
from burnish.llm.testing.faults import Faults
from burnish.tracking.memory import FakeRun
from burnish.tracking.protocol import RunStatus
from tests.worker.harness import Result, WorkerHarness, WorkerProcess

JITTER = Faults(jitter_seconds=0.004)  # answers overtake each other
CALLS = 55  # the undisturbed job makes a few more


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """The result of the same job in a harness without faults; each configuration is run once."""
    known: dict[str, Result] = {}

    async def find(**changes: Any) -> Result:
        key = repr(sorted(changes.items()))
        if key not in known:
            harness = WorkerHarness(tmp_path_factory.mktemp("undisturbed"))
            await harness.submit(**changes)
            await WorkerProcess(harness, faults=JITTER).run()
            known[key] = (await harness.result()).check()
            await harness.close()
        return known[key]

    return find


def _results_on(run: FakeRun) -> dict[str, list[tuple[int, float]]]:
    """Without what was spent, which lost calls add to."""
    spent = ("usage", "total_metric_calls")
    return {name: sorted(points) for name, points in run.metrics.items() if not name.startswith(spent)}


def assert_same(result: Result, expected: Result) -> None:
    """That a job came out as the other did, with its effects on MLflow once."""
    result.check()
    assert result.job.status is expected.job.status
    assert result.job.error_message == expected.job.error_message
    assert result.candidates == expected.candidates
    assert result.journal == expected.journal
    for name in ("stop_reason", "best_candidate_id", "final_eval_scores", "test_scores", "verdict"):
        assert getattr(result.job, name) == getattr(expected.job, name), name
    assert result.versions == expected.versions
    [run], [expected_run] = result.runs, expected.runs
    assert run.status is expected_run.status
    assert _results_on(run) == _results_on(expected_run)
    assert run.artifacts.keys() == expected_run.artifacts.keys()


async def resume(harness: WorkerHarness, dead: WorkerProcess, **options: Any) -> WorkerProcess:
    """Let another process go on, and see that it asks nothing again that is in the journal."""
    journal = (await harness.result()).journal
    process = WorkerProcess(harness, faults=JITTER, **options)
    await process.run(reason="recovered at start")
    again = [key for key in process.asked if key in journal]
    assert not again, f"{len(again)} finished calls were asked again"
    in_flight = (Counter(dead.asked) - journal).total()
    repeated = (Counter(process.asked) & Counter(dead.asked)).total()
    assert repeated <= in_flight
    return process


@pytest.mark.parametrize("call", [1, 2, 11, 23, 31, 38, 45, 52, CALLS])
async def test_a_job_killed_at_any_call_comes_out_the_same(
    call: int, harness: WorkerHarness, undisturbed: Callable[..., Any]
) -> None:
    await harness.submit()
    killed = WorkerProcess(harness, faults=JITTER, dies_at_call=call)
    await killed.run()
    assert (await harness.store.get("job")).status is JobStatus.IN_PROGRESS
    await resume(harness, killed)
    result = await harness.result()
    assert_same(result, await undisturbed())
    assert result.job.attempt == 2
    assert [event.data["reason"] for event in result.kinds("STARTED")] == ["submitted", "recovered at start"]


async def test_a_job_killed_again_and_again_comes_out_the_same(
    harness: WorkerHarness, undisturbed: Callable[..., Any]
) -> None:
    await harness.submit(budget=Budget(max_calls=400))
    before = WorkerProcess(harness, faults=JITTER, dies_at_call=7)
    await before.run()
    attempts = 1
    while not (await harness.store.get("job")).status.terminal:
        before = await resume(harness, before, dies_at_call=7)
        attempts += 1
    assert attempts > CALLS // 7
    assert_same(await harness.result(), await undisturbed(budget=Budget(max_calls=400)))


EFFECTS = ("ensure_run", "log", "register_winner", "end_run")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("effect", EFFECTS)
async def test_a_job_killed_around_an_effect_has_it_once(
    effect: str, when: str, harness: WorkerHarness, undisturbed: Callable[..., Any]
) -> None:
    await harness.submit()
    killed = WorkerProcess(harness, faults=JITTER)
    getattr(killed, when)[effect] = killed.die
    await killed.run()
    assert not killed.alive
    await resume(harness, killed)
    assert_same(await harness.result(), await undisturbed())


WRITES = ("update", "report", "journal_write")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("nth", [1, 4])
async def test_a_job_killed_around_a_write_comes_out_the_same(
    write: str, when: str, nth: int, harness: WorkerHarness, undisturbed: Callable[..., Any]
) -> None:
    await harness.submit()
    killed = WorkerProcess(harness, faults=JITTER)
    count = 0

    def die(*arguments: Any) -> None:
        nonlocal count
        count += 1
        if count == nth:
            killed.die()

    getattr(killed, when)[write] = die
    await killed.run()
    assert not killed.alive
    await resume(harness, killed)
    assert_same(await harness.result(), await undisturbed())


async def test_a_job_killed_at_its_very_last_write_is_over(
    harness: WorkerHarness, undisturbed: Callable[..., Any]
) -> None:
    await harness.submit()
    killed = WorkerProcess(harness, faults=JITTER)

    def die(job_id: str, attempt: int, changes: dict[str, Any], *_: Any) -> None:
        if changes.get("status") is JobStatus.COMPLETED:
            killed.die()

    killed.after["update"] = die
    await killed.run()
    assert not killed.alive
    late = WorkerProcess(harness)
    await late.run(reason="recovered at start")
    assert late.asked == []
    assert_same(await harness.result(), await undisturbed())


REFLECTION = "scripted:/hidden-rules-reflect"
EVERY_OPTIMIZER: dict[OptimizerType, dict[str, Any]] = {
    OptimizerType.JOINT_SEARCH: {"reflection_model": REFLECTION},
    OptimizerType.FACTORIAL: {"reflection_model": REFLECTION},
    OptimizerType.AUTO: {"reflection_model": REFLECTION},
    OptimizerType.FEW_SHOT: {"reflection_model": "scripted:/sentiment"},  # the teacher
    OptimizerType.METAPROMPT: {"reflection_model": REFLECTION},
    OptimizerType.GEPA: {"reflection_model": REFLECTION, "optimizer_config": {"max_metric_calls": 60}},
    OptimizerType.DISTILLATION: {
        "reflection_model": REFLECTION,
        "optimizer_config": {
            "teacher_prompt_uri": "prompts:/teacher/1",
            "teacher_model": "scripted:/sentiment",
            "student": "gepa",
            "student_config": {"max_metric_calls": 60},
        },
    },
}


@pytest.mark.parametrize("optimizer", OptimizerType)
async def test_every_optimizer_killed_again_and_again_finds_its_way(
    optimizer: OptimizerType, harness: WorkerHarness, undisturbed: Callable[..., Any]
) -> None:
    changes = {
        "optimizer_type": optimizer,
        "budget": Budget(max_calls=500),  # so that what dies in flight is not missed at the end
        **EVERY_OPTIMIZER.get(optimizer, {}),
    }
    expected = await undisturbed(**changes)
    assert expected.job.status is JobStatus.COMPLETED, expected.job.error_message
    await harness.submit(**changes)
    dies_at_call = max(10, expected.journal.total() // 6)
    process = WorkerProcess(harness, faults=JITTER, dies_at_call=dies_at_call)
    await process.run()
    attempts = 1
    while not (await harness.store.get("job")).status.terminal:
        process = await resume(harness, process, dies_at_call=dies_at_call)
        attempts += 1
    assert attempts > expected.journal.total() // dies_at_call
    assert_same(await harness.result(), expected)


async def test_a_worker_that_must_stop_gives_the_job_back_and_loses_no_answer(
    harness: WorkerHarness, undisturbed: Callable[..., Any]
) -> None:
    await harness.submit()
    stopped = WorkerProcess(harness, faults=JITTER)

    def stop(_job_id: str, _attempt: int, report: Report) -> None:
        if report.evaluations:
            stopped.interrupt()

    stopped.before["report"] = stop
    await stopped.run()
    job = await harness.store.get("job")
    assert (job.status, job.status_message) == (JobStatus.PENDING, "the worker stopped")
    assert job.seconds_spent > 0
    journal = (await harness.result()).journal
    assert journal == Counter(stopped.answered)
    await resume(harness, stopped)
    assert_same(await harness.result(), await undisturbed())


async def test_a_worker_that_must_stop_while_it_takes_the_job_gives_it_back(harness: WorkerHarness) -> None:
    await harness.submit()
    stopped = WorkerProcess(harness)
    stopped.before["take"] = lambda *_: stopped.interrupt()
    await stopped.run()
    job = await harness.store.get("job")
    assert (job.status, job.attempt) == (JobStatus.PENDING, 1)
    assert stopped.asked == []


async def test_a_failed_job_goes_on_from_what_it_has(
    harness: WorkerHarness, undisturbed: Callable[..., Any]
) -> None:
    await harness.submit()
    failing = WorkerProcess(harness, faults=Faults(shares={"401": 1.0}, from_request=25))
    await failing.run()
    failed = await harness.result()
    assert failed.job.status is JobStatus.FAILED
    assert "401" in str(failed.job.error_message)
    assert failed.runs[0].status is RunStatus.FAILED
    assert failing.slept == []  # a wrong key is not tried again
    await harness.store.reopen("job")
    await resume(harness, failing)
    result = await harness.result()
    result.runs[0].artifacts.pop("error.txt")
    assert_same(result, await undisturbed())
