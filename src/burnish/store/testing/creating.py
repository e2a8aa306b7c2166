"""What a store promises of creating jobs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.events import EventKind
from burnish.domain.job import JobStatus, SplitFractions
from burnish.domain.records import Idempotency
from burnish.errors import Conflict, InvalidInput, InvalidState, NotFound
from burnish.store.testing.samples import (
    NOON_MS,
    ODD_TEXT,
    Clock,
    Opener,
    a_config,
    a_job,
    an_answer,
)


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
            inputs={"question": "messages[-1].content", "b": ODD_TEXT},
            scorers=("exact_match", "regex_match:^a=b$=must"),
            optimizer_config={"rounds": 3, "nested": {"list": [1, None, ODD_TEXT]}},
            model="openai:/gpt-4o-mini",
            budget=Budget(max_calls=100, max_usd=0.25),
            split=SplitFractions(0.6, 0.2, 0.2),
            seed=42,
            max_output_tokens=16,
            app=App(url="https://a.example/x", timeout_seconds=5.0, headers_from_env={"X": "BURNISH_APP_X"}),
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
            ("tags.a", {"tags": {"a": "b" * 5001}}),
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
            job = a_job(tags={"k" * 250: "漢" * 5000})
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
