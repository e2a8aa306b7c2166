"""The sealed test of a job whose budget runs out in the midst of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burnish.domain.budget import Budget
from burnish.domain.job import JobStatus, Verdict
from tests.worker.workbench import Process, World

RECORDS = 48
TEST = 12
CONCURRENCY = 2
WHOLE_BATCHES = 8  # all but the last four examples


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path, records=RECORDS)
    yield world
    await world.close()


async def test_every_finished_pair_counts(tmp_path: Path, world: World) -> None:
    (tmp_path / "whole").mkdir()
    undisturbed = World(tmp_path / "whole", records=RECORDS)
    await undisturbed.submit(concurrency=CONCURRENCY)
    await Process(undisturbed).run()
    calls = (await undisturbed.result()).job.usage.total.calls
    await undisturbed.close()

    # There is nothing to spare for what a death costs.
    await world.submit(budget=Budget(max_calls=calls), concurrency=CONCURRENCY)
    await Process(world, dies_at_call=calls - 3).run()
    await Process(world).run(reason="recovered at start")
    job = (await world.result()).check().job
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.test_scores is not None
    assert WHOLE_BATCHES < job.test_scores.examples < TEST
    assert any(f"after {job.test_scores.examples} of {TEST}" in warning for warning in job.warnings)
    assert job.verdict is Verdict.IMPROVED
    assert job.usage.total.calls <= calls
