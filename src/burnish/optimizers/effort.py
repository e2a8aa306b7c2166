"""How many evaluations a search by racing spends."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from burnish.evaluation.protocol import Means
from burnish.optimizers.race import KEEP_ONE_OF, rungs_of

FINALISTS = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """A search of ``trials`` candidates, ``width`` of them side by side, on ``validation`` examples."""

    trials: int
    width: int
    validation: int

    @property
    def most_evaluations(self) -> int:
        """Every round goes as far as it may, and every finalist runs to the end."""
        if not self.validation:
            return 0
        rungs = rungs_of(self.validation)
        total = 0
        left = self.trials
        while left > 0:
            running = min(self.width, left)
            left -= running
            seen = 0
            for size in rungs:
                total += running * (size - seen)
                seen, running = size, -(-running // KEEP_ONE_OF)
        return total + FINALISTS * (self.validation - rungs[0])

    @property
    def least_evaluations(self) -> int:
        """One round in which one candidate finishes."""
        if not self.validation:
            return 0
        rungs = rungs_of(self.validation)
        return min(self.width, self.trials) * rungs[0] + self.validation - rungs[0]


def calls_of_one_evaluation(means: Means) -> int:
    """Target and judge calls behind one evaluation, as the source's took; at least 1."""
    calls = [evaluation.usage.calls for evaluation in means.evaluations if evaluation.usage.calls]
    return max(1, int(statistics.median_high(calls))) if calls else 1
