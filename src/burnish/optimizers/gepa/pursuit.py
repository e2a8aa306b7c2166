"""The way of one proposal: parent minibatch → reflection → child minibatch → validation if the child wins.

Proposals in flight do not know of each other. One that wins after an older one has won stands on a
parent that is no longer the newest, and two good ideas would end in two candidates, each validated for
the price of a whole split. So it is *carried over*: its change is made once more on top of the newest
winner, and must win there too; and what it was carried over to need not be validated.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.errors import ModelError
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.lanes import Urgency
from burnish.optimizers.gepa.measure import MINIBATCH, Measure
from burnish.optimizers.gepa.proposal import Fate, Proposal, aggregates, distinct
from burnish.optimizers.gepa.purse import Cost
from burnish.optimizers.gepa.rewriter import Rewrite, Rewriter
from burnish.optimizers.gepa.together import both


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides about proposals.

    Attributes:
        width: k, how many are kept in flight.
        minibatch_size: training examples for each.
        components: how many components each rewrites.
        completion: what measuring a validated candidate on the rest of the split costs, where only a part
            of it chooses between candidates.
        merges: whether gepa may put a merge between two commits.
        is_perfect: whether a parent's results leave nothing to learn.
        is_better: whether the second results are better than the first, on the same minibatch.
    """

    width: int
    minibatch_size: int
    components: int
    completion: Cost
    merges: bool
    is_perfect: Callable[[Means], bool]
    is_better: Callable[[Means, Means], bool]

    @property
    def worst(self) -> Cost:
        """The most a proposal costs before it is validated: parent, child, and asking twice.

        One that is not alone in flight may be carried over: newer parent, new child, asking once more.
        """
        alone = Cost(2 * self.minibatch_size, 2 * self.components)
        return alone if self.width == 1 else alone + Cost(2 * self.minibatch_size, self.components)


class Pursuit:
    """Takes proposals on their way.

    Args:
        fund: asks for ``proposal.wanted``, and returns what becomes of the proposal.
    """

    def __init__(
        self,
        rules: Rules,
        validation: tuple[Example, ...],
        measure: Measure,
        rewriter: Rewriter,
        fund: Callable[[Proposal], Awaitable[Fate]],
    ) -> None:
        self._rules = rules
        self._validation = validation
        self._measure = measure
        self._rewriter = rewriter
        self._fund = fund

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
        child = self._take(proposal, await self._rewriter.improve(launch, before, proposal.my_turn))
        if child is None:
            return Fate.REFUSED
        proposal.proposed.set()
        proposal.after = after = await self._on_minibatch(proposal, child)
        if not self._rules.is_better(before, after):
            proposal.losers.append((child, f"not better than its parent: {_compared(before, after)}"))
            return Fate.LOST
        newer = await proposal.newest_winner()
        if newer is not None and newer.child is not None:
            carried = await self._carry_over(proposal, child, newer.child)
            if carried is None:
                return Fate.LOST
            child = carried
        proposal.child = child
        proposal.has_won = True
        proposal.decided.set()
        proposal.wanted = self._validation_cost(proposal) + self._rules.completion
        fate = await self._fund(proposal)
        if fate is Fate.VALIDATED:
            proposal.validation = await self._validate(proposal, child)
        else:
            proposal.losers.append((child, _NOT_VALIDATED[fate]))
        return fate

    async def _carry_over(self, proposal: Proposal, child: Candidate, newer: Candidate) -> Candidate | None:
        """Make the child's change on top of ``newer``; ``None``: it brings nothing there."""
        after = proposal.after
        assert after is not None
        before, rewrite = await both(
            self._on_minibatch(proposal, newer), self._rewriter.carry_over(proposal.launch, child, newer)
        )
        carried = self._take(proposal, rewrite)
        if not self._rules.is_better(before, after):
            reason = f"{newer.candidate_id}, which is newer, does as well: {_compared(before, after)}"
            proposal.losers += [(candidate, reason) for candidate in (child, carried) if candidate]
            return None
        proposal.losers.append((child, f"better, and carried over to {newer.candidate_id}"))
        if carried is None:
            return None
        proposal.parent, proposal.before = newer, before
        proposal.after = after = await self._on_minibatch(proposal, carried)
        if self._rules.is_better(before, after):
            return carried
        proposal.losers.append((carried, f"not better than {newer.candidate_id}: {_compared(before, after)}"))
        return None

    def _take(self, proposal: Proposal, rewrite: Rewrite) -> Candidate | None:
        proposal.notes += rewrite.notes
        proposal.spent = proposal.spent + Cost(reflections=rewrite.reflections)
        return rewrite.child

    async def _on_minibatch(self, proposal: Proposal, candidate: Candidate) -> Means:
        minibatch = proposal.launch.minibatch
        if candidate is not proposal.launch.parent:  # whose cost was known at launch
            proposal.spent = proposal.spent + Cost(len(distinct(minibatch)))
        proposal.measured.append((candidate, minibatch))
        return await self._measure(candidate, minibatch, MINIBATCH)

    async def _validate(self, proposal: Proposal, candidate: Candidate) -> Means:
        proposal.spent = proposal.spent + self._validation_cost(proposal)
        proposal.measured.append((candidate, self._validation))
        urgency: Urgency = (1, proposal.launch.number)
        return await self._measure(candidate, self._validation, urgency)

    def _validation_cost(self, proposal: Proposal) -> Cost:
        """Less what the minibatch has measured already, where the splits overlap."""
        measured = {example.example_id for example in proposal.launch.minibatch}
        return Cost(len({example.example_id for example in self._validation} - measured))


_NOT_VALIDATED = {
    Fate.TAKEN_UP: "better, and taken up by a younger proposal that is better still",
    Fate.UNFUNDED: "better, but the budget left no room to validate it",
}


def _compared(before: Means, after: Means) -> str:
    return f"{sum(aggregates(before)):g} → {sum(aggregates(after)):g} on {len(before.evaluations)} examples"
