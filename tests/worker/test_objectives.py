"""Several objectives: weights steer the search, the Pareto front shows what it had to choose from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burnish.api.wire import candidates_to_proto
from burnish.domain.budget import Budget
from burnish.domain.job import JobStatus
from burnish.errors import InvalidInput
from burnish.evaluation.scorers.registry import make_scorers
from burnish.llm.providers.registry import Registry
from burnish.optimizers.registry import complete_settings, make_optimizer
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolver
from burnish.proto import prompt_optimization_pb2 as wire
from tests.worker.harness import WorkerHarness, WorkerProcess


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()


async def candidates(
    harness: WorkerHarness, *scorers: str
) -> tuple[wire.PromptCandidate, list[wire.PromptCandidate]]:
    """The winner of a job with these scorers, and all that it had tried."""
    await harness.submit(scorers=scorers, budget=Budget(max_calls=300))
    await WorkerProcess(harness).run()
    job = (await harness.result()).check().job
    assert job.status is JobStatus.COMPLETED, job.error_message
    found = candidates_to_proto(await harness.store.candidates("job"))
    return next(c for c in found if c.candidate_id == job.best_candidate_id), found


async def test_the_front_holds_the_winner_and_the_shortest(harness: WorkerHarness) -> None:
    best, found = await candidates(harness, "exact_match")
    front = [c for c in found if c.on_pareto_front]
    measured = [c for c in found if c.objectives]
    assert best in front
    assert min(measured, key=lambda c: c.objectives["prompt_tokens"]) in front
    assert found[0].number == 0
    assert found[0].objectives["aggregate"] == 0.0
    assert all(c.status != wire.PromptCandidate.REFUSED for c in measured)


async def test_a_candidate_measured_in_part_is_not_compared_with_those_measured_in_full(
    harness: WorkerHarness,
) -> None:
    _, found = await candidates(harness, "exact_match")
    for candidate in found:
        evaluations = await harness.store.evaluations("job", candidate.candidate_id, limit=1000)
        measured = sum(entry.split == "validation" for entry in evaluations)
        assert bool(candidate.objectives) == (measured == 6)


async def test_tokens_can_be_weighed_against_the_score(tmp_path: Path, harness: WorkerHarness) -> None:
    by_score, _ = await candidates(harness, "exact_match")
    (tmp_path / "other").mkdir()
    other = WorkerHarness(tmp_path / "other")
    by_both, _ = await candidates(other, "exact_match", "short_prompt:15=3")
    await other.close()
    assert by_both.scores["exact_match"] == by_score.scores["exact_match"] == 1.0
    assert by_both.objectives["prompt_tokens"] < by_score.objectives["prompt_tokens"]


async def test_a_cost_that_nobody_knows_cannot_be_weighed(harness: WorkerHarness) -> None:
    models = Registry(environment={"OPENAI_API_KEY": "none"})
    planner = Planner(make_scorers, make_optimizer)
    resolver = Resolver(harness.tracker, models, planner, complete_settings)
    config = harness.config(scorers=("exact_match", "low_cost:0.001"), model="openai:/never-heard-of")
    with pytest.raises(InvalidInput) as caught:
        await resolver.resolve("0", config)
    (problem,) = caught.value.problems
    assert "openai:/never-heard-of" in problem.remedy
