"""How many evaluations a search by racing spends."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from burnish.evaluation.protocol import Means
from burnish.optimizers.protocol import Task
from burnish.optimizers.search.racing import KEEP_ONE_OF, rungs_of

FINALISTS = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """A search of ``trials`` candidates, ``width`` of them side by side, on ``validation`` examples."""

    trials: int
    width: int
    validation: int

    @property
    def most_evaluations(self) -> int:
        """Every heat goes as far as it may, and every finalist runs to the end."""
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
            total += self.validation - rungs[0]  # one who dropped out is ahead of the best after all
        return total + FINALISTS * (self.validation - rungs[0])

    @property
    def least_evaluations(self) -> int:
        """One heat in which one candidate finishes."""
        if not self.validation:
            return 0
        rungs = rungs_of(self.validation)
        return min(self.width, self.trials) * rungs[0] + self.validation - rungs[0]

    def allowance(self, task: Task, source: Means, spent: int = 0, beside: int = 0) -> int:
        """Evaluations the search may ask for beyond the source's on validation.

        Args:
            source: the source's results; they show how many calls one evaluation takes.
            spent: other calls made, which the job's limit must hold too.
            beside: evaluations that the search makes beside the race, or other calls in their place.
        """
        most = self.most_evaluations + beside
        if task.max_calls is None:
            return most
        within = (task.max_calls - spent) // calls_of_one_evaluation(source) - self.validation
        return min(most, max(0, within))


def calls_of_one_evaluation(means: Means) -> int:
    """Target and judge calls behind one evaluation, as the source's took; at least 1."""
    calls = [evaluation.usage.calls for evaluation in means.evaluations if evaluation.usage.calls]
    return max(1, int(statistics.median_high(calls))) if calls else 1
