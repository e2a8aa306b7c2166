"""Racing round after round, until nothing more is to be tried or the budget is used up."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from burnish.domain.candidate import Candidate
from burnish.domain.job import StopReason
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.protocol import Observe, Outcome, Task
from burnish.optimizers.search.incumbent import Incumbent
from burnish.optimizers.search.racing import EVALUATIONS_EACH, Race, RaceEntry
from burnish.optimizers.settings import CommonSettings

FEWER_EACH = 3
"""Evaluations for each new candidate, on average, where the usual number leaves no second round."""

FINALISTS = 3  # how many may be measured in full after the last round


@dataclass(frozen=True, slots=True)
class RacingBudget:
    """A search of ``trials`` candidates, ``width`` of them side by side, on ``validation`` examples."""

    trials: int
    width: int
    validation: int
    evaluations_each: int = EVALUATIONS_EACH

    @property
    def most_evaluations(self) -> int:
        """Every round has its evaluations and a leader that is measured in full; so is every finalist."""
        each = min(self.evaluations_each, self.validation)
        in_full = -(-self.trials // self.width) + FINALISTS
        return self.trials * each + min(in_full, self.trials) * (self.validation - each)

    @property
    def least_evaluations(self) -> int:
        """One round, and one candidate that is measured in full."""
        each = min(self.evaluations_each, self.validation)
        return min(self.width, self.trials) * each + self.validation - each

    def each_within(self, allowance: int) -> int:
        """Evaluations for each new candidate, on average: fewer where little may be asked for."""
        each = min(self.evaluations_each, self.validation)
        two_rounds = min(2 * self.width, self.trials) * each + self.validation - each
        return each if allowance >= two_rounds else min(each, FEWER_EACH)

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


class CandidateSource(Protocol):
    """Where the candidates of each round come from."""

    def ask(self, wanted: int, best: Candidate) -> Sequence[Candidate]:
        """Up to ``wanted`` new candidates that have passed the validator; none when there are no more."""
        ...

    def report(self, entries: Sequence[RaceEntry]) -> None:
        """How far those asked for last came, in the same order."""
        ...


async def race_from_source(
    task: Task,
    evaluate: Evaluate,
    observe: Observe,
    settings: CommonSettings,
    budget: RacingBudget,
    prepare: Callable[[Incumbent], Awaitable[tuple[CandidateSource | None, int]]],
) -> Outcome:
    """Measure the source; unless that ends the search, race against it what is prepared.

    Args:
        prepare: where candidates come from, and the calls that took; no source where there are none.

    Raises:
        BudgetExhausted
    """
    incumbent = await Incumbent.of_source(task, evaluate, settings, observe)
    if reason := incumbent.stop_reason():
        return incumbent.outcome(reason)
    source, spent = await prepare(incumbent)
    if source is None:
        return incumbent.outcome()
    allowance = budget.allowance(task, incumbent.means, spent)
    each = budget.each_within(allowance)
    race = Race(task.validation, evaluate, incumbent, allowance, task.seed, each)
    return await run_rounds(race, source, incumbent, budget, observe)


async def run_rounds(
    race: Race, source: CandidateSource, incumbent: Incumbent, budget: RacingBudget, observe: Observe
) -> Outcome:
    """Race what the source offers against the incumbent.

    Raises:
        BudgetExhausted
    """
    observe.phase("search", race.allowance)
    stop_reason: StopReason | None = None
    left = budget.trials
    while left > 0 and stop_reason is None:
        room = race.room_for(min(budget.width, left))
        # Only what was proposed with everything known so far is raced: the path must not hang on timing.
        asked = source.ask(room, incumbent.candidate)
        if not asked:
            stop_reason = StopReason.FINISHED if room else StopReason.BUDGET
            break
        left -= len(asked)
        source.report(await race.run(asked))
        stop_reason = incumbent.stop_reason()
    await race.final(FINALISTS)
    return incumbent.outcome(incumbent.stop_reason() or stop_reason or StopReason.FINISHED)


def calls_of_one_evaluation(means: Means) -> int:
    """Target and judge calls behind one evaluation, as the source's took; at least 1."""
    calls = [evaluation.usage.calls for evaluation in means.evaluations if evaluation.usage.calls]
    return max(1, int(statistics.median_high(calls))) if calls else 1
