"""A job on a Jinja prompt, from the request to the registered winner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.jinja import code_problems
from burnish.domain.job import JobStatus, OptimizerType
from burnish.domain.prompt import Message, Prompt
from burnish.domain.rendering import PlainRenderer, Renderer
from burnish.errors import InvalidInput
from burnish.evaluation.scorers.registry import make_scorers
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.registry import Registry
from burnish.llm.testing.scripted import ScriptedProvider
from burnish.optimizers.registry import complete_settings, make_optimizer
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolution, Resolver
from burnish.rendering.sandbox import JinjaSandbox
from tests.worker.harness import EXPERIMENT, WorkerHarness, WorkerProcess

TEMPLATE = (
    "What is the sentiment of this review? Answer with one word.\n\n"
    "{% if stars is defined %}It has {{ stars }} stars.{% endif %}{{ review | trim }}"
)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[JinjaSandbox]:
    sandbox = JinjaSandbox()
    yield sandbox
    sandbox.close()


async def resolve(harness: WorkerHarness, renderer: Renderer, **changes: Any) -> Resolution:
    registry = Registry(providers={"scripted": ScriptedProvider()})
    planner = Planner(make_scorers, make_optimizer)
    resolver = Resolver(harness.tracker, registry, planner, complete_settings, renderer=renderer)
    return await resolver.resolve(EXPERIMENT, harness.config(**changes))


def prompt(harness: WorkerHarness, template: str | tuple[Message, ...]) -> dict[str, Any]:
    made = harness.tracker.ensure_prompt(Prompt(name="p", template=template))
    return {"source_prompt_uris": (str(made.uri),)}


async def refused(harness: WorkerHarness, renderer: Renderer, template: str, **changes: Any) -> str:
    with pytest.raises(InvalidInput) as refusal:
        await resolve(harness, renderer, **prompt(harness, template), **changes)
    return str(refusal.value)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer_type": OptimizerType.FEW_SHOT, "budget": Budget(max_calls=90)},
        {"optimizer_type": OptimizerType.FACTORIAL, "budget": Budget(max_calls=90)},
    ],
    ids=["joint search", "few-shot", "factorial"],
)
async def test_a_job_registers_a_jinja_prompt_with_the_same_code(
    harness: WorkerHarness, sandbox: JinjaSandbox, changes: dict[str, Any]
) -> None:
    harness.prompt = harness.tracker.ensure_prompt(Prompt(name="p", template=TEMPLATE))
    resolution = await resolve(harness, sandbox, **changes)
    job = replace(harness._job("job", **changes), inputs=resolution.inputs.summary)
    await harness.store.create(job, inputs=resolution.inputs, data=resolution.data)
    asked, scripted = set[str](), ScriptedProvider()

    async def answer(request: Request) -> Response:
        asked.add(request.messages[0].content)
        return await scripted.complete(request, "sentiment", 10.0)

    await WorkerProcess(harness, renderer=sandbox, answer=answer).run("job")
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED, result.job.error_message
    [winner] = result.versions
    assert winner != TEMPLATE
    assert not code_problems(winner, TEMPLATE)
    assert asked
    assert not any("{%" in text or "{{" in text for text in asked), "the model is asked what Jinja made"


async def test_a_record_that_a_template_fails_on_ends_the_job_with_its_name(
    harness: WorkerHarness, sandbox: JinjaSandbox
) -> None:
    harness.prompt = harness.tracker.ensure_prompt(
        Prompt(
            name="p", template="{% if review %}{{ review }} {{ 1 / (review | length - limit) }}{% endif %}"
        )
    )
    lengths = sorted({len(str(example.inputs["review"])) for example in harness.dataset.examples})
    records = [
        ({**example.inputs, "limit": lengths[-1]}, example.expectations)
        for example in sorted(harness.dataset.examples, key=lambda one: len(str(one.inputs["review"])))
    ]
    harness.dataset = harness.tracker.ensure_dataset(Dataset.of(records, "uneven"), EXPERIMENT)
    resolution = await resolve(harness, sandbox)
    await harness.store.create(harness._job("job"), inputs=resolution.inputs, data=resolution.data)
    await WorkerProcess(harness, renderer=sandbox).run("job")
    job = await harness.store.get("job")
    assert job.status is JobStatus.FAILED
    assert "ZeroDivisionError" in (job.error_message or "")
    assert "record" in (job.error_message or "")


async def test_the_operator_may_want_none(harness: WorkerHarness) -> None:
    assert "BURNISH_JINJA=off" in await refused(harness, PlainRenderer(), TEMPLATE)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% if review %}{{ review }}", "line 1 is not Jinja"),
        ("{% if 1 %}{{ reveiw }}{% endif %}", "did you mean 'review'"),
        ("{% if mood %}{{ mood }}{% endif %}", "every record would ask the same"),
        ("{% include 'other' %}{{ review }}", "names another template"),
        ("{% if review %}{{ review.__class__.__mro__ }}{% endif %}", "the sandbox forbids"),
        ("{% for i in range(10**9) %}{{ review }}{% endfor %}", "Range too big"),
    ],
)
async def test_what_is_wrong_with_a_template_is_said_before_anything_is_paid(
    harness: WorkerHarness, sandbox: JinjaSandbox, template: str, said: str
) -> None:
    assert said in await refused(harness, sandbox, template)


async def test_what_some_records_lack_is_empty_and_told(
    harness: WorkerHarness, sandbox: JinjaSandbox
) -> None:
    records = [
        ({"review": f"Film {n}: {w}.", **({"hint": "x"} if n % 2 else {})}, {"expected_response": label})
        for n in range(12)
        for label, w in (("positive", "great fun"), ("negative", "dull mess"))
    ]
    dataset = harness.tracker.ensure_dataset(Dataset.of(records, "holes"), EXPERIMENT)
    changes = {"dataset_id": dataset.dataset_id}
    template = "{% if review %}{{ review }}{% endif %} {{ hint }}"
    found = await resolve(harness, sandbox, **prompt(harness, template), **changes)
    assert any("hint is empty in 12 of 24 records" in warning for warning in found.inputs.warnings)
    guarded = "{% if hint %}{{ hint }}{% endif %}{{ review }}"
    found = await resolve(harness, sandbox, **prompt(harness, guarded), **changes)
    assert not any("hint" in warning for warning in found.inputs.warnings)
