"""Racing: every evaluation goes to a candidate that may still be the best.

    score = base + ability of the example + effect of the candidate + noise

One Bayesian model of all answers (``search.effects``) tells good candidates from easy examples. For each
evaluation one draw is made from what it believes, and the candidate that is best in that draw is asked about
its next example (Thompson sampling; Russo et al., A Tutorial on Thompson Sampling, 2018): a good candidate is
soon measured in full, a bad one hardly beyond its first examples. All see the examples in one order, so what
they are compared on is common. A batch is drawn before any of its answers is used, so the path depends on the
seed and on answers, never on who answered first.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from burnish.concurrency import gather_affordable
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.score import Evaluation
from burnish.errors import BudgetExhausted
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.search.effects import EffectModel, Normal, Posterior, Priors
from burnish.optimizers.search.incumbent import Incumbent

EVALUATIONS_EACH = 5
"""For each new candidate, on average; the good ones get more of them."""

BATCH = 8
FIRST_EXAMPLES = 2  # of every candidate, so that nobody is judged unseen
LEAST_CHANCE = 0.02  # of being the best: with a smaller one a candidate is dropped
LIKELY = 0.5  # chance of being better than the best so far from which a candidate is measured in full
CANDIDATE_PRIOR = Normal(0.0, 0.25)
OTHERS = "others are more promising"
_DRAWS = 200


@dataclass(slots=True)
class RaceEntry:
    """How far one candidate has come.

    Attributes:
        evaluations: on the first examples of the race's order.
        estimate: expected score on the whole split, by the model.
    """

    candidate: Candidate
    effect: int
    evaluations: list[Evaluation] = field(default_factory=list)
    estimate: float = 0.0
    is_running: bool = True

    @property
    def examples(self) -> int:
        return len(self.evaluations)


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
        each: evaluations for each new candidate, on average.
    """

    def __init__(
        self,
        validation: Sequence[Example],
        evaluate: Evaluate,
        incumbent: Incumbent,
        allowance: int,
        seed: int,
        each: int = EVALUATIONS_EACH,
    ) -> None:
        self._examples = in_fair_order(validation, seed)
        self._each = min(each, len(validation))
        self._evaluate = evaluate
        self._incumbent = incumbent
        self._random = np.random.default_rng([seed, len(validation)])
        self._model = EffectModel(Priors(base=Normal(0.5, 0.5)))
        self._entries: list[RaceEntry] = []
        self._source = self._model.add_effect(CANDIDATE_PRIOR)
        self._scores_of_source = {
            evaluation.example_id: evaluation.aggregate
            for evaluation in incumbent.means.evaluations
            if not evaluation.unscored
        }
        for example_id, score in self._scores_of_source.items():
            self._model.observe(example_id, (self._source,), score)
        self._best = self._source  # the incumbent's effect
        self.allowance = allowance

    def room_for(self, wanted: int) -> int:
        """How many of ``wanted`` candidates can enter so that one of them can still be measured in full."""
        beside = self.allowance - (len(self._examples) - self._each)
        return max(0, min(wanted, beside // self._each))

    async def run(self, candidates: Sequence[Candidate]) -> list[RaceEntry]:
        """Race new candidates, at most :meth:`room_for` of them, beside those that are still running.

        Returns:
            How far each of the new ones came, in the order given.

        Raises:
            BudgetExhausted: the gateway has no room; what finished before has been observed.
        """
        new = [RaceEntry(candidate, self._model.add_effect(CANDIDATE_PRIOR)) for candidate in candidates]
        self._entries += new
        left = self._each * len(new)
        first = [entry for _ in range(min(FIRST_EXAMPLES, len(self._examples))) for entry in new]
        while left > 0 and (batch := first[:BATCH] or self._drawn(min(BATCH, left))):
            first = first[BATCH:]
            left -= len(batch)
            await self._measure(batch)
        self._drop()
        if self.allowance >= 2 * len(self._examples):  # else it is for the last one
            await self._finish_leader()
        return new

    async def final(self, most: int) -> None:
        """Race on without new candidates while there is room beside measuring one in full; then measure the
        most promising in full. The others end here."""
        while (running := self._running()) and not self._incumbent.stop_reason():
            in_full = len(self._examples) - max(entry.examples for entry in running)
            batch = self._drawn(min(BATCH, self.allowance - in_full))
            if not batch:
                break
            await self._measure(batch)
            self._drop()
        for _ in range(most):
            if self._incumbent.stop_reason() or not await self._finish_leader():
                break
        for entry in self._running():
            self._reject(entry, OTHERS)

    # --- choosing

    def _running(self) -> list[RaceEntry]:
        return [entry for entry in self._entries if entry.is_running]

    def _posterior(self) -> Posterior:
        running = self._running()
        posterior = self._model.posterior([self._best, *(entry.effect for entry in running)])
        for entry, mean in zip(running, posterior.mean[1:].tolist(), strict=True):
            entry.estimate = posterior.base + mean
        return posterior

    def _drawn(self, size: int) -> list[RaceEntry]:
        """Whom to ask next, by one draw from the posterior for each."""
        running, posterior = self._running(), self._posterior()
        reached = {entry.effect: entry.examples for entry in running}
        found: list[RaceEntry] = []
        for _ in range(max(0, size)):
            drawn = posterior.sample(self._random)[1:]
            open_ = [at for at, entry in enumerate(running) if reached[entry.effect] < len(self._examples)]
            if not open_:
                break
            entry = running[max(open_, key=lambda at: drawn[at])]
            reached[entry.effect] += 1
            found.append(entry)
        return found

    def _drop(self) -> None:
        """Those that are hardly the best: of all, the incumbent among them."""
        running, posterior = self._running(), self._posterior()
        draws = np.array([posterior.sample(self._random) for _ in range(_DRAWS)])
        best = np.bincount(draws.argmax(1), minlength=len(running) + 1)[1:] / _DRAWS
        for entry, chance in zip(running, best.tolist(), strict=True):
            if chance < LEAST_CHANCE:
                leads = entry.estimate > posterior.base + posterior.mean[0]
                self._reject(entry, OTHERS if leads else "too little promise to go on")

    async def _finish_leader(self) -> bool:
        """Measure the most promising candidate in full, where it is likely to beat the best so far."""
        posterior, whole = self._posterior(), len(self._examples)
        affordable = [entry for entry in self._running() if whole - entry.examples <= self.allowance]
        if not affordable:
            return False
        leader = max(affordable, key=lambda entry: entry.estimate)
        if self._chance_to_win(leader, posterior) < LIKELY:
            return False
        await self._measure([leader] * (whole - leader.examples))
        return True

    def _chance_to_win(self, entry: RaceEntry, posterior: Posterior) -> float:
        at = posterior.effects.index(entry.effect)
        draws = np.array([posterior.sample(self._random) for _ in range(_DRAWS)])
        return float((draws[:, at] > draws[:, 0]).mean())

    # --- measuring

    async def _measure(self, batch: Sequence[RaceEntry]) -> None:
        """One more example for each entry of the batch; an entry may stand in it several times."""
        # Paid before it is asked for: what is affordable next must not depend on who answered.
        self.allowance -= len(batch)
        reached = {entry.effect: entry.examples for entry in batch}
        asked = []
        for entry in batch:
            asked.append(self._evaluate(entry.candidate, [self._examples[reached[entry.effect]]]))
            reached[entry.effect] += 1
        for entry, means in zip(batch, await gather_affordable(asked), strict=True):
            if isinstance(means, BudgetExhausted):
                raise means  # those before it have been considered: the best so far is not lost
            (evaluation,) = means.evaluations
            entry.evaluations.append(evaluation)
            self._learn(entry.effect, evaluation)
            if entry.examples == len(self._examples):
                await self._consider(entry)

    async def _consider(self, entry: RaceEntry) -> None:
        entry.is_running = False
        means = await self._evaluate(
            entry.candidate, self._incumbent_order()
        )  # measured, so it costs nothing
        entry.estimate = means.aggregate
        if self._incumbent.consider(entry.candidate, means):
            self._best = entry.effect

    def _incumbent_order(self) -> list[Example]:
        by_id = {example.example_id: example for example in self._examples}
        return [by_id[evaluation.example_id] for evaluation in self._incumbent.means.evaluations]

    def _learn(self, effect: int, evaluation: Evaluation) -> None:
        """Where no scorer had an opinion on one of both, the pair speaks for neither."""
        score = self._scores_of_source.get(evaluation.example_id)
        if score is not None:
            learned = score if evaluation.unscored else evaluation.aggregate
            self._model.observe(evaluation.example_id, (effect,), learned)

    def _reject(self, entry: RaceEntry, why: str) -> None:
        entry.is_running = False
        count = entry.examples
        mean = sum(evaluation.aggregate for evaluation in entry.evaluations) / max(1, count)
        reason = f"{mean:.3f} on {count} of {len(self._examples)} validation examples: {why}"
        means = Means(evaluations=tuple(entry.evaluations), scores={"aggregate": mean})
        self._incumbent.reject(entry.candidate, means, reason)
