"""Measures candidates, so many examples at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from burnish.concurrency import gather_in_order
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.evaluation.protocol import Evaluate, Means


class Measure:
    """``Evaluate`` for minibatches, in which an example may stand twice.

    Args:
        evaluate: measures each (candidate, example) once, however often it is asked.
    """

    def __init__(self, evaluate: Evaluate, concurrency: int) -> None:
        self._evaluate = evaluate
        self._slots = asyncio.Semaphore(concurrency)

    async def __call__(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        """Evaluations in the order of ``examples``.

        Raises:
            BudgetExhausted: what was begun has been finished.
        """
        once = {example.example_id: example for example in examples}
        await gather_in_order(self._one(candidate, example) for example in once.values())
        means = await self._evaluate(candidate, tuple(once.values()))
        if len(once) == len(examples):
            return means
        by_id = {evaluation.example_id: evaluation for evaluation in means.evaluations}
        return Means(
            evaluations=tuple(by_id[example.example_id] for example in examples), scores=means.scores
        )

    async def _one(self, candidate: Candidate, example: Example) -> None:
        async with self._slots:
            await self._evaluate(candidate, (example,))
