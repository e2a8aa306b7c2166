"""The way of one proposal: parent minibatch → reflection → child minibatch → has it won?

Proposals in pending do not know of each other. One that wins after an older one has won stands on a
parent that is no longer the newest, and two good ideas would end in two candidates, each validated for
the price of a whole split. So it is *carried over*: where it does better on its minibatch than the
newest winner does, its change is made once more on top of that one, which then need not be validated.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from burnish.concurrency import gather_in_order
from burnish.domain.candidate import Candidate
from burnish.errors import ModelError
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.budget import Cost
from burnish.optimizers.gepa.measure import Measure
from burnish.optimizers.gepa.proposals import Fate, Proposal, aggregates
from burnish.optimizers.gepa.rewriter import Rewrite, Rewriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides about proposals.

    Attributes:
        width: k, how many are kept in pending.
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

        One that is not alone in pending may be carried over: a newer parent, and asking once more.
        """
        alone = Cost(2 * self.minibatch_size, 2 * self.components)
        return alone if self.width == 1 else alone + Cost(self.minibatch_size, self.components)


class Pursuit:
    """Takes proposals on their way."""

    def __init__(self, rules: Rules, measure: Measure, rewriter: Rewriter) -> None:
        self._rules = rules
        self._measure = measure
        self._rewriter = rewriter

    async def __call__(self, proposal: Proposal) -> Fate:
        """
        Raises:
            BudgetExhausted, ModelError: where the reflection model fails for this question alone, it
                is kept as ``proposal.failure``.
        """
        try:
            return await self._pursue(proposal)
        except ModelError as error:
            if error.systemic:
                raise
            proposal.failure = error
            await proposal.my_turn()
            return Fate.UNANSWERED

    async def _pursue(self, proposal: Proposal) -> Fate:
        launch = proposal.launch
        proposal.before = before = await self._on_minibatch(proposal, launch.parent)
        if self._rules.is_perfect(before):
            await proposal.my_turn()
            return Fate.PERFECT
        child = _child(proposal, await self._rewriter.improve(launch, before, proposal.my_turn))
        if child is None:
            return Fate.REFUSED
        proposal.proposed.set()
        proposal.after = after = await self._on_minibatch(proposal, child)
        if not self._rules.is_better(before, after):
            proposal.losers.append((child, f"not better than its parent: {_compared(before, after)}"))
            return Fate.LOST
        newer = await proposal.newest_winner()
        if newer is None or newer.child is None:
            proposal.child = child
            return Fate.WON
        return await self._carry_over(proposal, child, after, newer.child)

    async def _carry_over(self, proposal: Proposal, child: Candidate, after: Means, newer: Candidate) -> Fate:
        """Make the child's change on top of ``newer``, unless that does as well without it."""
        both: tuple[Coroutine[Any, Any, Any], ...] = (
            self._on_minibatch(proposal, newer),
            self._rewriter.carry_over(proposal.launch, child, newer),
        )
        before, rewrite = await gather_in_order(both)
        carried = _child(proposal, rewrite)
        if not self._rules.is_better(before, after):
            reason = f"{newer.candidate_id}, which is newer, does as well: {_compared(before, after)}"
            proposal.losers += [(candidate, reason) for candidate in (child, carried) if candidate]
            return Fate.LOST
        proposal.losers.append((child, f"better, and carried over to {newer.candidate_id}"))
        if carried is None:
            return Fate.REFUSED
        proposal.parent, proposal.before, proposal.child = newer, before, carried
        return Fate.WON

    async def _on_minibatch(self, proposal: Proposal, candidate: Candidate) -> Means:
        minibatch = proposal.launch.minibatch
        proposal.measured.append((candidate, minibatch))
        return await self._measure(candidate, minibatch)


def _child(proposal: Proposal, rewrite: Rewrite) -> Candidate | None:
    proposal.notes += rewrite.notes
    proposal.reflections += rewrite.reflections
    return rewrite.child


def _compared(before: Means, after: Means) -> str:
    return f"{sum(aggregates(before)):g} → {sum(aggregates(after)):g} on {len(before.evaluations)} examples"
