"""Racing: many candidates on a few examples, the good ones on more, the best on all.

All candidates see the same examples in the same order, so every comparison with the best so far is
paired. Who goes on depends on results only, never on who answered first. After F-Race (Birattari et
al., 2002) and successive halving (Jamieson & Talwalkar, 2016).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.errors import BudgetExhausted
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.champion import Champion
from burnish.optimizers.side_by_side import side_by_side

KEEP_ONE_OF = 3
SMALLEST_BATCH = 6
LARGEST_FIRST_BATCH = 16
CONFIDENCE_Z = 1.0  # one-sided 84 %: a race forgives little, the final decides


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one candidate came: its means over the first ``examples`` of the validation split."""

    candidate: Candidate
    means: Means
    examples: int


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
        self.allowance = allowance

    def room_for(self, wanted: int) -> int:
        """How many of ``wanted`` candidates can enter so that one of them can still finish."""
        first, all_of_them = self._rungs[0], self._rungs[-1]
        return max(0, min(wanted, (self.allowance - (all_of_them - first)) // first))

    async def run(self, entrants: Sequence[Candidate]) -> list[Standing]:
        """Race new candidates. At most :meth:`room_for` of them.

        Returns:
            How far each came, in the order given.

        Raises:
            BudgetExhausted: the gateway has no room; what finished before is told.
        """
        reached: dict[str, Standing] = {}
        running = list(entrants)
        for position, size in enumerate(self._rungs):
            standings = await self._measure(running, self._rungs[position - 1] if position else 0, size)
            reached |= {standing.candidate.candidate_id: standing for standing in standings}
            if size == self._rungs[-1]:
                break
            running = self._survivors(standings, self._rungs[position + 1])
        return [reached[candidate.candidate_id] for candidate in entrants]

    async def final(self, most: int) -> None:
        """Let the best of those who only just dropped out finish after all, as far as the allowance goes."""
        for _ in range(most):
            self._waiting = [standing for standing in self._waiting if self._may_win(standing)]
            self._waiting.sort(key=lambda standing: -standing.means.aggregate)
            if not self._waiting or self._champion.stop_reason():
                return
            standing = self._waiting[0]
            if self._rungs[-1] - standing.examples > self.allowance:
                return
            self._waiting.pop(0)
            await self._measure([standing.candidate], standing.examples, self._rungs[-1])

    async def _measure(self, candidates: Sequence[Candidate], seen: int, size: int) -> list[Standing]:
        examples = self._examples[:size]  # what was seen before is not measured again
        self.allowance -= len(candidates) * (size - seen)
        results = await side_by_side(self._evaluate(candidate, examples) for candidate in candidates)
        standings = []
        for candidate, means in zip(candidates, results, strict=True):
            if isinstance(means, BudgetExhausted):
                raise means
            standings.append(Standing(candidate, means, size))
            if size == self._rungs[-1]:
                self._champion.challenge(candidate, means)
        return standings

    def _survivors(self, standings: Sequence[Standing], next_size: int) -> list[Candidate]:
        hopeful = [standing for standing in standings if self._may_win(standing)]
        ranked = sorted(hopeful, key=lambda standing: -standing.means.aggregate)
        goes_on = ranked[: self._places(len(standings), standings[0].examples, next_size)]
        for standing in standings:
            if standing in goes_on:
                continue
            self._champion.turn_down(
                standing.candidate,
                standing.means,
                f"{standing.means.aggregate:.3f} on the first {standing.examples} of {self._rungs[-1]} "
                f"validation examples; the best has {self._champion_on(standing.examples):.3f} on them",
            )
        self._waiting += [standing for standing in ranked if standing not in goes_on]
        return [standing.candidate for standing in standings if standing in goes_on]

    def _places(self, running: int, size: int, next_size: int) -> int:
        left = self.allowance - (self._rungs[-1] - next_size)
        return max(0, min(math.ceil(running / KEEP_ONE_OF), left // (next_size - size)))

    def _may_win(self, standing: Standing) -> bool:
        """Whether a candidate could still be better than the champion: paired, on the same examples."""
        best = self._champion_scores(standing.examples)
        differences = [
            evaluation.aggregate - best[evaluation.example_id] for evaluation in standing.means.evaluations
        ]
        count = len(differences)
        mean = sum(differences) / count
        spread = sum((difference - mean) ** 2 for difference in differences)
        error = math.sqrt((spread + 0.5) / count) / math.sqrt(
            count
        )  # 0.5: no certainty from a few equal pairs
        return mean + CONFIDENCE_Z * error > 0

    def _champion_scores(self, examples: int) -> dict[str, float]:
        scores = {e.example_id: e.aggregate for e in self._champion.means.evaluations}
        return {example.example_id: scores[example.example_id] for example in self._examples[:examples]}

    def _champion_on(self, examples: int) -> float:
        scores = self._champion_scores(examples)
        return sum(scores.values()) / len(scores)
