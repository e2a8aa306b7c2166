"""Racing: many candidates on a few examples, the good ones on more, the best on all.

Candidates side by side see the same examples, and the incumbent has seen all, so every comparison is
paired. Who goes on depends on results only, never on who answered first. After F-Race (Birattari et
al., 2002) and successive halving (Jamieson & Talwalkar, 2016).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from burnish.concurrency import gather_affordable
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.errors import BudgetExhausted
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.search.incumbent import Incumbent

KEEP_ONE_OF = 3  # the eta of successive halving
SMALLEST_BATCH = 6  # fewer examples tell two candidates apart by luck only
LARGEST_FIRST_BATCH = 16  # more would spend the budget on candidates that anyone can see are bad
CONFIDENCE_Z = 1.0  # one-sided 84 %: a wrong drop costs one good candidate, a wrong stay a whole split


@dataclass(frozen=True, slots=True)
class RaceEntry:
    """How far one candidate came.

    Attributes:
        order: the whole validation split, in the order of its round.
        means: over the first ``examples`` of them.
    """

    candidate: Candidate
    order: Sequence[Example]
    examples: int
    means: Means


def rungs_of(validation: int) -> tuple[int, ...]:
    """How many examples a candidate has seen at each rung; the last is all of them."""
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
        groups.setdefault(repr(example.answer), []).append(example)
    if len(groups) > len(shuffled) / 2:
        return tuple(shuffled)
    return tuple(example for deal in zip_longest(*groups.values()) for example in deal if example is not None)


class Race:
    """Candidates against the incumbent, within an allowance of evaluations.

    Args:
        allowance: evaluations this race may still ask for.
    """

    def __init__(
        self,
        validation: Sequence[Example],
        evaluate: Evaluate,
        incumbent: Incumbent,
        allowance: int,
        seed: int,
    ) -> None:
        self._examples = in_fair_order(validation, seed)
        self._evaluate = evaluate
        self._incumbent = incumbent
        self._rungs = rungs_of(len(validation))
        self._waiting: list[RaceEntry] = []
        self._rounds = 0
        self.allowance = allowance

    def room_for(self, wanted: int) -> int:
        """How many of ``wanted`` candidates can enter so that one of them can still finish."""
        # A round in which nobody could finish would be spent for nothing: keep one whole finish back.
        first, all_of_them = self._rungs[0], self._rungs[-1]
        return max(0, min(wanted, (self.allowance - (all_of_them - first)) // first))

    async def run(self, candidates: Sequence[Candidate]) -> list[RaceEntry]:
        """Race new candidates, at most :meth:`room_for` of them.

        Each round begins at other examples: the incumbent was chosen for doing well on those of its own
        round, so nobody else is to be judged by them alone.

        Returns:
            How far each came, in the order given.

        Raises:
            BudgetExhausted: the gateway has no room; what finished before has been observed.
        """
        order = self._next_order()
        running = [RaceEntry(candidate, order, 0, Means(evaluations=())) for candidate in candidates]
        reached: dict[str, RaceEntry] = {}
        for position, size in enumerate(self._rungs):
            running = await self._measure(running, size)
            reached |= {entry.candidate.candidate_id: entry for entry in running}
            if size < self._rungs[-1]:
                running = self._survivors(running, self._rungs[position + 1])
            if not running:
                break
        for entry in await self._finish_best_waiting(ahead_by=0.0):
            reached[entry.candidate.candidate_id] = entry
        return [reached[candidate.candidate_id] for candidate in candidates]

    async def final(self, most: int) -> None:
        """Let the best of those who only just dropped out finish after all, as far as the allowance goes."""
        for _ in range(most):
            if not await self._finish_best_waiting():
                return

    async def _finish_best_waiting(self, ahead_by: float = -math.inf) -> list[RaceEntry]:
        """Measure the most promising of those who dropped out in full; nobody when none is ahead enough."""
        hopeful = [entry for entry in self._waiting if self._may_win(entry) and self._lead(entry) > ahead_by]
        if not hopeful or self._incumbent.stop_reason():
            return []
        entry = max(hopeful, key=self._lead)
        if self._rungs[-1] - entry.examples > self.allowance:
            return []
        self._waiting.remove(entry)
        return await self._measure([entry], self._rungs[-1])

    def _next_order(self) -> tuple[Example, ...]:
        start = self._rounds * self._rungs[0] % len(self._examples)
        self._rounds += 1
        return self._examples[start:] + self._examples[:start]

    async def _measure(self, entries: Sequence[RaceEntry], size: int) -> list[RaceEntry]:
        """Bring candidates to ``size`` examples; what they have seen is not measured again."""
        # Paid before it is asked for: whether the next rung is affordable must not depend on who answered.
        self.allowance -= sum(size - entry.examples for entry in entries)
        results = await gather_affordable(
            self._evaluate(entry.candidate, entry.order[:size]) for entry in entries
        )
        measured = []
        for entry, means in zip(entries, results, strict=True):
            if isinstance(means, BudgetExhausted):
                raise means  # those before it have been considered: the best so far is not lost
            measured.append(replace(entry, examples=size, means=means))
            if size == self._rungs[-1]:
                self._incumbent.consider(entry.candidate, means)
        return measured

    def _survivors(self, entries: Sequence[RaceEntry], next_size: int) -> list[RaceEntry]:
        ranked = sorted(filter(self._may_win, entries), key=self._lead, reverse=True)
        goes_on = ranked[: self._places(len(entries), entries[0].examples, next_size)]
        for entry in entries:
            if entry not in goes_on:
                self._incumbent.reject(entry.candidate, entry.means, self._why(entry))
        # Dropped for want of a place, not of promise: the final may still call them up.
        self._waiting += [entry for entry in ranked if entry not in goes_on]
        return [entry for entry in entries if entry in goes_on]

    def _places(self, running: int, size: int, next_size: int) -> int:
        left = self.allowance - (self._rungs[-1] - next_size)
        return max(0, min(math.ceil(running / KEEP_ONE_OF), left // (next_size - size)))

    def _may_win(self, entry: RaceEntry) -> bool:
        """Whether a candidate could still be better than the incumbent; one that got nothing right cannot."""
        if entry.means.aggregate <= 0:
            return False
        differences = self._differences(entry)
        count, mean = len(differences), self._lead(entry)
        spread = sum((difference - mean) ** 2 for difference in differences)
        # Standard error of the mean difference. Without the 0.5, a handful of equal pairs would have no
        # spread at all, and a candidate would be dropped, or kept, with certainty after six examples.
        error = math.sqrt(spread + 0.5) / count
        return mean + CONFIDENCE_Z * error > 0

    def _lead(self, entry: RaceEntry) -> float:
        """Mean difference to the incumbent on the examples both have seen."""
        differences = self._differences(entry)
        return sum(differences) / len(differences)

    def _differences(self, entry: RaceEntry) -> list[float]:
        """Candidate less incumbent on each example that the candidate has seen.

        Where no scorer had an opinion on one of the two, the pair speaks for neither.
        """
        best = {evaluation.example_id: evaluation for evaluation in self._incumbent.means.evaluations}
        pairs = [(best[evaluation.example_id], evaluation) for evaluation in entry.means.evaluations]
        return [
            0.0 if before.unscored or after.unscored else after.aggregate - before.aggregate
            for before, after in pairs
        ]

    def _why(self, entry: RaceEntry) -> str:
        mean = entry.means.aggregate
        why = "others of its round did better" if self._may_win(entry) else "too little promise to go on"
        return (
            f"{mean:.3f} on {entry.examples} of {self._rungs[-1]} validation examples, where the best so far "
            f"had {mean - self._lead(entry):.3f}: {why}"
        )
