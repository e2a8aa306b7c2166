"""What a store promises of cancels, resumes, deletes, and of the view over all jobs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import JobStatus, StopReason
from burnish.domain.records import Heartbeat, Idempotency, Report
from burnish.domain.usage import Usage, UsageByRole
from burnish.errors import InvalidState, NotFound
from burnish.store.testing.attempts import RESULTS, assert_fenced_off
from burnish.store.testing.samples import (
    NOON_MS,
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
            found = {"best_candidate_id": "c", "usage": RESULTS["usage"], "run_id": "r"}
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

    async def test_acts_carry_who_did_them(self) -> None:
        async with self.open() as store:
            await a_running_job(store, created_by="ana")
            assert (await store.request_cancel("job", "ben")).canceled_by == "ben"
            assert (await store.request_cancel("job", "cat")).canceled_by == "ben"
            assert (await store.fence("job")).canceled_by == "ben"
            opened = await store.reopen("job", "cat")
            assert (opened.created_by, opened.canceled_by, opened.resumed_by) == ("ana", None, "cat")
            assert (await store.fence("job", actor="dan")).canceled_by == "dan"
            registered = NewEvent(EventKind.REGISTERED, {"candidate_id": "c"}, "eve")
            await store.record_registration("job", registered, ())
            await store.record_act("job", NewEvent(EventKind.PROMOTED, {"alias": "live"}, "fay"))
            job = await store.get("job")
            assert (job.registered_by, job.promoted_by) == ("eve", "fay")
            by = [(event.kind.value, event.actor) for event in await store.events("job")]
            assert by == [
                ("CREATED", "ana"),
                ("STARTED", None),
                ("CANCEL_REQUESTED", "ben"),
                ("ENDED", "ben"),
                ("RESUMED", "cat"),
                ("ENDED", "dan"),
                ("REGISTERED", "eve"),
                ("PROMOTED", "fay"),
            ]
            with pytest.raises(NotFound):
                await store.record_act("other", NewEvent(EventKind.PROMOTED, {}))

    async def test_a_resumed_job_has_died_of_nothing_yet(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            assert (await store.take("job", "worker-2")).deaths == 1
            await store.update("job", 2, {"status": JobStatus.FAILED, "retries": 3})
            assert (await store.reopen("job")).retries == 0
            assert (await store.take("job", "worker-3")).deaths == 0

    async def test_a_registration_by_hand_is_recorded_once(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            registered = NewEvent(EventKind.REGISTERED, {"candidate_id": "c", "optimized_prompt_uri": "p/2"})
            with pytest.raises(InvalidState):
                await store.record_registration("job", registered, ["prompts:/p/2"])
            await store.update("job", 1, {"status": JobStatus.COMPLETED})
            for _ in range(2):
                job = await store.record_registration("job", registered, ["prompts:/p/2"])
                assert job == await store.get("job")
                assert job.optimized_prompt_uris == ("prompts:/p/2",)
            other = NewEvent(EventKind.REGISTERED, {"candidate_id": "d", "optimized_prompt_uri": "p/3"})
            job = await store.record_registration("job", other, ["prompts:/p/3"])
            assert job.optimized_prompt_uris == ("prompts:/p/2",)
            assert (await kinds(store)).count(EventKind.REGISTERED) == 2
            with pytest.raises(NotFound):
                await store.record_registration("nope", registered, [])

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

    async def test_a_fence_keeps_what_was_found(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            fenced = await store.fence("job", {"best_candidate_id": "c"})
            assert (fenced.status, fenced.best_candidate_id) == (JobStatus.CANCELED, "c")
            assert await store.get("job") == fenced

    async def test_fencing_an_ended_job_keeps_its_end(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            ended = await store.update("job", 1, {"status": JobStatus.COMPLETED})
            assert await store.fence("job", {"best_candidate_id": "c"}) == replace(ended, attempt=2)

    async def test_every_process_sees_the_same_identity(self) -> None:
        async with self.open() as store, self.open() as other:
            identity = await store.identity()
            assert await other.identity() == identity
            assert len(identity) == 16

    async def test_delete_takes_everything_of_the_job_and_nothing_else(self) -> None:
        async with self.open() as store:
            for job_id in ("job", "other"):
                await store.create(a_job(job_id, tags={"a": "b"}), Idempotency(key=job_id, body_digest="d"))
                await store.take(job_id, "worker-1")
                await store.update(job_id, 1, {"final_eval_scores": {"aggregate": 1.0}})
                await store.report(job_id, 1, Report(candidates=[a_candidate()]))
                await store.report(job_id, 1, Report(evaluations=[an_evaluation()]))
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
            assert await store.unfinished("SELECT 'middle' AS job_id") == ("oldest", "newest")

    async def test_heartbeats_change_with_every_heartbeat_attempt_and_event(self) -> None:
        clock = Clock(NOON_MS)
        async with self.open(clock) as store:
            assert await store.heartbeats() == ()
            await a_running_job(store, "young", creation_timestamp_ms=NOON_MS + 1)
            await a_running_job(store, "old")
            await store.create(a_job("waiting"))
            beats = (Heartbeat("old", 1, NOON_MS, 2), Heartbeat("young", 1, NOON_MS, 2))
            assert await store.heartbeats() == beats
            clock.now_ms += 500
            await store.report("old", 1, Report())
            await store.take("young", "worker-2")
            beats = (Heartbeat("old", 1, NOON_MS + 500, 2), Heartbeat("young", 2, NOON_MS + 500, 3))
            assert await store.heartbeats() == beats
            await store.update("old", 1, {"usage": UsageByRole()}, [NewEvent(EventKind.PROGRESS, {})])
            assert (await store.heartbeats())[0] == Heartbeat("old", 1, NOON_MS + 500, 3)
            await store.update("old", 1, {"status": JobStatus.COMPLETED})
            assert [beat.job_id for beat in await store.heartbeats()] == ["young"]

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
