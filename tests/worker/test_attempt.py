"""What ends an attempt: a cancel, a delete, a rival, a budget, and causes outside the job."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from burnish.concurrency import eventually
from burnish.domain.budget import Budget
from burnish.domain.job import JobStatus, StopReason
from burnish.errors import ExperimentFull, StoreUnavailable, TrackingUnavailable
from burnish.llm.protocol import Request, Response
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.scripted import ScriptedProvider
from burnish.tracking.memory import FakeRun
from burnish.tracking.protocol import RunStatus
from tests.worker.harness import WorkerHarness, WorkerProcess

SLOW = Faults(latency_seconds=0.02)
HANGING = Faults(shares={"hang": 1.0}, from_request=20)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"


async def until_asked(process: WorkerProcess, calls: int) -> None:
    async with asyncio.timeout(60):
        while len(process.asked) < calls:  # noqa: ASYNC110 - the condition is the state of another task
            await asyncio.sleep(0.002)


def the_run(harness: WorkerHarness) -> FakeRun:
    [run] = harness.tracker.runs_of("job")
    return run


def away(*_: Any) -> None:
    raise TrackingUnavailable("MLflow is away")


# --- cancel


async def test_a_cancel_ends_calls_in_flight_and_keeps_the_best(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness, faults=HANGING)
    running = asyncio.create_task(process.run())
    await until_asked(process, 21)
    await harness.store.request_cancel("job")
    async with asyncio.timeout(30):  # a call would hang for the minute of its own deadline
        await running
    assert process.scripted.in_flight == 0
    result = (await harness.result()).check()
    job = result.job
    assert (job.status, job.stop_reason) == (JobStatus.CANCELED, StopReason.CANCELED)
    best = max((entry for entry in result.candidates if entry[3]), key=lambda entry: entry[3]["aggregate"])
    assert job.best_candidate_id == best[1]
    assert job.final_eval_scores == best[3]
    assert the_run(harness).status is RunStatus.KILLED
    assert result.events[-1].kind.value == "ENDED"


async def test_an_announced_cancel_needs_no_heartbeat(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness, faults=HANGING, heartbeat_seconds=3600.0)
    running = asyncio.create_task(process.run())
    await until_asked(process, 21)
    await harness.store.request_cancel("job")
    process.interrupt()
    async with asyncio.timeout(60):
        await running
    result = await harness.result()
    assert result.job.status is JobStatus.CANCELED
    assert the_run(harness).status is RunStatus.KILLED
    measured = [entry[0] for entry in result.candidates if entry[3]]
    assert measured
    for number in measured:
        assert f"prompt_candidates/iteration_{number}/scores.json" in the_run(harness).artifacts


@pytest.mark.parametrize("method", ["ensure_run", "log", "register_winner"])
async def test_a_cancel_at_any_moment_ends_the_run_once(method: str, harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness)
    loop = asyncio.get_running_loop()

    def cancel(*_: Any) -> None:  # in the effect's thread: it is under way while the cancel arrives
        asyncio.run_coroutine_threadsafe(harness.store.request_cancel("job"), loop).result(60)
        asyncio.run_coroutine_threadsafe(process.interrupted(), loop).result(60)

    process.before[method] = cancel
    await process.run()
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.CANCELED
    assert result.job.run_id == the_run(harness).run_id
    assert the_run(harness).status is RunStatus.KILLED


async def test_a_cancel_that_a_dead_worker_did_not_see_is_done_by_the_next(harness: WorkerHarness) -> None:
    await harness.submit()
    dead = WorkerProcess(harness, dies_at_call=25, heartbeat_seconds=3600.0)
    await dead.run()
    await harness.store.request_cancel("job")
    process = WorkerProcess(harness)
    await process.run()
    assert process.asked == []
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.CANCELED
    assert the_run(harness).status is RunStatus.KILLED


async def test_a_cancel_finds_the_run_that_a_dead_worker_could_not_write_down(harness: WorkerHarness) -> None:
    await harness.submit()
    dead = WorkerProcess(harness, heartbeat_seconds=3600.0)
    dead.after["ensure_run"] = dead.die
    await dead.run()
    assert (await harness.store.get("job")).run_id is None
    await harness.store.request_cancel("job")
    await WorkerProcess(harness).run()
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.CANCELED
    assert result.job.run_id == the_run(harness).run_id
    assert the_run(harness).status is RunStatus.KILLED


async def test_a_cancel_is_final_even_while_mlflow_is_away(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness, faults=HANGING)
    running = asyncio.create_task(process.run())
    await until_asked(process, 21)
    harness.tracker.away = True
    await harness.store.request_cancel("job")
    async with asyncio.timeout(60):
        while not (await harness.store.get("job")).status.terminal:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await running
    assert the_run(harness).status is RunStatus.RUNNING  # nobody could close it


async def test_work_that_is_cancelled_from_inside_is_a_failure(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(
        harness, heartbeat_seconds=30
    )  # so that the work itself writes, not the heartbeat

    def cancel(*_: Any) -> None:
        process.before.clear()  # its end may write
        raise asyncio.CancelledError

    process.before["report"] = cancel
    await process.run()
    job = await harness.store.get("job")
    assert job.status is JobStatus.FAILED
    assert "cancelled from inside" in str(job.error_message)


async def test_a_process_that_ends_all_its_tasks_at_once_ends(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness, faults=HANGING)
    running = asyncio.create_task(process.run())
    await until_asked(process, 21)
    process.alive = False
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    async with asyncio.timeout(60):
        await asyncio.gather(running, *others, return_exceptions=True)


# --- delete, and other owners


async def test_a_job_deleted_while_it_runs_leaves_nothing(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness, faults=SLOW)
    running = asyncio.create_task(process.run())
    await until_asked(process, 10)
    job = await harness.store.fence("job")
    process.interrupt()
    harness.tracker.delete_run(str(job.run_id))
    await harness.store.delete("job")
    await running
    assert harness.tracker.runs_of("job") == []
    assert len(harness.tracker.versions["p"]) == 1


async def test_a_job_deleted_while_its_run_is_being_made_leaves_no_run(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness)
    loop = asyncio.get_running_loop()

    async def delete() -> None:
        await harness.store.fence("job")
        await harness.store.delete("job")

    process.before["ensure_run"] = lambda *_: asyncio.run_coroutine_threadsafe(delete(), loop).result(60)
    await process.run()
    assert harness.tracker.runs_of("job") == []
    assert process.asked == []


async def test_a_job_deleted_and_announced_while_its_run_is_being_made_leaves_no_run(
    harness: WorkerHarness,
) -> None:
    await harness.submit()
    process = WorkerProcess(harness)
    loop = asyncio.get_running_loop()

    async def delete() -> None:
        await harness.store.fence("job")
        process.interrupt()
        await harness.store.delete("job")

    process.before["ensure_run"] = lambda *_: asyncio.run_coroutine_threadsafe(delete(), loop).result(60)
    await process.run()
    assert harness.tracker.runs_of("job") == []


@pytest.mark.parametrize("calls", [1, 15, 40])
async def test_a_superseded_worker_writes_nothing_and_asks_nothing(
    calls: int, harness: WorkerHarness
) -> None:
    await harness.submit(concurrency=4)
    superseded = WorkerProcess(harness, faults=SLOW)
    running = asyncio.create_task(superseded.run())
    await until_asked(superseded, calls)
    await harness.store.take("job", "the other")
    asked, before = len(superseded.asked), await harness.result()
    await running
    assert len(superseded.asked) - asked <= 4  # those whose note had been written
    after = await harness.result()
    assert after.journal == before.journal
    assert after.events == before.events
    assert after.candidates == before.candidates
    assert after.job == before.job
    assert superseded.slept == []  # and it does not come back


async def test_a_superseded_worker_that_opens_the_run_of_an_ended_job_closes_it_again(
    harness: WorkerHarness,
) -> None:
    await harness.submit()
    superseded, other = WorkerProcess(harness), WorkerProcess(harness)
    loop = asyncio.get_running_loop()
    over = other.run(reason="attempt 1 seemed dead", over=1)
    superseded.before["ensure_run"] = lambda *_: asyncio.run_coroutine_threadsafe(over, loop).result(60)
    await superseded.run()
    result = (await harness.result()).check()
    assert (result.job.status, result.job.attempt) == (JobStatus.COMPLETED, 2)
    assert superseded.asked == []
    assert the_run(harness).status is RunStatus.FINISHED


async def test_two_workers_on_one_job_give_one_result(harness: WorkerHarness) -> None:
    await harness.submit()
    one, other = WorkerProcess(harness, faults=SLOW), WorkerProcess(harness, faults=SLOW)
    first = asyncio.create_task(one.run())
    await until_asked(one, 10)
    await asyncio.gather(other.run(reason="attempt 1 seemed dead", over=1), first)
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED
    assert result.job.attempt == 2
    assert len(result.versions) == 1
    assert the_run(harness).status is RunStatus.FINISHED


async def test_a_job_that_runs_elsewhere_is_left_alone(harness: WorkerHarness) -> None:
    await harness.submit()
    await harness.store.take("job", "the other")
    process = WorkerProcess(harness)
    await process.run(over=0)
    assert process.asked == []
    assert (await harness.store.get("job")).attempt == 1


@pytest.mark.parametrize("faults", [Faults(latency_seconds=0.01), HANGING], ids=["busy", "waiting"])
async def test_a_running_job_writes_heartbeats(faults: Faults, harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness, faults=faults)
    running = asyncio.create_task(process.run())
    await until_asked(process, 21)
    for _ in range(4):
        before = await harness.store.heartbeats()
        async with asyncio.timeout(60):
            while await harness.store.heartbeats() == before:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    process.die()
    await running


# --- budgets


@pytest.mark.parametrize("max_calls", [59, 60, 62])  # 43 are enough, were none of them lost by the deaths
async def test_a_budget_is_kept_to_the_call_across_deaths(max_calls: int, harness: WorkerHarness) -> None:
    await harness.submit(budget=Budget(max_calls=max_calls), concurrency=8)
    asked, deaths = 0, 0
    while not (await harness.store.get("job")).status.terminal:
        process = WorkerProcess(harness, faults=Faults(jitter_seconds=0.004), dies_at_call=9)
        await process.run()
        asked += len(process.asked)
        deaths += not process.alive
    result = (await harness.result()).check()
    assert deaths > 1
    assert result.job.status is JobStatus.COMPLETED, result.job.error_message
    assert result.job.stop_reason is StopReason.BUDGET
    # What was begun counts, answered or not; some of it was never sent. No call is free.
    counted = result.job.usage.total.calls
    assert asked <= counted <= max_calls
    assert 0 < counted - result.journal.total() <= 8 * deaths


async def test_running_time_counts_over_all_attempts(harness: WorkerHarness) -> None:
    """On a clock that only answers move: 0.2 s each."""
    now, beats, scripted = 0.0, 0, ScriptedProvider()

    def beat(*_: Any) -> None:
        nonlocal beats
        beats += 1

    async def answer(request: Request) -> Response:
        nonlocal now
        before = beats
        await eventually(
            lambda: beats >= before + 2
        )  # the second began since, and wrote down the running time
        now += 0.2
        return await scripted.complete(request, "sentiment", 60.0)

    await harness.submit(budget=Budget(max_seconds=2.0), concurrency=1)
    attempts = 0
    while not (await harness.store.get("job")).status.terminal:
        process = WorkerProcess(harness, answer=answer, dies_at_call=3, clock=lambda: now)
        process.after["report"] = beat
        await process.run()
        attempts += 1
    job = await harness.store.get("job")
    assert job.stop_reason is StopReason.BUDGET
    assert attempts > 1
    assert 0.2 <= job.seconds_spent <= now <= 2.001 + 0.2 * attempts  # each death loses the call before it


async def test_a_quiet_stretch_counts_too(harness: WorkerHarness) -> None:
    """One answer that takes an hour: the worker dies before it comes, and nothing else has changed."""
    now, beats = 0.0, 0

    def beat(*_: Any) -> None:
        nonlocal beats
        beats += 1

    async def two_beats() -> None:
        before = beats
        await eventually(lambda: beats >= before + 2)

    async def answer(request: Request) -> Response:
        nonlocal now
        await two_beats()  # what there is to show is shown
        now += 3600.0
        await two_beats()
        process.die()
        return await asyncio.Future()

    await harness.submit(concurrency=1)
    process = WorkerProcess(harness, answer=answer, clock=lambda: now)
    process.after["report"] = beat
    await process.run()
    assert (await harness.store.get("job")).seconds_spent == pytest.approx(3600.0)


# --- deaths


async def test_a_job_that_kills_its_workers_again_and_again_is_given_up(harness: WorkerHarness) -> None:
    await harness.submit()
    waits = []
    for _ in range(5):
        victim = WorkerProcess(harness, dies_at_call=1)
        await victim.run(reason="recovered at start")
        assert not victim.alive
        waits.append(sum(victim.slept))
    last = WorkerProcess(harness)
    await last.run(reason="recovered at start")
    result = (await harness.result()).check()
    assert (result.job.status, result.job.stop_reason) == (JobStatus.FAILED, StopReason.ERROR)
    assert "the last 5 attempts died with their worker" in str(result.job.error_message)
    assert "BURNISH_MAX_JOB_DEATHS" in str(result.job.error_message)
    assert last.asked == []
    assert the_run(harness).status is RunStatus.FAILED
    assert [event.data.get("deaths") for event in result.kinds("STARTED")] == [None, 1, 2, 3, 4, 5]
    assert waits[:2] == [0, 0]  # the first death costs its neighbours nothing
    assert 0 < waits[2] < waits[3]  # then longer and longer

    await harness.store.reopen("job")
    await WorkerProcess(harness).run()
    assert (await harness.result()).check().job.status is JobStatus.COMPLETED


async def test_deaths_of_a_job_that_gets_on_do_not_count(harness: WorkerHarness) -> None:
    await harness.submit(concurrency=1)
    attempts = 0
    while not (await harness.store.get("job")).status.terminal:
        await WorkerProcess(harness, dies_at_call=3).run()
        attempts += 1
    job = (await harness.result()).check().job
    assert attempts > 10
    assert job.status is JobStatus.COMPLETED, job.error_message


async def test_a_cancel_does_not_wait_for_a_job_that_kills_its_workers(harness: WorkerHarness) -> None:
    await harness.submit()
    for _ in range(3):
        await WorkerProcess(harness, dies_at_call=1).run()
    await harness.store.request_cancel("job")
    process = WorkerProcess(harness)
    await process.run()
    assert process.slept == []
    assert (await harness.store.get("job")).status is JobStatus.CANCELED


# --- causes outside


async def test_a_completed_job_shows_all_of_its_work_as_done(harness: WorkerHarness) -> None:
    await harness.submit()
    await WorkerProcess(harness).run()
    job = (await harness.result()).job
    assert job.status is JobStatus.COMPLETED
    assert job.progress is not None
    assert job.progress.completed == job.progress.total == job.usage.total.calls > 0
    assert job.best_score == job.final_eval_scores["aggregate"]


async def test_a_job_waits_for_mlflow_at_its_end(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness)
    harness.tracker.failures["register_winner"] = TrackingUnavailable("MLflow is away")
    await process.run()
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED
    assert result.job.attempt == 2
    [retry] = result.kinds("RETRY")
    assert "MLflow is away" in retry.data["reason"]
    assert [event.data["reason"] for event in result.kinds("STARTED")][1].endswith("MLflow is away")
    assert process.asked == list(dict.fromkeys(process.asked))  # nothing was asked again
    assert len(result.versions) == 1


async def test_candidates_come_to_the_run_late_while_mlflow_is_away(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness)
    harness.tracker.failures["log"] = TrackingUnavailable("MLflow is away")
    await process.run()
    result = (await harness.result()).check()
    assert (result.job.status, result.job.attempt) == (JobStatus.COMPLETED, 1)
    measured = [entry for entry in result.candidates if entry[3]]
    logged = {
        name.split("/")[1] for name in the_run(harness).artifacts if name.startswith("prompt_candidates")
    }
    assert len(logged) == len(measured)


@pytest.mark.parametrize("method", ["log", "end_run"])
async def test_a_run_deleted_in_mid_job_is_noticed_and_does_not_stay_running(
    method: str, harness: WorkerHarness
) -> None:
    await harness.submit()
    process = WorkerProcess(harness)

    def delete(*_: Any) -> None:
        the_run(harness).deleted = True
        process.before.clear()

    process.before[method] = delete
    await process.run()
    job = await harness.store.get("job")
    assert (job.status, job.attempt) == (JobStatus.COMPLETED, 1)
    [warning] = [text for text in job.warnings if "was deleted while the job ran" in text]
    assert str(job.run_id) in warning
    [run] = harness.tracker.runs.values()
    assert (run.deleted, run.status) == (True, RunStatus.FINISHED)


async def test_a_job_that_has_its_run_begins_while_mlflow_is_away(harness: WorkerHarness) -> None:
    job = await harness.submit_with_run()
    assert the_run(harness).status is RunStatus.SCHEDULED
    process = WorkerProcess(harness, faults=SLOW)
    harness.tracker.away = True
    running = asyncio.create_task(process.run())
    await until_asked(process, 30)
    harness.tracker.away = False
    await running
    result = (await harness.result()).check()
    assert (result.job.status, result.job.attempt, result.job.run_id) == (JobStatus.COMPLETED, 1, job.run_id)
    assert the_run(harness).status is RunStatus.FINISHED
    assert len(result.versions) == 1


async def test_a_run_that_was_ended_is_not_opened_by_a_late_try(harness: WorkerHarness) -> None:
    """MLflow is away until the job ends: what tries to open its run must not come after its end."""
    await harness.submit_with_run()
    process = WorkerProcess(harness)
    loop = asyncio.get_running_loop()
    process.before["ensure_run"] = away

    def back(*_: Any) -> None:  # the run is about to be ended: a try that begins now would come after
        process.before.clear()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.02), loop).result(60)

    process.before["end_run"] = back
    await process.run()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert "ensure_run" not in process.before
    assert (await harness.store.get("job")).status is JobStatus.COMPLETED
    assert the_run(harness).status is RunStatus.FINISHED


async def test_a_scheduled_run_runs_with_the_first_attempt(harness: WorkerHarness) -> None:
    job = await harness.submit_with_run()
    process = WorkerProcess(harness, faults=SLOW)
    seen: list[RunStatus] = []
    process.before["log"] = lambda *_: seen.append(the_run(harness).status)
    await process.run()
    assert set(seen) == {RunStatus.RUNNING}
    assert (await harness.store.get("job")).run_id == job.run_id
    assert the_run(harness).status is RunStatus.FINISHED


async def test_patience_with_mlflow_has_a_limit(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness, retries=2)

    process.before["register_winner"] = away
    await process.run()
    result = (await harness.result()).check()
    assert (result.job.status, result.job.stop_reason) == (JobStatus.FAILED, StopReason.ERROR)
    assert "MLflow is away" in str(result.job.error_message)
    assert result.job.attempt == 3
    assert "error.txt" in the_run(harness).artifacts


async def test_a_job_waits_for_the_store_as_long_as_it_takes(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness, retries=1)
    away = 0

    def fail(*_: Any) -> None:
        nonlocal away
        away += 1
        if 30 <= away < 300:
            raise StoreUnavailable("PostgreSQL is away")

    for method in ("take", "update", "report", "journal_write"):
        process.before[method] = fail
    await process.run()
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED
    assert len(process.slept) > 3


async def test_a_provider_that_is_down_is_tried_again_and_the_job_goes_on(harness: WorkerHarness) -> None:
    await harness.submit()
    process = WorkerProcess(harness, faults=Faults(shares={"503": 1.0}, from_request=30))
    slept: list[float] = []

    def recover(*_: Any) -> None:
        if process.slept:
            slept.extend(process.slept)
            process.scripted.faults = Faults()

    process.before["take"] = recover
    await process.run()
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED
    [retry] = result.kinds("RETRY")
    assert "model calls failed" in retry.data["reason"]
    assert slept


async def test_bad_input_is_not_tried_again(harness: WorkerHarness) -> None:
    await harness.submit_without_inputs(scorers=("no_such_scorer",))
    process = WorkerProcess(harness)
    await process.run()
    result = (await harness.result()).check()
    assert (result.job.status, result.job.attempt) == (JobStatus.FAILED, 1)
    assert "no_such_scorer" in str(result.job.error_message)
    assert process.slept == []
    assert the_run(harness).status is RunStatus.FAILED


@pytest.mark.parametrize("run", ["known", "being made"])
async def test_a_bug_fails_the_job_with_its_trace_on_the_run(harness: WorkerHarness, run: str) -> None:
    await (harness.submit_with_run() if run == "known" else harness.submit())
    process, failed = WorkerProcess(harness), threading.Event()

    def break_down(*_: Any) -> None:
        process.before.clear()  # its end may write
        failed.set()
        raise ZeroDivisionError("oops")

    def make_slowly(*_: Any) -> None:
        failed.wait(60)

    process.before.update(ensure_run=make_slowly, report=break_down)
    await process.run()
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.FAILED
    assert result.job.error_message == "ZeroDivisionError: oops"
    # An end does not wait long for MLflow: on a busy machine the trace comes after it.
    await eventually(lambda: "error.txt" in the_run(harness).artifacts, 60.0)
    assert "break_down" in the_run(harness).artifacts["error.txt"]


async def test_a_job_without_room_is_not_begun(harness: WorkerHarness) -> None:
    await harness.submit("first")
    await harness.submit("second")
    await harness.store.take("first", "w")
    process = WorkerProcess(harness, max_running_per_experiment=1)
    with pytest.raises(ExperimentFull):
        await process.run("second")
    assert (await harness.store.get("second")).attempt == 0


async def test_a_job_that_is_gone_is_dropped(harness: WorkerHarness) -> None:
    process = WorkerProcess(harness)
    await process.run("nothing")
    assert not process.asked
    assert not process.slept
