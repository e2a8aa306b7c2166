"""Measures candidates, the urgent before the rest."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.gepa.lanes import Lanes, Urgency
from burnish.optimizers.gepa.proposal import distinct
from burnish.optimizers.gepa.together import all_of

MINIBATCH: Urgency = (0, 0)
"""The next proposals wait for these; validations fill the lanes behind them."""


class Measure:
    """``Evaluate`` through lanes: a validation cannot stand in the way of a minibatch.

    Args:
        evaluate: measures each (candidate, example) once, however often it is asked.
    """

    def __init__(self, evaluate: Evaluate, concurrency: int) -> None:
        self._evaluate = evaluate
        self._lanes = Lanes(concurrency)

    async def __call__(self, candidate: Candidate, examples: Sequence[Example], urgency: Urgency) -> Means:
        """Evaluations in the order of ``examples``, where one may stand twice.

        Raises:
            BudgetExhausted: what was begun has been finished.
        """
        once = distinct(examples)
        await all_of(self._one(candidate, example, urgency) for example in once)
        means = await self._evaluate(candidate, once)
        if len(once) == len(examples):
            return means
        by_id = {evaluation.example_id: evaluation for evaluation in means.evaluations}
        return Means(
            evaluations=tuple(by_id[example.example_id] for example in examples), scores=means.scores
        )

    async def _one(self, candidate: Candidate, example: Example, urgency: Urgency) -> None:
        async with self._lanes.lane(urgency):
            await self._evaluate(candidate, (example,))
