"""What an answer takes, as a score."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from burnish.domain.dataset import Dataset, Example
from burnish.domain.usage import Usage
from burnish.errors import InvalidInput, ScorerFailed
from burnish.evaluation.scorer import Sample, Scorer
from burnish.evaluation.scorer_set import ScorerSet
from burnish.evaluation.scorers.cost_scorers import LowCost, ShortPrompt
from burnish.evaluation.scorers.registry import make_scorers
from burnish.evaluation.testing import ScorerContract

EXAMPLE = Dataset.of([({"n": 1}, {})]).examples[0]
TAKES = {"nothing": Usage(1), "little": Usage(1, 50, 900, 500_000), "much": Usage(1, 300, 1, 3_000_000)}


def sample(answer: str, example: Example = EXAMPLE) -> Sample:
    """An answer that took as much as it says."""
    return Sample(example=example, output=answer, usage=TAKES.get(answer, Usage(1)))


class CostScorerContract(ScorerContract):
    def sample(self, example: Example, answer: str) -> Sample:
        return sample(answer, example)


class TestShortPrompt(CostScorerContract):
    cases: ClassVar = [("nothing", {}, 1.0), ("little", {}, 2 / 3), ("much", {}, 0.25)]

    def make(self) -> Scorer:
        return ShortPrompt("short_prompt", "100")


class TestLowCost(CostScorerContract):
    cases: ClassVar = [("nothing", {}, 1.0), ("little", {}, 2 / 3), ("much", {}, 0.25)]

    def make(self) -> Scorer:
        return LowCost("low_cost", "0.001")


@pytest.mark.parametrize(("limit", "passes"), [(50, True), (49, False)])
async def test_the_limit_itself_passes_as_a_constraint(limit: int, passes: bool) -> None:
    scorers = ScorerSet(make_scorers([f"short_prompt:{limit}=must"]))
    scores = (await scorers.score(sample("little"))).scores
    assert scorers.aggregate(scores) == float(passes)


async def test_an_unknown_price_is_not_taken_for_nothing() -> None:
    unpriced = Sample(example=EXAMPLE, output="", usage=Usage(1, 10, 1, None))
    with pytest.raises(ScorerFailed):
        await ScorerSet(make_scorers(["low_cost:0.001"])).score(unpriced)


@pytest.mark.parametrize("argument", ["", "cheap", "0", "-1", "nan", "inf"])
@pytest.mark.parametrize("kind", [ShortPrompt, LowCost])
def test_a_limit_is_a_number_above_0(kind: Any, argument: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        kind("cost", argument)
    assert "above 0" in caught.value.problems[0].remedy
