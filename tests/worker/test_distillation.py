"""A teacher's answers become the expectations, once, and are counted under its role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burnish.domain.job import JobStatus, OptimizerType, Verdict
from burnish.domain.prompt import Prompt
from burnish.domain.usage import Role
from tests.worker.harness import TEACHER, WorkerHarness, WorkerProcess

CHATTY = "What do you think?\n\n{{review}}"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path, records=32)
    yield harness
    await harness.close()


def teacher_of(harness: WorkerHarness, template: str) -> dict[str, str]:
    teacher = harness.tracker.ensure_prompt(Prompt(name="teacher", template=template))
    return {"teacher_prompt_uri": str(teacher.uri), "teacher_model": "scripted:/sentiment"}


async def test_the_student_learns_to_answer_as_the_teacher(harness: WorkerHarness) -> None:
    await harness.submit(
        optimizer_type=OptimizerType.DISTILLATION, optimizer_config=teacher_of(harness, TEACHER)
    )
    await WorkerProcess(harness).run()
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED, result.job.error_message
    assert result.job.verdict is Verdict.IMPROVED
    roles = result.job.usage.roles
    assert roles[Role.TEACHER].calls == 32
    assert roles[Role.TARGET].calls + 32 == result.job.usage.total.calls <= 150


async def test_the_source_is_scored_against_the_teacher_not_the_data(harness: WorkerHarness) -> None:
    """The chatty teacher says what the chatty source says, so by its measure the source is perfect."""
    settings = teacher_of(harness, CHATTY)
    prompt = harness.tracker.ensure_prompt(Prompt(name="p", template=CHATTY))
    await harness.submit(
        optimizer_type=OptimizerType.DISTILLATION,
        optimizer_config=settings,
        source_prompt_uris=(str(prompt.uri),),
        max_output_tokens=64,
    )
    await WorkerProcess(harness).run()
    job = (await harness.result()).job
    assert job.initial_eval_scores["exact_match"] == 1.0, job


async def test_answers_that_were_cut_off_are_no_labels(harness: WorkerHarness) -> None:
    settings = teacher_of(harness, CHATTY)
    chatty = Prompt(name="teacher", template=f"{CHATTY} ", model_config={"max_tokens": 2})
    teacher = harness.tracker.ensure_prompt(chatty)
    await harness.submit(
        optimizer_type=OptimizerType.DISTILLATION,
        optimizer_config={**settings, "teacher_prompt_uri": str(teacher.uri)},
    )
    await WorkerProcess(harness).run()
    job = (await harness.result()).job
    assert job.status is JobStatus.FAILED
    assert "32 cut" in str(job.error_message)
    assert "max_tokens" in str(job.error_message)


async def test_a_worker_that_dies_while_the_teacher_answers_costs_no_finished_answer(
    harness: WorkerHarness,
) -> None:
    await harness.submit(
        optimizer_type=OptimizerType.DISTILLATION, optimizer_config=teacher_of(harness, TEACHER)
    )
    first = WorkerProcess(harness, dies_at_call=20)
    await first.run()
    journal = (await harness.result()).journal
    second = WorkerProcess(harness)
    await second.run(over=1)
    assert (await harness.result()).job.status is JobStatus.COMPLETED
    assert not [asked for asked in second.asked if asked in journal]
