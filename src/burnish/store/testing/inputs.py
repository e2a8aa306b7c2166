"""What a store promises of a job's inputs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from burnish.domain.dataset import Dataset, Example
from burnish.domain.inputs import DatasetSummary, JobData, JobInputs, ResolvedModel, ScorerDefinition
from burnish.domain.prompt import Message, Prompt
from burnish.domain.records import Idempotency
from burnish.errors import AttemptSuperseded, NotFound
from burnish.store.protocol import JobStore
from burnish.store.testing.samples import ODD_TEXT, Opener, a_job, a_running_job


def some_data(records: int = 8, text: str = "hello") -> JobData:
    """Splits in an order that is not the dataset's."""
    pairs = [({"name": f"{text} {n}"}, {"expected_response": n}) for n in range(records)]
    positions = tuple(reversed(range(records)))
    half, rest = records // 2, records - records // 4
    return JobData(
        examples=Dataset.of(pairs).examples,
        train=positions[:half],
        validation=positions[half:rest],
        test=positions[rest:],
    )


def some_inputs(**changes: Any) -> JobInputs:
    """With a value in every field."""
    values: dict[str, Any] = {
        "prompts": (
            Prompt(name="greet", template=f"{ODD_TEXT} {{{{name}}}}", uri="prompts:/greet/1"),
            Prompt(
                name="ask",
                template=(Message("system", "Be brief."), Message("user", "{{name}}?")),
                uri="prompts:/ask/7",
                model_config={"provider": "openai", "temperature": 0.5, "extra_params": {"top_k": 3}},
                response_format={"type": "object"},
            ),
        ),
        "target": ResolvedModel("openai:/small", {"temperature": 0.5, "stop": ["\n"], "extra": {}}),
        "reflection": ResolvedModel("openai:/large"),
        "teacher_prompt": Prompt(name="teach", template="Teach {{name}}", uri="prompts:/teach/2"),
        "teacher": ResolvedModel("openai:/larger", {"max_tokens": 9}),
        "scorers": (
            ScorerDefinition(name="exact_match", spec="exact_match=2"),
            ScorerDefinition(
                name="polite",
                spec="polite=must",
                model="openai:/judge",
                registered={"data": {"text": ODD_TEXT}},
            ),
        ),
        "judge_model": "openai:/judge",
        "optimizer_settings": {"patience": None, "minimum_gain": 0.0, "seeds": [1, 2]},
        "dataset": DatasetSummary(
            dataset_id="d-1", name="greetings", digest="abc", train=4, validation=2, test=2
        ),
        "versions": {"burnish": "1.0"},
        "warnings": ("few records",),
    }
    return JobInputs(**values | changes)


async def create(store: JobStore, job_id: str = "job", data: JobData | None = None) -> JobInputs:
    inputs = some_inputs()
    await store.create(a_job(job_id, inputs=inputs.summary), inputs=inputs, data=data or some_data())
    return inputs


class InputContract(Opener):
    async def test_inputs_come_back_as_they_were_given(self) -> None:
        async with self.open() as store:
            data = some_data(text=ODD_TEXT)
            inputs = await create(store, data=data)
            assert await store.find_inputs("job") == inputs
            assert await store.find_data("job") == data
            assert (await store.get("job")).inputs == inputs.summary
            assert (await store.get("job")).source_prompt_uris == ("prompts:/greet/1", "prompts:/ask/7")

    async def test_a_job_without_a_dataset_has_inputs_and_no_records(self) -> None:
        async with self.open() as store:
            inputs = some_inputs(
                dataset=None, reflection=None, teacher=None, teacher_prompt=None, judge_model=None, scorers=()
            )
            await store.create(a_job(inputs=inputs.summary), inputs=inputs)
            assert await store.find_inputs("job") == inputs
            assert (await store.get("job")).inputs == inputs.summary
            assert await store.find_data("job") is None
            assert await store.examples("job") == ()

    async def test_a_job_that_was_created_without_inputs_keeps_them_once(self) -> None:
        async with self.open() as store:
            job = await a_running_job(store)
            assert (job.inputs, await store.find_inputs("job"), await store.find_data("job")) == (None,) * 3
            inputs, data = some_inputs(), some_data()
            kept = await store.keep_inputs("job", 1, inputs, data)
            assert kept == await store.get("job")
            assert kept.inputs == inputs.summary
            await store.take("job", "worker-2")
            later = some_inputs(judge_model="openai:/other")
            assert (await store.keep_inputs("job", 2, later, some_data(20))).inputs == inputs.summary
            assert (await store.find_inputs("job"), await store.find_data("job")) == (inputs, data)

    async def test_a_superseded_attempt_cannot_give_inputs(self) -> None:
        async with self.open() as store:
            await a_running_job(store)
            await store.take("job", "worker-2")
            with pytest.raises(AttemptSuperseded):
                await store.keep_inputs("job", 1, some_inputs(), some_data())
            assert await store.find_inputs("job") is None

    async def test_examples_come_in_pages_in_the_order_of_the_dataset(self) -> None:
        async with self.open() as store:
            data = some_data(8)
            await create(store, data=data)
            everything = await store.examples("job")
            assert [record.example for record in everything] == list(data.examples)
            assert [record.position for record in everything] == list(range(8))
            assert [record.split for record in everything] == [
                *["test"] * 2,
                *["validation"] * 2,
                *["train"] * 4,
            ]
            assert await store.examples("job", start=3, limit=2) == everything[3:5]
            assert await store.examples("job", start=1, limit=3, split="train") == everything[4:7]
            assert await store.examples("job", start=8) == ()
            ids = [everything[at].example.example_id for at in (6, 2)]
            assert await store.examples("job", example_ids=ids) == (everything[2], everything[6])
            assert await store.examples("job", start=3, example_ids=ids) == (everything[6],)
            assert await store.examples("job", example_ids=["of no example"]) == ()

    async def test_unknown_jobs_have_no_inputs(self) -> None:
        async with self.open() as store:
            for job_id in ("none", "\0", "\ud800"):
                for read in (store.find_inputs, store.find_data, store.examples):
                    with pytest.raises(NotFound):
                        await read(job_id)

    async def test_records_that_are_large_come_back(self) -> None:
        async with self.open() as store:
            data = some_data(40, text=ODD_TEXT * 20_000)  # some megabytes: many chunks and transactions
            await create(store, data=data)
            assert await store.find_data("job") == data
            (record,) = await store.examples("job", start=29, limit=1)
            assert (record.example, record.position) == (data.examples[29], 29)

    async def test_jobs_on_the_same_records_do_not_disturb_each_other(self) -> None:
        async with self.open() as store:
            data = some_data()
            other = replace(data, train=data.test, test=data.train)
            await create(store, "one", data)
            await create(store, "same", data)
            await create(store, "other splits", other)
            await store.delete("one")
            assert await store.find_data("same") == data
            await store.delete("same")
            assert await store.find_data("other splits") == other
            await store.delete("other splits")
            await create(store, "again", data)
            assert await store.find_data("again") == data

    async def test_a_retried_create_leaves_the_inputs_of_the_first(self) -> None:
        async with self.open() as store:
            key, first, second = (
                Idempotency(key="k", body_digest="b"),
                some_inputs(),
                some_inputs(warnings=()),
            )
            await store.create(a_job(inputs=first.summary), key, inputs=first, data=some_data())
            job, is_new = await store.create(
                a_job("other", inputs=second.summary), key, inputs=second, data=some_data(20)
            )
            assert (job.job_id, is_new) == ("job", False)
            assert (await store.find_inputs("job"), await store.find_data("job")) == (first, some_data())

    async def test_creates_and_deletes_on_one_dataset_at_the_same_time(self) -> None:
        async with self.open() as one, self.open() as other:
            data = some_data()

            async def come_and_go(store: JobStore, name: str) -> None:
                for n in range(5):
                    await create(store, f"{name}{n}", data)
                    assert await store.find_data(f"{name}{n}") == data
                    await store.delete(f"{name}{n}")

            await asyncio.gather(*(come_and_go(store, f"{n}-") for n, store in enumerate((one, other) * 4)))
            await create(one, data=data)
            assert await other.find_data("job") == data

    async def test_an_example_may_be_named_as_it_likes(self) -> None:
        async with self.open() as store:
            examples = (
                Example("a:1", {}, {"n": [None, 1.5, {"x": True}]}, "i"),
                Example("b", {"v": 2**70}, {}, "i", source="films.csv:7"),
            )
            data = JobData(examples=examples, train=(0,), validation=(1,))
            await create(store, data=data)
            kept = await store.find_data("job")
            assert kept == data
            assert [example.source for example in kept.examples] == ["", "films.csv:7"]
