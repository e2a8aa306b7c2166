"""Racing: many candidates on a few examples, the good ones on more, the best on all.

Candidates side by side see the same examples, and the champion has seen all, so every comparison is
paired. Who goes on depends on results only, never on who answered first. After F-Race (Birattari et
al., 2002) and successive halving (Jamieson & Talwalkar, 2016).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.errors import BudgetExhausted
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.search.incumbent import Champion
from burnish.optimizers.side_by_side import side_by_side

KEEP_ONE_OF = 3
SMALLEST_BATCH = 6
LARGEST_FIRST_BATCH = 16
CONFIDENCE_Z = 1.0  # one-sided 84 %: a race forgives little, the final decides


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one candidate came.

    Attributes:
        order: the whole validation split, in the order of its heat.
        means: over the first ``examples`` of them.
    """

    candidate: Candidate
    order: Sequence[Example]
    examples: int
    means: Means


def rungs_of(validation: int) -> tuple[int, ...]:
    """How many examples a candidate has seen after each round; the last is all of them."""
    first = validation
    while first > LARGEST_FIRST_BATCH or first >= KEEP_ONE_OF * SMALLEST_BATCH:
        first = math.ceil(first / KEEP_ONE_OF)
    rungs = [first]
    while rungs[-1] < validation:
        rungs.append(min(validation, rungs[-1] * KEEP_ONE_OF))
    return tuple(rungs)


def in_fair_order(examples: Sequence[Example], seed: int) -> tuple[Example, ...]:
    """Shuffled by seed, then dealt out so that every short prefix has its share of each expected answer."""
    shuffled = list(examples)
    random.Random(seed).shuffle(shuffled)
    groups: dict[str, list[Example]] = {}
    for example in shuffled:
        groups.setdefault(repr(example.expected), []).append(example)
    if len(groups) > len(shuffled) / 2:
        return tuple(shuffled)
    return tuple(example for deal in zip_longest(*groups.values()) for example in deal if example is not None)


class Race:
    """Candidates against the champion, within an allowance of evaluations.

    Args:
        allowance: evaluations this race may still ask for.
    """

    def __init__(
        self, validation: Sequence[Example], evaluate: Evaluate, champion: Champion, allowance: int, seed: int
    ) -> None:
        self._examples = in_fair_order(validation, seed)
        self._evaluate = evaluate
        self._champion = champion
        self._rungs = rungs_of(len(validation))
        self._waiting: list[Standing] = []
        self._heats = 0
        self.allowance = allowance

    def room_for(self, wanted: int) -> int:
        """How many of ``wanted`` candidates can enter so that one of them can still finish."""
        first, all_of_them = self._rungs[0], self._rungs[-1]
        return max(0, min(wanted, (self.allowance - (all_of_them - first)) // first))

    async def run(self, entrants: Sequence[Candidate]) -> list[Standing]:
        """Race new candidates, at most :meth:`room_for` of them.

        Each heat begins at other examples: the champion was chosen for doing well on those of its own
        heat, so nobody else is to be judged by them alone.

        Returns:
            How far each came, in the order given.

        Raises:
            BudgetExhausted: the gateway has no room; what finished before is told.
        """
        order = self._next_order()
        running = [Standing(candidate, order, 0, Means(evaluations=())) for candidate in entrants]
        reached: dict[str, Standing] = {}
        for position, size in enumerate(self._rungs):
            running = await self._measure(running, size)
            reached |= {standing.candidate.candidate_id: standing for standing in running}
            if size < self._rungs[-1]:
                running = self._survivors(running, self._rungs[position + 1])
            if not running:
                break
        for standing in await self._finish_best_waiting(ahead_by=0.0):
            reached[standing.candidate.candidate_id] = standing
        return [reached[candidate.candidate_id] for candidate in entrants]

    async def final(self, most: int) -> None:
        """Let the best of those who only just dropped out finish after all, as far as the allowance goes."""
        for _ in range(most):
            if not await self._finish_best_waiting():
                return

    async def _finish_best_waiting(self, ahead_by: float = -math.inf) -> list[Standing]:
        """Measure the most promising of those who dropped out in full; nobody when none is ahead enough."""
        hopeful = [s for s in self._waiting if self._may_win(s) and self._lead(s) > ahead_by]
        if not hopeful or self._champion.stop_reason():
            return []
        standing = max(hopeful, key=self._lead)
        if self._rungs[-1] - standing.examples > self.allowance:
            return []
        self._waiting.remove(standing)
        return await self._measure([standing], self._rungs[-1])

    def _next_order(self) -> tuple[Example, ...]:
        start = self._heats * self._rungs[0] % len(self._examples)
        self._heats += 1
        return self._examples[start:] + self._examples[:start]

    async def _measure(self, standings: Sequence[Standing], size: int) -> list[Standing]:
        """Bring candidates to ``size`` examples; what they have seen is not measured again."""
        self.allowance -= sum(size - standing.examples for standing in standings)
        results = await side_by_side(
            self._evaluate(standing.candidate, standing.order[:size]) for standing in standings
        )
        measured = []
        for standing, means in zip(standings, results, strict=True):
            if isinstance(means, BudgetExhausted):
                raise means
            measured.append(replace(standing, examples=size, means=means))
            if size == self._rungs[-1]:
                self._champion.challenge(standing.candidate, means)
        return measured

    def _survivors(self, standings: Sequence[Standing], next_size: int) -> list[Standing]:
        ranked = sorted(filter(self._may_win, standings), key=self._lead, reverse=True)
        goes_on = ranked[: self._places(len(standings), standings[0].examples, next_size)]
        for standing in standings:
            if standing not in goes_on:
                self._champion.turn_down(standing.candidate, standing.means, self._why(standing))
        self._waiting += [standing for standing in ranked if standing not in goes_on]
        return [standing for standing in standings if standing in goes_on]

    def _places(self, running: int, size: int, next_size: int) -> int:
        left = self.allowance - (self._rungs[-1] - next_size)
        return max(0, min(math.ceil(running / KEEP_ONE_OF), left // (next_size - size)))

    def _may_win(self, standing: Standing) -> bool:
        """Whether a candidate could still be better than the champion; one that got nothing right cannot."""
        if standing.means.aggregate <= 0:
            return False
        differences = self._differences(standing)
        count, mean = len(differences), self._lead(standing)
        spread = sum((difference - mean) ** 2 for difference in differences)
        error = math.sqrt(spread + 0.5) / count  # 0.5: a few equal pairs make nothing certain
        return mean + CONFIDENCE_Z * error > 0

    def _lead(self, standing: Standing) -> float:
        differences = self._differences(standing)
        return sum(differences) / len(differences)

    def _differences(self, standing: Standing) -> list[float]:
        """Candidate less champion on each example that the candidate has seen."""
        best = {e.example_id: e.aggregate for e in self._champion.means.evaluations}
        return [e.aggregate - best[e.example_id] for e in standing.means.evaluations]

    def _why(self, standing: Standing) -> str:
        mean = standing.means.aggregate
        return (
            f"{mean:.3f} on {standing.examples} of {self._rungs[-1]} validation examples, where the best has "
            f"{mean - self._lead(standing):.3f}: too little promise to measure it on the others"
        )
