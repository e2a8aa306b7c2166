"""What a store promises of jobs."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from typing import Any

import pytest

from burnish.domain.budget import Budget
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import Job, JobStatus, Progress, SplitFractions, StopReason, TestScores, Verdict
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import AttemptSuperseded, Conflict, ExperimentFull, InvalidInput, InvalidState, NotFound
from burnish.store.protocol import Idempotency, JobStore, SignOfLife
from burnish.store.testing.samples import (
    NOON_MS,
    ODD_TEXT,
    Clock,
    Opener,
    a_call,
    a_candidate,
    a_config,
    a_job,
    a_running_job,
    an_answer,
    an_evaluation,
)

_RESULTS: dict[str, Any] = {
    "tags": {"team": "search", "odd key": "漢字 🙂"},
    "status_message": ODD_TEXT,
    "error_message": ODD_TEXT,
    "progress": Progress("search", 3, 9),
    "progress_updated_at_ms": NOON_MS + 5,
    "heartbeat_timestamp_ms": NOON_MS + 6,
    "start_timestamp_ms": NOON_MS + 1,
    "seconds_spent": 12.25,
    "worker_id": "worker-9",
    "run_id": "r-1",
    "optimized_prompt_uris": ("prompts:/greet/2", "prompts:/ask/4"),
    "best_candidate_id": "c-2",
    "initial_eval_scores": {"aggregate": 0.1, "exact_match": 0.1},
    "final_eval_scores": {"aggregate": 0.7, "exact_match": 0.7},
    "test_scores": TestScores(0.1, 0.6, 0.5, 0.3, 0.7, 40),
    "verdict": Verdict.IMPROVED,
    "stop_reason": StopReason.BUDGET,
    "usage": UsageByRole({Role.TARGET: Usage(9, 90, 9, 1_000), Role.JUDGE: Usage(1, 5, 5, None)}),
    "warnings": ("few examples", ODD_TEXT),
}


async def kinds(store: JobStore, job_id: str = "job") -> list[EventKind]:
    return [event.kind for event in await store.events(job_id)]


async def assert_fenced_off(store: JobStore, attempt: int, job_id: str = "job") -> None:
    """That no write of this attempt lands."""
    event = [NewEvent(EventKind.PROGRESS, {})]
    for write in (
        store.update(job_id, attempt, {"status_message": "zombie"}, event),
        store.update(job_id, attempt, {"status": JobStatus.COMPLETED}),
        store.heartbeat(job_id, attempt),
        store.append_events(job_id, attempt, event),
        store.save_candidates(job_id, attempt, [a_candidate()], event),
        store.save_evaluations(job_id, attempt, [an_evaluation()]),
        store.journal_write(job_id, attempt, [(a_call(), Usage(1))], [an_answer()]),
    ):
        with pytest.raises(AttemptSuperseded):
            await write


class CreateContract(Opener):
    async def test_a_created_job_is_stored_with_its_first_event(self) -> None:
        clock = Clock(NOON_MS + 3)
        async with self.open(clock) as store:
            job = a_job(tags={"team": "search"})
            assert await store.create(job) == (job, True)
            assert await store.get("job") == job
            (event,) = await store.events("job")
            assert (event.sequence, event.attempt, event.kind) == (1, 0, EventKind.CREATED)
            assert event.timestamp_ms == NOON_MS + 3

    async def test_everything_asked_for_comes_back(self) -> None:
        config = a_config(
            source_prompt_uris=("prompts:/greet/1", "prompts:/ask/3"),
            dataset_id=None,
            scorers=("exact_match", "regex_match:^a=b$=must"),
            optimizer_config={"rounds": 3, "nested": {"list": [1, None, ODD_TEXT]}},
            model="openai:/gpt-4o-mini",
            budget=Budget(max_calls=100, max_usd=0.25),
            split=SplitFractions(0.6, 0.2, 0.2),
            seed=42,
            max_output_tokens=16,
        )
        async with self.open() as store:
            job = a_job(config=config)
            await store.create(job)
            assert await store.get("job") == job

    async def test_a_created_job_is_handed_over_in_its_transaction(self) -> None:
        handed: list[tuple[str, int]] = []

        def hand_over(connection: object, job_id: str, priority: int) -> None:
            handed.append((job_id, priority))
            if job_id == "refused":
                raise InvalidState("the queue is full")

        async with self.open(hand_over=hand_over) as store:
            await store.create(a_job("first"))
            with pytest.raises(InvalidState, match="the queue is full"):
                await store.create(a_job("refused"), Idempotency(key="k", body_digest="d"))
            assert handed == [("first", 0), ("refused", 0)]
            with pytest.raises(NotFound):
                await store.get("refused")
            _, made = await store.create(a_job("second"), Idempotency(key="k", body_digest="other"))
            assert made  # the refused job left no key behind

    async def test_a_job_id_is_used_once(self) -> None:
        async with self.open() as store:
            job = a_job()
            await store.create(job)
            with pytest.raises(Conflict, match="job"):
                await store.create(a_job(experiment_id="8"))
            assert await store.get("job") == job

    async def test_only_a_pending_job_can_be_created(self) -> None:
        async with self.open() as store:
            with pytest.raises(InvalidState):
                await store.create(a_job(status=JobStatus.COMPLETED))

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("tags", {"tags": {"a\x00": "b"}}),
            ("tags.a", {"tags": {"a": "\ud800"}}),
            ("tags", {"tags": {"a" * 251: "b"}}),
            ("tags.a", {"tags": {"a": "b" * 8001}}),
            ("experiment_id", {"experiment_id": "\x00"}),
            ("source_prompt_uri", {"config": a_config(source_prompt_uris=("prompts:/\ud800/1",))}),
            ("dataset_id", {"config": a_config(dataset_id="d" * 501)}),
        ],
    )
    async def test_text_that_cannot_be_searched_for_is_refused(
        self, field: str, changes: dict[str, Any]
    ) -> None:
        async with self.open() as store:
            with pytest.raises(InvalidInput) as refused:
                await store.create(a_job(**changes))
            assert refused.value.problems[0].field == field
            with pytest.raises(NotFound):
                await store.get("job")

    async def test_long_tags_are_kept(self) -> None:
        async with self.open() as store:
            job = a_job(tags={"k" * 250: "漢" * 8000})
            await store.create(job)
            assert await store.get("job") == job

    async def test_the_same_key_and_body_make_one_job(self) -> None:
        async with self.open() as store:
            key = Idempotency(key="k", body_digest="d")
            first, made = await store.create(a_job("first"), key)
            again, made_again = await store.create(a_job("second"), key)
            assert (made, made_again) == (True, False)
            assert again == first
            with pytest.raises(NotFound):
                await store.get("second")

    async def test_what_a_key_has_made_is_found(self) -> None:
        async with self.open() as store:
            key = Idempotency(key="k", body_digest="d")
            assert await store.find_made(key) is None
            first, _ = await store.create(a_job("first"), key)
            assert await store.find_made(key) == first
            with pytest.raises(Conflict, match="'k'"):
                await store.find_made(Idempotency(key="k", body_digest="other"))

    async def test_calls_made_before_the_job_begin_its_journal(self) -> None:
        async with self.open() as store:
            await store.create(a_job(), calls=[an_answer(0), an_answer(1)])
            assert len(await store.journal_read("job")) == 2
            totals = await store.journal_totals("job")
            assert totals.finished.total.calls == 2
            assert totals.lost.total.calls == 0

    async def test_the_same_key_with_another_body_is_a_conflict(self) -> None:
        async with self.open() as store:
            await store.create(a_job("first"), Idempotency(key="k", body_digest="d"))
            with pytest.raises(Conflict, match="'k'"):
                await store.create(a_job("second"), Idempotency(key="k", body_digest="other"))
            with pytest.raises(NotFound):
                await store.get("second")

    async def test_twenty_creators_with_one_key_make_one_job(self) -> None:
        handed: list[str] = []

        def hand_over(connection: object, job_id: str, priority: int) -> None:
            handed.append(job_id)

        key = Idempotency(key="k", body_digest="d")
        async with self.open(hand_over=hand_over) as one, self.open(hand_over=hand_over) as other:
            answers = await asyncio.gather(
                *((one, other)[n % 2].create(a_job(f"job-{n}"), key) for n in range(20))
            )
            assert sum(made for _, made in answers) == 1
            assert len({job.job_id for job, _ in answers}) == 1
            assert handed == [answers[0][0].job_id]
            assert await one.unfinished() == tuple(handed)

    @pytest.mark.parametrize("job_id", ["nobody", "", "\x00", "\ud800", "'; DROP TABLE burnish_jobs; --"])
    async def test_an_unknown_job_is_not_found(self, job_id: str) -> None:
        async with self.open() as store:
            for ask in (
                store.get(job_id),
                store.take(job_id, "worker-1"),
                store.request_cancel(job_id),
                store.reopen(job_id),
                store.fence(job_id),
                store.delete(job_id),
                store.events(job_id),
            ):
                with pytest.raises(NotFound):
                    await ask
            assert await store.candidates(job_id) == ()
            assert await store.evaluations(job_id, "c") == ()
            assert await store.journal_read(job_id) == ()


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
            changed = await store.update("job", 1, _RESULTS, [NewEvent(EventKind.WARNING, {"message": "!"})])
            assert changed == replace(taken, **_RESULTS)
            assert await store.get("job") == changed
            assert (await kinds(store))[-1] is EventKind.WARNING

    async def test_the_sample_of_results_names_every_field_that_can_change(self) -> None:
        fixed = {"job_id", "experiment_id", "config", "creation_timestamp_ms", "attempt", "cancel_requested"}
        elsewhere = {"status", "completion_timestamp_ms"}
        assert set(_RESULTS) == {entry.name for entry in fields(Job)} - fixed - elsewhere

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
            assert await store.heartbeat("job", 1) is False
            assert (await store.get("job")).heartbeat_timestamp_ms == NOON_MS + 500
            await store.request_cancel("job")
            assert await store.heartbeat("job", 1) is True


class EndContract(Opener):
    async def test_a_pending_job_is_canceled_at_once(self) -> None:
        async with self.open(Clock(NOON_MS + 7)) as store:
            await store.create(a_job())
            canceled = await store.request_cancel("job")
            assert canceled.status is JobStatus.CANCELED
            assert canceled.stop_reason is StopReason.CANCELED
            assert canceled.completion_timestamp_ms == NOON_MS + 7
            assert await store.get("job") == canceled
            assert (await kinds(store))[1:] == [EventKind.CANCEL_REQUESTED, EventKind.ENDED]
            assert await store.request_cancel("job") == canceled
            assert len(await store.events("job")) == 3

    async def test_a_running_job_is_marked_once(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            marked = await store.request_cancel("job")
            assert (marked.status, marked.cancel_requested) == (JobStatus.IN_PROGRESS, True)
            assert await store.request_cancel("job") == marked
            assert (await kinds(store)).count(EventKind.CANCEL_REQUESTED) == 1

    async def test_a_job_marked_for_cancel_is_taken_with_its_mark(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            await store.request_cancel("job")
            assert (await store.take("job", "worker-2")).cancel_requested

    @pytest.mark.parametrize("ended", [JobStatus.COMPLETED, JobStatus.FAILED])
    async def test_a_job_that_ended_otherwise_cannot_be_canceled(self, ended: JobStatus) -> None:
        async with self.open() as store:
            await a_running_job(store)
            job = await store.update("job", 1, {"status": ended})
            with pytest.raises(InvalidState, match=ended):
                await store.request_cancel("job")
            assert await store.get("job") == job

    @pytest.mark.parametrize("ended", [JobStatus.FAILED, JobStatus.CANCELED])
    async def test_a_job_that_stopped_short_can_go_on(self, ended: JobStatus) -> None:
        handed: list[str] = []

        def hand_over(connection: object, job_id: str, priority: int) -> None:
            handed.append(job_id)

        async with self.open(hand_over=hand_over) as store:
            await a_running_job(store)
            await store.request_cancel("job")
            found = {"best_candidate_id": "c", "usage": _RESULTS["usage"], "run_id": "r"}
            end = {"status": ended, "error_message": "away", "stop_reason": StopReason.ERROR}
            await store.update("job", 1, found | end)
            job = await store.reopen("job")
            assert job == await store.get("job")
            assert (job.status, job.attempt, job.cancel_requested) == (JobStatus.PENDING, 1, False)
            assert (job.error_message, job.stop_reason, job.completion_timestamp_ms) == (None, None, None)
            assert {name: getattr(job, name) for name in found} == found
            assert (await kinds(store))[-1] is EventKind.RESUMED
            assert handed == ["job", "job"]
            assert (await store.take("job", "worker-2")).attempt == 2

    async def test_other_jobs_cannot_be_reopened(self) -> None:
        async with self.open() as store:
            await store.create(a_job())
            with pytest.raises(InvalidState):
                await store.reopen("job")
            await store.take("job", "worker-1")
            with pytest.raises(InvalidState):
                await store.reopen("job")
            await store.update("job", 1, {"status": JobStatus.COMPLETED})
            with pytest.raises(InvalidState):
                await store.reopen("job")

    async def test_a_fenced_job_is_stopped_and_cannot_be_taken(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            fenced = await store.fence("job")
            assert (fenced.status, fenced.attempt) == (JobStatus.CANCELED, 2)
            assert (await kinds(store))[-1] is EventKind.ENDED
            await assert_fenced_off(store, attempt=1)
            with pytest.raises(InvalidState):
                await store.take("job", "worker-2")

    async def test_fencing_an_ended_job_keeps_its_end(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            ended = await store.update("job", 1, {"status": JobStatus.COMPLETED})
            assert await store.fence("job") == replace(ended, attempt=2)

    async def test_delete_takes_everything_of_the_job_and_nothing_else(self) -> None:
        async with self.open() as store:
            for job_id in ("job", "other"):
                await store.create(a_job(job_id, tags={"a": "b"}), Idempotency(key=job_id, body_digest="d"))
                await store.take(job_id, "worker-1")
                await store.update(job_id, 1, {"final_eval_scores": {"aggregate": 1.0}})
                await store.save_candidates(job_id, 1, [a_candidate()])
                await store.save_evaluations(job_id, 1, [an_evaluation()])
                await store.journal_write(job_id, 1, [(a_call(1), Usage(1))], [an_answer(2)])
            await store.delete("job")
            with pytest.raises(NotFound):
                await store.get("job")
            with pytest.raises(NotFound):
                await store.events("job")
            assert await store.candidates("job") == ()
            assert await store.evaluations("job", "c") == ()
            assert await store.journal_read("job") == ()
            await store.create(a_job(), Idempotency(key="job", body_digest="d"))  # its key is free again
            assert await store.candidates("job") == ()
            assert len(await store.events("other")) == 2
            assert len(await store.candidates("other")) == 1
            assert len(await store.evaluations("other", "c")) == 1
            assert len(await store.journal_read("other")) == 1

    async def test_unfinished_jobs_are_listed_oldest_first(self) -> None:
        async with self.open() as store:
            for age, job_id in enumerate(("newest", "middle", "oldest", "ended")):
                await store.create(a_job(job_id, creation_timestamp_ms=NOON_MS - age))
            await store.take("middle", "worker-1")
            await store.request_cancel("ended")
            assert await store.unfinished() == ("oldest", "middle", "newest")

    async def test_signs_of_life_change_with_every_heartbeat_and_attempt(self) -> None:
        clock = Clock(NOON_MS)
        async with self.open(clock) as store:
            assert await store.signs_of_life() == ()
            await a_running_job(store, "young", creation_timestamp_ms=NOON_MS + 1)
            await a_running_job(store, "old")
            await store.create(a_job("waiting"))
            signs = (SignOfLife("old", 1, NOON_MS), SignOfLife("young", 1, NOON_MS))
            assert await store.signs_of_life() == signs
            clock.now_ms += 500
            await store.heartbeat("old", 1)
            await store.take("young", "worker-2")
            signs = (SignOfLife("old", 1, NOON_MS + 500), SignOfLife("young", 2, NOON_MS + 500))
            assert await store.signs_of_life() == signs
            await store.update("old", 1, {"status": JobStatus.COMPLETED})
            assert [sign.job_id for sign in await store.signs_of_life()] == ["young"]

    async def test_jobs_are_counted_by_status(self) -> None:
        async with self.open() as store:
            assert set((await store.count_by_status()).values()) == {0}
            for number in range(3):
                await store.create(a_job(f"job-{number}"))
            await store.take("job-0", "worker-1")
            counts = await store.count_by_status()
            assert set(counts) == set(JobStatus)
            assert (counts[JobStatus.PENDING], counts[JobStatus.IN_PROGRESS]) == (2, 1)
            assert sum(counts.values()) == 3
