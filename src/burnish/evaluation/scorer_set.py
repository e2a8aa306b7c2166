"""All scorers of a job: their scores of one output, and what these add up to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from math import fsum

from burnish.concurrency import gather_in_order
from burnish.domain.score import Evaluation, Score, to_number
from burnish.domain.usage import Usage
from burnish.errors import BurnishError, ScorerFailed
from burnish.evaluation.protocol import Means
from burnish.evaluation.scorer import Feedback, Sample, Scorer, WeightedScorer
from burnish.evaluation.threads import in_thread

PASSED = 0.5
"""A constraint is passed from here on: yes and no fall on either side, an averaged judge by majority."""


class ScorerSet:
    """All scorers of a job.

    Args:
        threads: how many blocking scorers may run at the same time.
    """

    def __init__(self, scorers: Sequence[WeightedScorer], threads: int = 4) -> None:
        self._scorers = tuple(scorers)
        self._threads = asyncio.Semaphore(threads)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(weighted.scorer.name for weighted in self._scorers)

    async def score(self, sample: Sample) -> tuple[dict[str, Score], Usage]:
        """Every scorer's score, by name, and what the judges' calls cost.

        Raises:
            ScorerFailed: a scorer raised, or returned what is no score.
            BurnishError: what a judge's model call raises.
        """
        feedbacks = await gather_in_order([self._ask(weighted.scorer, sample) for weighted in self._scorers])
        scores, usage = {}, Usage()
        for name, feedback in zip(self.names, feedbacks, strict=True):
            value = to_number(feedback.value, name, sample.example.example_id)
            scores[name] = Score(value, feedback.rationale)
            usage = usage + feedback.usage
        return scores, usage

    def aggregate(self, scores: Mapping[str, Score]) -> float:
        """Weighted mean; 0 when a constraint is not passed, 1 when there are constraints only and all are."""
        values = {name: score.value for name, score in scores.items()}
        if any(weighted.must_pass and values[weighted.scorer.name] < PASSED for weighted in self._scorers):
            return 0.0
        rated = [weighted for weighted in self._scorers if not weighted.must_pass]
        if not rated:
            return 1.0
        total = fsum(weighted.weight for weighted in rated)
        return fsum(weighted.weight * values[weighted.scorer.name] for weighted in rated) / total

    def means(self, evaluations: Sequence[Evaluation]) -> Means:
        """Means of the aggregate and of each scorer; no scores when there are no evaluations."""
        if not evaluations:
            return Means(evaluations=())
        count = len(evaluations)
        scores = {"aggregate": fsum(evaluation.aggregate for evaluation in evaluations) / count}
        for name in self.names:
            scores[name] = fsum(evaluation.scores[name].value for evaluation in evaluations) / count
        return Means(evaluations=tuple(evaluations), scores=scores)

    async def _ask(self, scorer: Scorer, sample: Sample) -> Feedback:
        try:
            if not scorer.blocking:
                return await scorer.score(sample)
            async with self._threads:
                return await in_thread(lambda: asyncio.run(scorer.score(sample)))
        except BurnishError:
            raise
        except Exception as error:  # a scorer may be anybody's code
            raise ScorerFailed(
                scorer.name, sample.example.example_id, f"raised {type(error).__name__}: {error}"
            ) from error
