"""The way of one proposal: parent minibatch → reflection → child minibatch → has it won?

Proposals in flight do not know of each other. One that wins after an older one has won stands on a
parent that is no longer the newest, and two good ideas would end in two candidates, each validated for
the price of a whole split. So it is *rebased*: where it does better on its minibatch than the
newest winner does, its change is made once more on top of that one, which then need not be validated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from burnish.concurrency import gather_in_order
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.errors import ModelError
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.gepa.budget import Cost
from burnish.optimizers.gepa.proposals import Proposal, ProposalOutcome, aggregates
from burnish.optimizers.gepa.reflection import ReflectionResult, ReflectiveProposer

_NEUTRAL = 0.5  # the aggregate of an answer that no scorer had an opinion on


class MinibatchEvaluator:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides about proposals.

    Attributes:
        width: k, how many are kept in flight.
        minibatch_size: training examples for each.
        components: how many components each rewrites.
        completion: what measuring a validated candidate on the rest of the split costs, where only a part
            of it chooses between candidates.
        is_perfect: whether a parent's results leave nothing to learn.
        is_better: whether the second results are better than the first, on the same minibatch.
    """

    width: int
    minibatch_size: int
    components: int
    completion: Cost
    is_perfect: Callable[[Means], bool]
    is_better: Callable[[Means, Means], bool]

    @property
    def worst(self) -> Cost:
        """The most a proposal costs before it is validated: parent, child, and asking twice.

        One that is not alone in flight may be rebased: a newer parent, and asking once more.
        """
        alone = Cost(2 * self.minibatch_size, 2 * self.components)
        return alone if self.width == 1 else alone + Cost(self.minibatch_size, self.components)


class ProposalPipeline:
    """Takes proposals on their way."""

    def __init__(self, rules: Rules, measure: MinibatchEvaluator, proposer: ReflectiveProposer) -> None:
        self._rules = rules
        self._measure = measure
        self._proposer = proposer

    async def __call__(self, proposal: Proposal) -> ProposalOutcome:
        """Take one proposal to its outcome.

        Raises:
            BudgetExhausted, ModelError: where the reflection model fails for this question alone, it
                is kept as ``proposal.failure``.
        """
        try:
            return await self._run(proposal)
        except ModelError as error:
            if error.systemic:
                raise
            proposal.failure = error
            await proposal.my_turn()
            return ProposalOutcome.UNANSWERED

    async def _run(self, proposal: Proposal) -> ProposalOutcome:
        spec = proposal.spec
        proposal.before = before = await self._on_minibatch(proposal, spec.parent)
        if self._rules.is_perfect(before):
            await proposal.my_turn()
            return ProposalOutcome.PERFECT
        improved = await self._proposer.improve(spec, before, proposal.my_turn)
        proposal.has_new_text = improved.is_new
        child = _child(proposal, improved)
        if child is None:
            return ProposalOutcome.REFUSED
        proposal.proposed.set()
        before, after = _comparable(before, await self._on_minibatch(proposal, child))
        proposal.before, proposal.after = before, after
        if not self._rules.is_better(before, after):
            proposal.losers.append((child, f"not better than its parent: {_compared(before, after)}"))
            return ProposalOutcome.LOST
        newer = await proposal.newest_winner()
        if newer is None or newer.child is None:
            proposal.child = child
            return ProposalOutcome.WON
        if child.candidate_id == newer.child.candidate_id:
            return ProposalOutcome.LOST  # proposed again while it was in flight: it has won already
        return await self._rebase(proposal, child, after, newer.child)

    async def _rebase(
        self, proposal: Proposal, child: Candidate, after: Means, newer: Candidate
    ) -> ProposalOutcome:
        """Make the child's change on top of ``newer``, unless that does as well without it."""
        both: tuple[Coroutine[Any, Any, Any], ...] = (
            self._on_minibatch(proposal, newer),
            self._proposer.rebase(proposal.spec, child, newer),
        )
        before, result = await gather_in_order(both)
        before, after = _comparable(before, after)
        rebased = _child(proposal, result)
        if not self._rules.is_better(before, after):
            reason = f"{newer.candidate_id}, which is newer, does as well: {_compared(before, after)}"
            proposal.losers += [(candidate, reason) for candidate in (child, rebased) if candidate]
            return ProposalOutcome.LOST
        proposal.losers.append((child, f"better, and rebased onto {newer.candidate_id}"))
        if rebased is None:
            return ProposalOutcome.REFUSED
        proposal.parent, proposal.child = newer, rebased
        proposal.before, proposal.after = before, after
        return ProposalOutcome.WON

    async def _on_minibatch(self, proposal: Proposal, candidate: Candidate) -> Means:
        minibatch = proposal.spec.minibatch
        proposal.measured.append((candidate, minibatch))
        return await self._measure(candidate, minibatch)


def _child(proposal: Proposal, result: ReflectionResult) -> Candidate | None:
    proposal.observations += result.observations
    proposal.reflections += result.reflections
    return result.child


def _comparable(before: Means, after: Means) -> tuple[Means, Means]:
    """The same results, where a pair of which no scorer had an opinion on one speaks for neither.

    gepa compares the sums of the aggregates, so both get the one that an unscored answer has.
    """
    pairs = list(zip(before.evaluations, after.evaluations, strict=True))
    silent = {at for at, pair in enumerate(pairs) if any(evaluation.unscored for evaluation in pair)}
    if not silent:
        return before, after

    def levelled(means: Means) -> Means:
        return replace(
            means,
            evaluations=tuple(
                replace(evaluation, aggregate=_NEUTRAL) if at in silent else evaluation
                for at, evaluation in enumerate(means.evaluations)
            ),
        )

    return levelled(before), levelled(after)


def _compared(before: Means, after: Means) -> str:
    return f"{sum(aggregates(before)):g} → {sum(aggregates(after)):g} on {len(before.evaluations)} examples"
