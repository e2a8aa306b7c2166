"""Calls that a dead attempt lost are paid for by the search, never by the check of what it found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.job import JobStatus, OptimizerType, SplitFractions, StopReason
from burnish.domain.prompt import Prompt
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.hidden_rules import SOURCE, HiddenRules
from tests.worker.harness import EXPERIMENT, Result, WorkerHarness, WorkerProcess

JITTER = Faults(jitter_seconds=0.004)
RECORDS, VALIDATION, TEST, CALLS = 60, 18, 12, 150
CONCURRENCY = 8


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    harness.prompt = harness.tracker.ensure_prompt(Prompt(name="p", template=SOURCE))
    pairs = [(record["inputs"], record["expectations"]) for record in HiddenRules().records(RECORDS)]
    harness.dataset = harness.tracker.ensure_dataset(Dataset.of(pairs, "cases"), EXPERIMENT)
    yield harness
    await harness.close()


async def submit(harness: WorkerHarness, **changes: Any) -> None:
    fields: dict[str, Any] = {
        "optimizer_type": OptimizerType.FACTORIAL,
        "model": "scripted:/hidden-rules",
        "reflection_model": "scripted:/hidden-rules-reflect",
        "budget": Budget(max_calls=CALLS),
        "split": SplitFractions(0.5, 0.3, 0.2),
        "concurrency": CONCURRENCY,
        "optimizer_config": {"minimum_gain": 0.0, "rewrite": False},
    }
    await harness.submit(**{**fields, **changes})


async def killed_at(harness: WorkerHarness, *calls: int) -> Result:
    """The job, killed at these requests of its attempts, one after another, and finished by the last."""
    for attempt, call in enumerate((*calls, None)):
        process = WorkerProcess(harness, faults=JITTER, dies_at_call=call)
        await process.run(reason="recovered at start" if attempt else "submitted")
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED
    assert result.job.attempt == len(calls) + 1
    assert result.job.usage.total.calls <= CALLS
    assert result.job.usage.total.calls > result.journal.total(), "no call was lost"
    assert result.job.stop_reason is StopReason.BUDGET
    assert result.job.test_scores is not None
    assert result.job.test_scores.examples == TEST
    return result


async def checked(harness: WorkerHarness, result: Result) -> int:
    """On how many validation examples the winner was measured."""
    scores = await harness.store.scores("job", "validation")
    return sum(one.candidate_id == result.job.best_candidate_id for one in scores)


@pytest.mark.parametrize("calls", [(40,), (80,), (40, 40, 20)])
async def test_calls_lost_in_the_search_leave_the_check_its_room(
    calls: tuple[int, ...], harness: WorkerHarness
) -> None:
    await submit(harness)
    result = await killed_at(harness, *calls)
    assert await checked(harness, result) == VALIDATION
    assert result.job.final_eval_scores["aggregate"] > result.job.initial_eval_scores["aggregate"] + 0.3
    assert not any("budget" in warning or "check" in warning for warning in result.job.warnings)


@pytest.mark.parametrize("into", [4, 12, 17])
async def test_calls_lost_in_the_check_make_it_smaller(into: int, harness: WorkerHarness) -> None:
    await submit(harness)
    result = await killed_at(harness, CALLS - 2 * TEST - VALIDATION + into)
    measured = await checked(harness, result)
    assert VALIDATION - CONCURRENCY <= measured < VALIDATION
    assert result.job.final_eval_scores["aggregate"] > result.job.initial_eval_scores["aggregate"] + 0.3
    expected = f"the last check was made on {measured} of {VALIDATION} validation examples"
    assert any(expected in warning for warning in result.job.warnings)


async def test_a_limit_of_tokens_leaves_the_check_its_room(harness: WorkerHarness) -> None:
    await submit(harness, budget=Budget(max_tokens=12_000))
    await WorkerProcess(harness, faults=JITTER).run()
    result = await harness.result()
    assert result.job.stop_reason is StopReason.BUDGET
    assert await checked(harness, result) == VALIDATION
    assert result.job.final_eval_scores["aggregate"] > result.job.initial_eval_scores["aggregate"]
    assert result.job.usage.total.tokens <= 12_000
