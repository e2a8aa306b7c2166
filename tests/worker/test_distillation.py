"""A teacher's answers become the expectations, once, and are counted under its role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burnish.domain.job import JobStatus, OptimizerType, Verdict
from burnish.domain.prompt import Prompt
from burnish.domain.usage import Role
from tests.worker.workbench import TEACHER, Process, World

CHATTY = "What do you think?\n\n{{review}}"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path, records=32)
    yield world
    await world.close()


def teacher_of(world: World, template: str) -> dict[str, str]:
    teacher = world.tracker.ensure_prompt(Prompt(name="teacher", template=template))
    return {"teacher_prompt_uri": str(teacher.uri), "teacher_model": "scripted:/sentiment"}


async def test_the_student_learns_to_answer_as_the_teacher(world: World) -> None:
    await world.submit(optimizer_type=OptimizerType.DISTILLATION, optimizer_config=teacher_of(world, TEACHER))
    await Process(world).run()
    result = (await world.result()).check()
    assert result.job.status is JobStatus.COMPLETED, result.job.error_message
    assert result.job.verdict is Verdict.IMPROVED
    roles = result.job.usage.roles
    assert roles[Role.TEACHER].calls == 32
    assert roles[Role.TARGET].calls + 32 == result.job.usage.total.calls <= 150


async def test_the_source_is_scored_against_the_teacher_not_the_data(world: World) -> None:
    """The chatty teacher says what the chatty source says, so by its measure the source is perfect."""
    settings = teacher_of(world, CHATTY)
    prompt = world.tracker.ensure_prompt(Prompt(name="p", template=CHATTY))
    await world.submit(
        optimizer_type=OptimizerType.DISTILLATION,
        optimizer_config=settings,
        source_prompt_uris=(str(prompt.uri),),
        max_output_tokens=64,
    )
    await Process(world).run()
    job = (await world.result()).job
    assert job.initial_eval_scores["exact_match"] == 1.0, job


async def test_a_worker_that_dies_while_the_teacher_answers_costs_no_finished_answer(world: World) -> None:
    await world.submit(optimizer_type=OptimizerType.DISTILLATION, optimizer_config=teacher_of(world, TEACHER))
    first = Process(world, dies_at_call=20)
    await first.run()
    journal = (await world.result()).journal
    second = Process(world)
    await second.run(over=1)
    assert (await world.result()).job.status is JobStatus.COMPLETED
    assert not [asked for asked in second.asked if asked in journal]
