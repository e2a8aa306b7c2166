"""What a store promises of events, candidates, evaluations and the journal."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import JobStatus
from burnish.domain.prompt import Message
from burnish.domain.records import Report
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import StoreUnavailable
from burnish.store.protocol import JobStore
from burnish.store.testing.samples import (
    A_RUN,
    A_USAGE,
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
)


class VersionContract(Opener):
    async def test_versions_change_with_what_a_list_shows(self) -> None:
        async with self.open() as store:
            assert await store.versions() == {}
            await store.create(a_job(experiment_id="7"))
            seen = [await store.versions()]
            assert seen[0] == {"job": ("7", "PENDING", 0, 1, False, 0, "default")}
            await store.take("job", "w")
            seen.append(await store.versions())
            await store.report("job", 1, Report())  # a heartbeat
            assert await store.versions() == seen[-1]
            await store.report("job", 1, Report(usage=UsageByRole({Role.TARGET: A_USAGE})))
            seen.append(await store.versions())
            await store.report("job", 1, Report(events=[NewEvent(EventKind.WARNING, {})]))
            seen.append(await store.versions())
            await store.request_cancel("job")
            seen.append(await store.versions())
            await store.update("job", 1, {"status": JobStatus.CANCELED})
            seen.append(await store.versions())
            assert len({versions["job"] for versions in seen}) == len(seen)

    async def test_versions_of_jobs_that_have_not_ended(self) -> None:
        async with self.open() as store:
            for job_id in ("waits", "runs", "ended"):
                await store.create(a_job(job_id))
            await store.take("runs", "w")
            await store.request_cancel("ended")
            versions = await store.versions()
            assert set(versions) == {"waits", "runs", "ended"}
            unfinished = await store.versions(unfinished=True)
            assert unfinished == {job_id: versions[job_id] for job_id in ("waits", "runs")}

    async def test_many_jobs_are_read_at_once(self) -> None:
        async with self.open() as store:
            ids = [f"job-{n}" for n in range(3)]
            for job_id in ids:
                await store.create(a_job(job_id))
            versions = await store.versions()
            asked = [*ids, *ids, *(f"none-{n}" for n in range(1100)), "\0"]
            found = await store.get_existing(asked)
            assert found == {job_id: (await store.get(job_id), versions[job_id]) for job_id in ids}
            assert await store.get_existing([]) == {}


class EventContract(Opener):
    async def test_events_are_numbered_from_one_without_gaps(self) -> None:
        clock = Clock(NOON_MS)
        async with self.open(clock) as store:
            await a_running_job(store)
            clock.now_ms += 40
            await store.report(
                "job", 1, Report(events=[NewEvent(EventKind.PROGRESS, {"n": n}) for n in range(3)])
            )
            await store.update("job", 1, {}, [NewEvent(EventKind.WARNING, {"message": ODD_TEXT})])
            events = await store.events("job")
            assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6]
            assert [event.data.get("n") for event in events[2:5]] == [0, 1, 2]
            assert events[-1].data == {"message": ODD_TEXT}
            assert {(event.attempt, event.timestamp_ms) for event in events[2:]} == {(1, NOON_MS + 40)}

    async def test_events_are_read_in_pages(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            await store.report("job", 1, Report(events=[NewEvent(EventKind.PROGRESS, {})] * 8))
            assert [event.sequence for event in await store.events("job", after=3, limit=4)] == [4, 5, 6, 7]
            assert await store.events("job", after=10) == ()

    async def test_twenty_writers_in_two_stores_leave_no_gap(self) -> None:
        async with self.open() as one, self.open() as other:
            await a_running_job(one)

            async def write(store: JobStore, number: int) -> None:
                await store.report("job", 1, Report(events=[NewEvent(EventKind.PROGRESS, {"n": number})] * 2))
                await store.update("job", 1, {"status_message": f"{number}"}, [NewEvent(EventKind.BEST, {})])

            await asyncio.gather(*(write((one, other)[n % 2], n) for n in range(20)))
            events = await other.events("job")
            assert [event.sequence for event in events] == list(range(1, 63))
            first_of_pairs = [event.data["n"] for event in events if event.kind is EventKind.PROGRESS][::2]
            assert sorted(first_of_pairs) == list(range(20))

    async def test_two_takers_get_two_attempts(self) -> None:
        async with self.open() as one, self.open() as other:
            await a_running_job(one)
            taken = await asyncio.gather(*((one, other)[n % 2].take("job", f"worker-{n}") for n in range(8)))
            assert sorted(job.attempt for job in taken) == list(range(2, 10))
            assert (await one.get("job")).attempt == 9


class CandidateContract(Opener):
    async def test_candidates_come_back_in_their_order(self) -> None:
        chat = (Message("system", "Be brief."), Message("user", ODD_TEXT))
        source = a_candidate(number=0, status=CandidateStatus.SOURCE)
        child = a_candidate(
            number=1,
            candidate=Candidate({"greet": chat, "ask": "x" * 200_000}, ("p1", "p2"), "rewrite 3"),
            scores={"aggregate": 0.5, "exact_match": 0.5},
            reason="not better",
            usage=UsageByRole({Role.TARGET: Usage(3, 4, 5, None)}),
            objectives={"length": 12.0},
        )
        async with self.open() as store:
            await a_running_job(store)
            await store.report(
                "job", 1, Report(candidates=[child, source], events=[NewEvent(EventKind.CANDIDATE, {})])
            )
            assert await store.candidates("job") == (source, child)
            assert (await store.events("job"))[-1].kind is EventKind.CANDIDATE

    async def test_what_is_known_of_a_candidate_is_replaced(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            proposed = a_candidate(number=4)
            await store.report("job", 1, Report(candidates=[proposed, a_candidate("another", 5)]))
            accepted = replace(proposed, status=CandidateStatus.ACCEPTED, scores={"aggregate": 1.0})
            await store.report("job", 1, Report(candidates=[accepted]))
            assert await store.candidates("job") == (accepted, a_candidate("another", 5))

    async def test_evaluations_are_read_in_pages_by_example(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            records = [an_evaluation(f"e{n}") for n in range(5)]
            other = an_evaluation("e0", candidate_id="other", split="test")
            await store.report("job", 1, Report(evaluations=[*reversed(records), other]))
            assert await store.evaluations("job", "c", limit=2) == tuple(records[:2])
            assert await store.evaluations("job", "c", after="e1") == tuple(records[2:])
            assert await store.evaluations("job", "other") == (other,)

    async def test_scores_are_read_by_split_without_texts(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            failed = an_evaluation("e1", output="")
            failed = replace(
                failed,
                evaluation=replace(failed.evaluation, scores={}, aggregate=0.0, error=ODD_TEXT),
            )
            records = [an_evaluation("e0", output=ODD_TEXT), failed, an_evaluation("e0", "b")]
            await store.report("job", 1, Report(evaluations=[*records, an_evaluation("e9", split="test")]))
            await a_running_job(store, "another")
            await store.report("another", 1, Report(evaluations=records))
            expected = [("b", "e0", 1.0, False), ("c", "e0", 1.0, False), ("c", "e1", 0.0, True)]
            assert await store.scores("job", "validation") == expected
            assert await store.scores("job", "validation", "exact_match") == expected
            assert await store.scores("job", "validation", "fluency") == [("c", "e1", 0.0, True)]
            assert await store.scores("job", "train") == await store.scores("\0", "train") == []

    async def test_more_scores_than_are_read_at_once(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            pairs = [(f"c{n % 3}", f"e{n // 3:04}") for n in range(10_001)]
            records = [an_evaluation(example, candidate) for candidate, example in pairs]
            await store.report("job", 1, Report(evaluations=records))
            found = await store.scores("job", "validation")
            assert [(entry.candidate_id, entry.example_id) for entry in found] == sorted(pairs)

    async def test_an_evaluation_is_replaced(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            await store.report("job", 1, Report(evaluations=[an_evaluation(output="no")]))
            again = an_evaluation(output=ODD_TEXT + "x" * 200_000)
            again = replace(again, evaluation=replace(again.evaluation, run=A_RUN))
            await store.report("job", 1, Report(evaluations=[again]))
            assert await store.evaluations("job", "c") == (again,)

    async def test_an_evaluation_without_an_output_keeps_its_error(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            record = an_evaluation(output="")
            failed = replace(
                record, evaluation=replace(record.evaluation, scores={}, aggregate=0.0, error="timeout")
            )
            await store.report("job", 1, Report(evaluations=[failed]))
            assert await store.evaluations("job", "c") == (failed,)


class JournalContract(Opener):
    async def test_finished_calls_are_read_back(self) -> None:
        entries = [an_answer(0, ODD_TEXT), an_answer(1, "x" * 300_000), an_answer(1, role=Role.JUDGE)]
        entries.append(replace(an_answer(2), run=A_RUN))
        async with self.open() as store:
            await a_running_job(store)
            await store.journal_write("job", 1, [(entry.key, Usage(1)) for entry in entries], [])
            assert await store.journal_read("job") == ()
            await store.journal_write("job", 1, [], entries)
            found = await store.journal_read("job")
            assert sorted(found, key=repr) == sorted(entries, key=repr)

    async def test_the_first_answer_to_a_call_stands(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            await store.journal_write("job", 1, [], [an_answer(text="first")])
            await store.journal_write("job", 1, [], [an_answer(text="second"), an_answer(1)])
            texts = {entry.key.sample: entry.text for entry in await store.journal_read("job")}
            assert texts == {0: "first", 1: "hello"}

    async def test_totals_add_up_by_role(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            answers = [an_answer(n, usage=Usage(1, 10, 1, 7)) for n in range(3)]
            judged = an_answer(0, usage=Usage(1, 5, 2, None), role=Role.JUDGE)
            known = an_answer(1, usage=Usage(1, 5, 2, 3), role=Role.JUDGE)
            await store.journal_write("job", 1, [], [*answers, judged, known])
            totals = await store.journal_totals("job")
            assert totals.finished == UsageByRole(
                {Role.TARGET: Usage(3, 30, 3, 21), Role.JUDGE: Usage(2, 10, 4, None)}
            )
            assert totals.lost == UsageByRole()

    async def test_calls_that_a_dead_attempt_left_open_are_lost(self) -> None:
        reserved = Usage(1, 100, 50, 1_000)
        async with self.open() as store:
            await a_running_job(store)
            begun = [(a_call(n), reserved) for n in range(4)]
            await store.journal_write("job", 1, begun, [])
            await store.journal_write("job", 1, begun[:1], [an_answer(0)], [a_call(1)])
            assert (await store.journal_totals("job")).lost == UsageByRole()  # they may still finish
            await store.take("job", "worker-2")
            lost = UsageByRole({Role.TARGET: Usage(2, 200, 100, 2_000)})
            assert (await store.journal_totals("job")).lost == lost
            # Made again by the next attempt: the first one was paid all the same.
            await store.journal_write("job", 2, begun[2:], [an_answer(2), an_answer(3)])
            totals = await store.journal_totals("job")
            assert totals.lost == lost
            assert totals.finished.total.calls == 3

    async def test_pruning_takes_the_journal_of_old_ended_jobs_only(self) -> None:
        clock = Clock(NOON_MS)
        async with self.open(clock) as store:
            for job_id in ("old", "new", "running", "empty"):
                await a_running_job(store, job_id)
                if job_id != "empty":
                    await store.journal_write(job_id, 1, [(a_call(1), Usage(1))], [an_answer()])
            for job_id in ("old", "empty"):
                await store.update(job_id, 1, {"status": JobStatus.COMPLETED})
            clock.now_ms += 1_000
            await store.update("new", 1, {"status": JobStatus.FAILED})
            before = await store.get("old")
            assert await store.journal_prune(NOON_MS + 1_000) == 1
            assert await store.journal_prune(NOON_MS + 1_000) == 0
            assert await store.journal_read("old") == ()
            assert (await store.get("old"), len(await store.events("old"))) == (before, 2)
            assert len(await store.journal_read("new")) == len(await store.journal_read("running")) == 1

    async def test_pruning_goes_through_many_jobs(self) -> None:
        async with self.open() as store:
            for number in range(120):
                await a_running_job(store, f"job-{number}")
                await store.journal_write(f"job-{number}", 1, [], [an_answer()])
                await store.update(f"job-{number}", 1, {"status": JobStatus.COMPLETED})
            assert await store.journal_prune(NOON_MS + 1) == 120


class LifeContract(Opener):
    async def test_a_healthy_store_passes_its_check(self) -> None:
        async with self.open() as store:
            await store.check()

    async def test_what_one_store_wrote_another_reads(self) -> None:
        async with self.open() as one:
            job = await a_running_job(one)
        async with self.open() as other:
            assert await other.get("job") == job

    async def test_a_closed_store_says_so(self) -> None:
        async with self.open() as store:
            await store.close()
            await store.close()
            with pytest.raises(StoreUnavailable, match="closed"):
                await store.get("job")
            with pytest.raises(StoreUnavailable, match="closed"):
                await store.check()
