"""An estimate counts every model of a job, and prices each by its own list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.budget import Budget
from burnish.domain.job import OptimizerType
from burnish.evaluation.scorer import Feedback, WeightedScorer
from burnish.evaluation.scorers.exact_match import exact_match
from burnish.evaluation.scorers.text import TextScorer
from burnish.evaluation.statistics import FEWEST_PAIRS
from burnish.llm.providers.registry import Registry
from burnish.optimizers.registry import complete_settings, make_optimizer
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolver
from burnish.service.estimate import Estimate, estimate
from tests.worker.harness import WorkerHarness

CHEAP, DEAR, UNKNOWN = "openai:/gpt-4o-mini", "openai:/gpt-4o", "openai:/never-heard-of"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()


class TwoCallJudge(TextScorer):
    """Is planned like a judge that asks ``model`` twice for each answer."""

    calls = 2

    def __init__(self, model: str) -> None:
        super().__init__("judge")
        self.model = model

    def compare(self, output: str, expected: Any) -> Feedback:
        raise AssertionError("an estimate asks no scorer")


async def estimated(harness: WorkerHarness, judge: str | None = None, **changes: Any) -> Estimate:
    scorers = [WeightedScorer(exact_match("exact_match"))]
    if judge:
        scorers.append(WeightedScorer(TwoCallJudge(judge)))
    registry = Registry(environment={"OPENAI_API_KEY": "none"})
    planner = Planner(lambda specs, **_: tuple(scorers), make_optimizer)
    resolver = Resolver(harness.tracker, registry, planner, complete_settings)
    specs = tuple(entry.scorer.name for entry in scorers)
    config = harness.config(**{"model": CHEAP, "budget": Budget(), "scorers": specs, **changes})
    return estimate((await resolver.resolve("0", config)).plan)


async def test_judges_are_counted_and_priced_by_their_own_model(harness: WorkerHarness) -> None:
    without, cheap, dear = [await estimated(harness, judge) for judge in (None, CHEAP, DEAR)]
    assert cheap.calls_high == dear.calls_high == 3 * without.calls_high
    assert without.usd_high and cheap.usd_high and dear.usd_high
    assert without.usd_high < cheap.usd_high < dear.usd_high


async def test_an_unknown_price_of_any_model_leaves_the_dollars_out(harness: WorkerHarness) -> None:
    assert (await estimated(harness, UNKNOWN)).usd_low is None
    assert (await estimated(harness, model=UNKNOWN)).usd_high is None


async def test_a_teacher_is_priced_by_its_own_model(harness: WorkerHarness) -> None:
    def teacher_settings(model: str) -> dict[str, Any]:
        return {"teacher_prompt_uri": "prompts:/teacher/1", "teacher_model": model}

    cheap, dear = [
        await estimated(
            harness, optimizer_type=OptimizerType.DISTILLATION, optimizer_config=teacher_settings(model)
        )
        for model in (CHEAP, DEAR)
    ]
    assert cheap.calls_low == dear.calls_low
    assert cheap.usd_low and dear.usd_low
    assert cheap.usd_low < dear.usd_low


async def test_the_budget_caps_calls_tokens_and_dollars(harness: WorkerHarness) -> None:
    free, capped = await estimated(harness), await estimated(harness, budget=Budget(max_calls=120))
    assert capped.calls_high == 120 < free.calls_high
    assert capped.tokens_high < free.tokens_high
    assert capped.usd_high and free.usd_high
    assert capped.usd_high < free.usd_high


@pytest.mark.parametrize(("records", "pairs"), [(24, 6), (48, 12)])
async def test_it_says_what_the_sealed_test_can_show(tmp_path: Path, records: int, pairs: int) -> None:
    harness = WorkerHarness(tmp_path, records=records)
    found = await estimated(harness)
    await harness.close()
    [warning] = [text for text in found.warnings if "sealed test" in text]
    assert f"has {pairs} examples" in warning
    if pairs < FEWEST_PAIRS:
        assert (found.detectable_low, found.detectable_high) == (None, None)
        assert "judged on validation" in warning
    else:
        assert found.detectable_low is not None
        assert found.detectable_high is not None
        assert 0 < found.detectable_low < found.detectable_high <= 1
        assert f"below {found.detectable_low:.2f}" in warning


async def test_it_says_what_each_split_buys(harness: WorkerHarness) -> None:
    found = await estimated(harness)
    own, *others = found.splits
    assert own.split == "0.5/0.25/0.25"
    assert (own.detectable_low, own.detectable_high) == (found.detectable_low, found.detectable_high)
    assert [choice.split for choice in others] == ["0.6/0.2/0.2", "0.45/0.2/0.35"]
    by_test = sorted(found.splits, key=lambda choice: choice.test)
    shown = [choice.detectable_high for choice in by_test if choice.detectable_high is not None]
    assert shown == sorted(shown, reverse=True), "more for the test, smaller gains that it can show"
    assert {choice.train + choice.validation + choice.test for choice in found.splits} == {
        own.train + own.validation + own.test
    }
