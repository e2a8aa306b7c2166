"""What a store promises of attempts and their writes."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from typing import Any

import pytest

from burnish.domain.events import ACTOR_FIELDS, EventKind, NewEvent
from burnish.domain.job import Job, JobStatus, Progress, StopReason, TestScores, Verdict
from burnish.domain.records import Report
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import AttemptSuperseded, ExperimentFull, InvalidInput, InvalidState
from burnish.store.protocol import JobStore
from burnish.store.testing.samples import (
    NOON_MS,
    ODD_TEXT,
    Clock,
    Opener,
    a_call,
    a_candidate,
    a_job,
    a_running_job,
    an_answer,
    an_evaluation,
    kinds,
)

RESULTS: dict[str, Any] = {
    "tags": {"team": "search", "odd key": "漢字 🙂"},
    "status_message": ODD_TEXT,
    "error_message": ODD_TEXT,
    "progress": Progress("search", 3, 9),
    "progress_updated_at_ms": NOON_MS + 5,
    "heartbeat_timestamp_ms": NOON_MS + 6,
    "start_timestamp_ms": NOON_MS + 1,
    "seconds_spent": 12.25,
    "retries": 2,
    "worker_id": "worker-9",
    "run_id": "r-1",
    "optimized_prompt_uris": ("prompts:/greet/2", "prompts:/ask/4"),
    "best_candidate_id": "c-2",
    "best_score": 0.7,
    "score_ranges": {"stars": "1-5"},
    "unscored_answers": {"stars": 3},
    "initial_eval_scores": {"aggregate": 0.1, "exact_match": 0.1},
    "final_eval_scores": {"aggregate": 0.7, "exact_match": 0.7},
    "test_scores": TestScores(0.1, 0.6, 0.5, 0.3, 0.7, 40, 0.2),
    "verdict": Verdict.IMPROVED,
    "stop_reason": StopReason.BUDGET,
    "usage": UsageByRole({Role.TARGET: Usage(9, 90, 9, 1_000), Role.JUDGE: Usage(1, 5, 5, None)}),
    "warnings": ("few examples", ODD_TEXT),
    "answers": {"ok": 7, "cut": 2, "empty": 1, "refused": 0, "error": 0},
}


async def assert_fenced_off(store: JobStore, attempt: int, job_id: str = "job") -> None:
    """That no write of this attempt lands."""
    event = [NewEvent(EventKind.PROGRESS, {})]
    for write in (
        store.update(job_id, attempt, {"status_message": "superseded"}, event),
        store.update(job_id, attempt, {"status": JobStatus.COMPLETED}),
        store.report(job_id, attempt, Report()),
        store.report(job_id, attempt, Report(events=event)),
        store.report(job_id, attempt, Report(candidates=[a_candidate()], events=event)),
        store.report(job_id, attempt, Report(evaluations=[an_evaluation()])),
        store.journal_write(job_id, attempt, [(a_call(), Usage(1))], [an_answer()]),
    ):
        with pytest.raises(AttemptSuperseded):
            await write


class AttemptContract(Opener):
    async def test_taking_a_job_begins_an_attempt(self) -> None:
        clock = Clock(NOON_MS + 10)
        async with self.open(clock) as store:
            await store.create(a_job())
            taken = await store.take("job", "worker-1", "submitted")
            assert taken == await store.get("job")
            assert (taken.status, taken.attempt, taken.worker_id) == (JobStatus.IN_PROGRESS, 1, "worker-1")
            assert taken.start_timestamp_ms == taken.heartbeat_timestamp_ms == NOON_MS + 10
            started = (await store.events("job"))[-1]
            assert (started.kind, started.attempt) == (EventKind.STARTED, 1)
            assert started.data == {"attempt": 1, "worker_id": "worker-1", "reason": "submitted"}

    async def test_a_takeover_keeps_the_first_start(self) -> None:
        clock = Clock(NOON_MS)
        async with self.open(clock) as store:
            await a_running_job(store)
            clock.now_ms += 5_000
            taken = await store.take("job", "worker-2", "worker-1 is dead")
            assert (taken.attempt, taken.worker_id) == (2, "worker-2")
            assert taken.start_timestamp_ms == NOON_MS
            assert taken.heartbeat_timestamp_ms == NOON_MS + 5_000

    async def test_attempts_that_died_and_got_nowhere_are_counted(self) -> None:
        async with self.open() as store:
            await a_running_job(store)  # on worker-1
            deaths = [(await store.take("job", f"worker-{number}")).deaths for number in (2, 3, 3)]
            assert deaths == [1, 2, 2]  # the last has lost the store, not its life
            assert [event.data.get("deaths") for event in await store.events("job")][1:] == [None, 1, 2, 2]
            await store.update("job", 4, {"status": JobStatus.PENDING})
            assert (await store.take("job", "worker-4")).deaths == 2  # given back
            await store.journal_write("job", 5, [], [an_answer()])
            assert (await store.take("job", "worker-5")).deaths == 0  # it got on before it died
            assert (await store.take("job", "worker-6")).deaths == 1

    async def test_an_older_attempt_writes_nothing(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            taken = await store.take("job", "worker-2")
            before = await store.events("job")
            await assert_fenced_off(store, attempt=1)
            assert await store.get("job") == taken
            assert await store.events("job") == before
            assert await store.candidates("job") == ()
            assert await store.evaluations("job", "c") == ()
            assert await store.journal_read("job") == ()

    async def test_nobody_writes_to_a_job_that_does_not_run(self) -> None:
        async with self.open() as store:
            await store.create(a_job())
            await assert_fenced_off(store, attempt=0)
            await store.take("job", "worker-1")
            await assert_fenced_off(store, attempt=2)
            await store.update("job", 1, {"status": JobStatus.PENDING})
            await assert_fenced_off(store, attempt=1)
            await store.take("job", "worker-1")
            await store.update("job", 2, {"status": JobStatus.COMPLETED})
            await assert_fenced_off(store, attempt=2)
            await store.delete("job")
            await assert_fenced_off(store, attempt=2)

    @pytest.mark.parametrize("ended", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED])
    async def test_a_terminal_job_cannot_be_taken(self, ended: JobStatus) -> None:
        async with self.open() as store:
            await a_running_job(store)
            await store.update("job", 1, {"status": ended})
            with pytest.raises(InvalidState):
                await store.take("job", "worker-2")

    async def test_only_the_attempt_known_to_be_dead_is_taken_over(self) -> None:
        async with self.open() as store:
            await store.create(a_job())
            assert (await store.take("job", "worker-1", over_attempt=0)).attempt == 1
            for stale in (0, 2):
                with pytest.raises(InvalidState, match="worker-1"):
                    await store.take("job", "worker-2", over_attempt=stale)
            assert (await store.take("job", "worker-2", over_attempt=1)).attempt == 2
            await store.update("job", 2, {"status": JobStatus.PENDING})
            assert (await store.take("job", "worker-3", over_attempt=0)).attempt == 3

    async def test_no_more_jobs_of_an_experiment_run_than_may(self) -> None:
        async with self.open() as store:
            for number in range(4):
                await store.create(a_job(f"job-{number}"))
            await store.create(a_job("elsewhere", experiment_id="8"))

            async def take(job_id: str) -> bool:
                try:
                    await store.take(job_id, "worker", max_running_per_experiment=2)
                except ExperimentFull as full:
                    assert (full.experiment_id, full.limit) == ("7", 2)
                    return False
                return True

            took = await asyncio.gather(*(take(f"job-{number}") for number in range(4)))
            assert sum(took) == 2
            assert await take("elsewhere")
            running, waiting = f"job-{took.index(True)}", f"job-{took.index(False)}"
            assert await take(running)  # taken over: it does not stand in its own way
            await store.update(running, 2, {"status": JobStatus.COMPLETED})
            assert await take(waiting)

    async def test_updates_change_what_they_name(self) -> None:
        async with self.open(Clock(NOON_MS)) as store:
            taken = await a_running_job(store)
            changed = await store.update("job", 1, RESULTS, [NewEvent(EventKind.WARNING, {"message": "!"})])
            assert changed == replace(taken, **RESULTS)
            assert await store.get("job") == changed
            assert (await kinds(store))[-1] is EventKind.WARNING

    async def test_the_sample_of_results_names_every_field_that_can_change(self) -> None:
        fixed = {"job_id", "experiment_id", "config", "creation_timestamp_ms", "attempt", "cancel_requested"}
        elsewhere = {"status", "completion_timestamp_ms", "deaths", "calls_when_taken", "inputs", "workspace"}
        assert set(RESULTS) == {entry.name for entry in fields(Job)} - fixed - elsewhere - {*ACTOR_FIELDS}

    @pytest.mark.parametrize("name", ["attempt", "job_id", "config", "nonsense"])
    async def test_other_fields_cannot_be_changed(self, name: str) -> None:
        async with self.open() as store:
            taken = await a_running_job(store)
            with pytest.raises(InvalidInput, match=name):
                await store.update("job", 1, {name: None, "status_message": "lost"})
            assert await store.get("job") == taken

    async def test_progress_is_dated(self) -> None:
        clock = Clock(NOON_MS)
        async with self.open(clock) as store:
            await a_running_job(store)
            clock.now_ms += 250
            job = await store.update("job", 1, {"progress": Progress("search", 1, 2)})
            assert job.progress_updated_at_ms == NOON_MS + 250

    async def test_an_end_is_dated_and_a_retry_is_not(self) -> None:
        clock = Clock(NOON_MS)
        async with self.open(clock) as store:
            await a_running_job(store)
            clock.now_ms += 900
            given_back = await store.update("job", 1, {"status": JobStatus.PENDING})
            assert given_back.completion_timestamp_ms is None
            await store.take("job", "worker-1")
            ended = await store.update("job", 2, {"status": JobStatus.FAILED, "error_message": "no luck"})
            assert ended.completion_timestamp_ms == NOON_MS + 900
            assert (ended.status, ended.error_message) == (JobStatus.FAILED, "no luck")

    async def test_an_illegal_change_of_status_changes_nothing(self) -> None:
        async with self.open() as store:
            taken = await a_running_job(store)
            with pytest.raises(InvalidState):
                await store.update("job", 1, {"status": JobStatus.NEEDS_RECOVERY, "status_message": "lost"})
            assert await store.get("job") == taken

    async def test_fields_and_events_land_together_or_not_at_all(self) -> None:
        async with self.open() as store:
            taken = await a_running_job(store)
            before = await store.events("job")
            with pytest.raises(TypeError):
                unwritable = NewEvent(EventKind.WARNING, {"message": object()})
                await store.update("job", 1, {"status_message": "lost"}, [unwritable])
            assert await store.get("job") == taken
            assert await store.events("job") == before

    async def test_the_heartbeat_tells_of_a_cancel(self) -> None:
        clock = Clock(NOON_MS)
        async with self.open(clock) as store:
            await a_running_job(store)
            clock.now_ms += 500
            assert await store.report("job", 1, Report()) is False
            assert (await store.get("job")).heartbeat_timestamp_ms == NOON_MS + 500
            await store.request_cancel("job")
            assert await store.report("job", 1, Report()) is True
