"""A teacher's answers become the expectations, once, and are counted under its role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.job import JobStatus, OptimizerType, Verdict
from burnish.domain.prompt import Prompt
from burnish.domain.usage import Role
from burnish.errors import InvalidInput
from burnish.tracking.protocol import LinkedTraces
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


def recorded(harness: WorkerHarness) -> LinkedTraces:
    """What the teacher has said of the dataset's records, one trace each; one more held no answer."""
    pairs = [(example.inputs, dict(example.expectations)) for example in harness.dataset.examples]
    return LinkedTraces(Dataset.of(pairs, "traces of teacher/1"), left_out=1)


async def test_without_a_dataset_the_traces_linked_to_the_teacher_are_the_data(
    harness: WorkerHarness,
) -> None:
    uri = str(harness.teacher.uri)
    harness.tracker.linked[uri] = recorded(harness)
    await harness.submit(optimizer_type=OptimizerType.DISTILLATION, teacher_prompt_uri=uri, dataset_id=None)
    await WorkerProcess(harness).run()
    job = (await harness.result()).check().job
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.inputs is not None
    assert job.inputs.dataset is not None
    assert (job.inputs.dataset.dataset_id, job.inputs.dataset.name) == (None, "traces of teacher/1")
    assert Role.TEACHER not in job.usage.roles
    assert any("32 traces" in warning for warning in job.warnings)
    assert any("1 linked traces" in warning for warning in job.warnings)


async def test_a_teacher_without_linked_traces_needs_a_dataset(harness: WorkerHarness) -> None:
    with pytest.raises(InvalidInput, match="name a dataset") as caught:
        await harness.submit(
            optimizer_type=OptimizerType.DISTILLATION,
            teacher_prompt_uri=str(harness.teacher.uri),
            dataset_id=None,
        )
    assert caught.value.problems[0].field == "dataset_id"


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"optimizer_type": OptimizerType.JOINT_SEARCH}, "goes with distillation"),
        ({"optimizer_config": {"teacher_prompt_uri": "prompts:/p/1"}}, "must be the same"),
    ],
)
async def test_mlflow_s_field_for_the_teacher_fits_the_rest(
    harness: WorkerHarness, changes: dict[str, Any], remedy: str
) -> None:
    request = {"optimizer_type": OptimizerType.DISTILLATION, **changes}
    with pytest.raises(InvalidInput, match=remedy):
        await harness.submit(teacher_prompt_uri=str(harness.teacher.uri), **request)
