"""The journal: what is finished is found, what was handed in is written, a fenced attempt writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from burnish.domain.job import Job, JobConfig, OptimizerType
from burnish.domain.prompt import Message
from burnish.domain.records import CallKey, JournalEntry, JournalTotals
from burnish.domain.usage import Role, Usage
from burnish.errors import AttemptSuperseded, StoreUnavailable
from burnish.llm.protocol import Completion, Parameters, Purpose, Request
from burnish.store.sql import SqlJobStore
from burnish.worker.journal import StoreJournal

WORST = Usage(1, 100, 50, 10)


class FakeRecords:
    """``JournalRecords`` of one job in memory. A commit takes until :attr:`go_on` is set."""

    def __init__(self) -> None:
        self.attempt = 1
        self.begun: dict[CallKey, Usage] = {}
        self.finished: dict[CallKey, JournalEntry] = {}
        self.error: Exception | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def journal_write(
        self,
        job_id: str,
        attempt: int,
        begun: Sequence[tuple[CallKey, Usage]],
        finished: Sequence[JournalEntry],
        abandoned: Sequence[CallKey] = (),
    ) -> None:
        await self.go_on.wait()
        await asyncio.sleep(0)
        if attempt != self.attempt:
            raise AttemptSuperseded(job_id, attempt)
        if self.error is not None:
            raise self.error
        for key, reserved in begun:
            self.begun.setdefault(key, reserved)
        for entry in finished:
            self.finished.setdefault(entry.key, entry)
        for key in (*(entry.key for entry in finished), *abandoned):
            self.begun.pop(key, None)

    async def journal_read(self, job_id: str) -> tuple[JournalEntry, ...]:
        return tuple(self.finished.values())

    async def journal_totals(self, job_id: str) -> JournalTotals:
        raise NotImplementedError

    async def journal_prune(self, completed_before_ms: int) -> int:
        raise NotImplementedError


def request(text: str = "hi", **parameters: float) -> Request:
    return Request(
        model="scripted:/m",
        messages=(Message("user", text),),
        parameters=Parameters(**parameters),  # type: ignore[arg-type]
    )


PURPOSE = Purpose(role=Role.TARGET, candidate_id="c", example_id="e", phase="search", sample=0)
ANSWER = Completion(text="yes", usage=Usage(1, 3, 1, 7), finish_reason="length")


class TestFinding:
    async def test_a_finished_call_is_found_and_marked_as_replayed(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        assert journal.find(PURPOSE.key_of(request())) is None
        await journal.begin(PURPOSE.key_of(request()), WORST)
        assert journal.find(PURPOSE.key_of(request())) is None
        await journal.finish(PURPOSE.key_of(request()), ANSWER)
        assert journal.find(PURPOSE.key_of(request())) == replace(ANSWER, replayed=True)

    async def test_the_next_attempt_finds_it_too(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        await journal.finish(PURPOSE.key_of(request()), ANSWER)
        records.attempt = 2
        resumed = await StoreJournal.open(records, "job", 2)
        assert resumed.find(PURPOSE.key_of(request())) == replace(ANSWER, replayed=True)

    @pytest.mark.parametrize(
        ("other_request", "other_purpose"),
        [
            (request("ho"), PURPOSE),
            (request(temperature=0.5), PURPOSE),
            (replace(request(), model="scripted:/n"), PURPOSE),
            (request(), replace(PURPOSE, sample=1)),
            (request(), replace(PURPOSE, phase="judge")),
            (request(), replace(PURPOSE, candidate_id="d")),
            (request(), replace(PURPOSE, example_id="f")),
            (request(), replace(PURPOSE, role=Role.JUDGE)),
        ],
    )
    async def test_another_call_is_another(self, other_request: Request, other_purpose: Purpose) -> None:
        journal = await StoreJournal.open(FakeRecords(), "job", 1)
        await journal.finish(PURPOSE.key_of(request()), ANSWER)
        assert journal.find(other_purpose.key_of(other_request)) is None

    async def test_a_sealed_test_that_an_earlier_version_wrote_as_search_is_found(self) -> None:
        journal = await StoreJournal.open(FakeRecords(), "job", 1)
        await journal.finish(PURPOSE.key_of(request()), ANSWER)
        tested = replace(PURPOSE, phase="test")
        assert journal.find(tested.key_of(request())) == replace(ANSWER, replayed=True)
        await journal.finish(tested.key_of(request("new")), ANSWER)
        assert journal.find(PURPOSE.key_of(request("new"))) is None


async def let_others_run() -> None:
    """Every task gets as far as it can without the journal's store."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestWriting:
    async def test_a_call_begun_is_durable_before_it_is_made(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        records.go_on.clear()
        beginning = asyncio.create_task(journal.begin(PURPOSE.key_of(request()), WORST))
        await let_others_run()
        assert not beginning.done()
        records.go_on.set()
        await beginning
        assert list(records.begun.values()) == [WORST]

    async def test_an_answer_is_durable_before_it_is_used(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        await journal.begin(PURPOSE.key_of(request()), WORST)
        records.go_on.clear()
        finishing = asyncio.create_task(journal.finish(PURPOSE.key_of(request()), ANSWER))
        await let_others_run()
        assert not finishing.done()
        assert journal.find(PURPOSE.key_of(request())) is None
        records.go_on.set()
        await finishing
        assert records.begun == {}

    async def test_a_call_abandoned_is_as_if_never_begun(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        await journal.begin(PURPOSE.key_of(request()), WORST)
        await journal.abandon(PURPOSE.key_of(request()))
        assert records.begun == {}
        double = WORST + WORST
        await journal.begin(PURPOSE.key_of(request()), double)
        assert list(records.begun.values()) == [double]

    async def test_a_caller_who_leaves_does_not_take_the_others_along(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        records.go_on.clear()
        leaving = asyncio.create_task(journal.begin(PURPOSE.key_of(request("a")), WORST))
        staying = asyncio.create_task(journal.begin(PURPOSE.key_of(request("b")), WORST))
        await let_others_run()
        leaving.cancel()
        records.go_on.set()
        await staying
        assert len(records.begun) == 2

    async def test_close_waits_for_what_was_handed_in(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        leaving = asyncio.create_task(journal.finish(PURPOSE.key_of(request()), ANSWER))
        await asyncio.sleep(0)
        leaving.cancel()
        await journal.close()
        await journal.close()
        assert len(records.finished) == 1

    async def test_close_that_is_given_up_takes_nothing_along(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        records.go_on.clear()
        finishing = asyncio.create_task(journal.finish(PURPOSE.key_of(request()), ANSWER))
        await asyncio.sleep(0)
        closing = asyncio.create_task(journal.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.sleep(0)
        records.go_on.set()
        await finishing
        assert closing.cancelled()
        assert len(records.finished) == 1

    async def test_close_of_an_unused_journal(self) -> None:
        records = FakeRecords()
        records.go_on.clear()  # a write would wait for ever
        await (await StoreJournal.open(records, "job", 1)).close()
        assert (records.begun, records.finished) == ({}, {})


class TestFailing:
    async def test_everybody_hears_that_the_attempt_is_fenced(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        records.go_on.clear()
        writing = [
            asyncio.create_task(journal.begin(PURPOSE.key_of(request(str(number))), WORST))
            for number in range(8)
        ]
        await let_others_run()
        writing.append(asyncio.create_task(journal.finish(PURPOSE.key_of(request("late")), ANSWER)))
        await let_others_run()
        records.attempt = 2
        records.go_on.set()
        results = await asyncio.gather(*writing, return_exceptions=True)
        assert [type(result) for result in results] == [AttemptSuperseded] * 9
        assert journal.find(PURPOSE.key_of(request("late"))) is None
        assert records.begun == {}

    async def test_once_fenced_the_store_is_not_asked_again(self) -> None:
        records = FakeRecords()
        records.attempt = 2
        journal = await StoreJournal.open(records, "job", 1)
        with pytest.raises(AttemptSuperseded):
            await journal.begin(PURPOSE.key_of(request()), WORST)
        records.go_on.clear()  # a write would now wait for ever
        with pytest.raises(AttemptSuperseded):
            await journal.begin(PURPOSE.key_of(request("another")), WORST)
        await journal.close()

    async def test_a_store_that_is_away_fails_the_batch_and_not_the_next(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        records.error = StoreUnavailable("disk full")
        with pytest.raises(StoreUnavailable):
            await journal.finish(PURPOSE.key_of(request()), ANSWER)
        assert journal.find(PURPOSE.key_of(request())) is None
        records.error = None
        await journal.finish(PURPOSE.key_of(request()), ANSWER)
        assert journal.find(PURPOSE.key_of(request())) is not None

    async def test_even_an_unforeseen_error_leaves_nobody_waiting(self) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        records.error = TypeError("a bug")
        with pytest.raises(TypeError):
            await journal.begin(PURPOSE.key_of(request()), WORST)
        records.error = None
        await journal.begin(PURPOSE.key_of(request()), WORST)

    @pytest.mark.parametrize("steps", [0, 1, 2, 3])
    async def test_cancelling_every_task_leaves_nobody_waiting(self, steps: int) -> None:
        records = FakeRecords()
        journal = await StoreJournal.open(records, "job", 1)
        records.go_on.clear()
        before = asyncio.all_tasks()
        waiting = [
            asyncio.ensure_future(journal.begin(PURPOSE.key_of(request(name)), WORST)) for name in "ab"
        ]
        for _ in range(steps):  # until they have not begun, have, and write
            await asyncio.sleep(0)
        for task in asyncio.all_tasks() - before:
            task.cancel()
        async with asyncio.timeout(60):
            results = await asyncio.gather(*waiting, return_exceptions=True)
            await journal.close()
        assert [type(result) for result in results] == [asyncio.CancelledError] * 2
        records.go_on.set()
        await journal.begin(PURPOSE.key_of(request("c")), WORST)  # and the next is written
        assert len(records.begun) == 1


class TestOverTheRealStore:
    """What a crash leaves behind, read by the next attempt."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqlJobStore]:
        opened = SqlJobStore(f"sqlite:///{tmp_path / 'burnish.db'}")
        config = JobConfig(
            source_prompt_uris=("prompts:/p/1",),
            dataset_id="d",
            scorers=(),
            optimizer_type=OptimizerType.GEPA,
        )
        await opened.create(
            Job(job_id="job", experiment_id="1", config=config, creation_timestamp_ms=1), None
        )
        await opened.take("job", "worker")
        yield opened
        await opened.close()

    async def test_finished_calls_come_back_and_begun_ones_are_lost(self, store: SqlJobStore) -> None:
        journal = await StoreJournal.open(store, "job", 1)
        for text in ("finished", "lost", "abandoned"):
            await journal.begin(PURPOSE.key_of(request(text)), WORST)
        await journal.finish(PURPOSE.key_of(request("finished")), ANSWER)
        await journal.abandon(PURPOSE.key_of(request("abandoned")))
        await store.take("job", "another worker")

        resumed = await StoreJournal.open(store, "job", 2)
        assert resumed.find(PURPOSE.key_of(request("finished"))) == replace(ANSWER, replayed=True)
        assert resumed.find(PURPOSE.key_of(request("lost"))) is None
        totals = await store.journal_totals("job")
        assert totals.finished.total == ANSWER.usage
        assert totals.lost.total == WORST
        with pytest.raises(AttemptSuperseded):
            await journal.begin(PURPOSE.key_of(request("a superseded worker's")), WORST)

    async def test_a_call_lost_once_and_made_again_counts_twice(self, store: SqlJobStore) -> None:
        journal = await StoreJournal.open(store, "job", 1)
        await journal.begin(PURPOSE.key_of(request()), WORST)
        await store.take("job", "another worker")
        resumed = await StoreJournal.open(store, "job", 2)
        await resumed.begin(PURPOSE.key_of(request()), WORST)
        await resumed.finish(PURPOSE.key_of(request()), ANSWER)
        totals = await store.journal_totals("job")
        assert (totals.finished.total.calls, totals.lost.total.calls) == (1, 1)

    async def test_a_note_can_be_raised(self, store: SqlJobStore) -> None:
        journal = await StoreJournal.open(store, "job", 1)
        await journal.begin(PURPOSE.key_of(request()), WORST)
        await journal.abandon(PURPOSE.key_of(request()))
        await journal.begin(PURPOSE.key_of(request()), WORST + WORST)
        await store.take("job", "another worker")
        assert (await store.journal_totals("job")).lost.total == WORST + WORST
