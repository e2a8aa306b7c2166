"""One search: what gepa's engine, in its thread, and the proposals in pending, on the loop, share.

The methods run on the event loop; the engine's plug-ins call them through the bridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.job import StopReason
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.commits import Referee
from burnish.optimizers.gepa.components import Components, Texts
from burnish.optimizers.gepa.merging import Merging
from burnish.optimizers.gepa.proposals import Proposal
from burnish.optimizers.gepa.scheduler import LookAhead
from burnish.optimizers.gepa.settings import Choices
from burnish.optimizers.gepa.thread_bridge import EngineThread
from burnish.optimizers.protocol import Observe


@dataclass(slots=True, kw_only=True)
class Search:
    """
    Attributes:
        source_means: on ``validation``.
        validation: the examples that choose between candidates.
        whole_validation: the split they are from.
        pool: the candidates in gepa's pool, by its index.
        current: the proposal that the engine is dealing with.
        stop_reason: why it ends; first, why it ends when no proposal can be seen through any more.
    """

    choices: Choices
    seed: int
    components: Components
    source: Candidate
    source_means: Means
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    whole_validation: tuple[Example, ...]
    thread: EngineThread[None]
    ahead: LookAhead
    merging: Merging
    referee: Referee
    observe: Observe
    pool: list[Candidate]
    stop_reason: StopReason
    current: Proposal | None = None
    _stand_ins: dict[str, Candidate] = field(default_factory=dict)

    def in_pool(self, parent: Candidate) -> Candidate:
        """The parent itself, or its nearest ancestor in gepa's pool where it was never validated."""
        return self._stand_ins.get(parent.candidate_id, parent)

    async def next(self) -> Proposal | None:
        """The oldest proposal in pending, at its end; ``None`` when nothing is in pending."""
        self.current = await self.ahead.oldest()
        return self.current

    async def commit(self, pool_size: int, newest_is_on_front: bool) -> bool:
        """Deal with what the engine has just finished.

        Args:
            pool_size: of gepa's pool now.
            newest_is_on_front: whether gepa keeps its last candidate on the Pareto front.

        Returns:
            Whether to stop.
        """
        is_accepted = pool_size > len(self.pool)
        if merge := self.merging.take():
            self.referee.judge_merge(merge)
            if is_accepted and merge.validation is not None:
                await self._accept(merge.candidate, merge.validation, newest_is_on_front)
        elif self.current is not None:
            proposal, self.current = self.ahead.commit(), None
            self.referee.judge(proposal)
            if proposal.has_won and proposal.child is not None and not is_accepted:
                self._stand_ins[proposal.child.candidate_id] = self.in_pool(proposal.parent)
            if is_accepted and proposal.child is not None and proposal.validation is not None:
                await self._accept(proposal.child, proposal.validation, newest_is_on_front)
        assert len(self.pool) == pool_size
        self.observe.advance(self.ahead.purse.spent.evaluations)
        reason = self.referee.stop_reason()
        if reason is not None:
            self.stop_reason = reason
            return True
        return not len(self.ahead) and not await self.ahead.may_launch()

    async def _accept(self, candidate: Candidate, means: Means, is_on_front: bool) -> None:
        """gepa has taken a candidate into its pool: compare it with the best, on the whole split.

        Where only a part of the split chooses, the rest is measured for those that lead on that part.
        """
        self.pool.append(candidate)
        if len(self.validation) < len(self.whole_validation) and self.referee.improves(means):
            means = await self.ahead.measure_beside(candidate, self.whole_validation)
        self.referee.accept(candidate, means, is_on_front)

    async def merge(self, texts: Texts, examples: Sequence[Example], parents: Sequence[int]) -> Means | None:
        """Measure a merge on some validation examples; ``None`` when it is refused or there is no budget."""
        return await self.merging.attempt(texts, examples, [self.pool[index] for index in parents], self.pool)

    async def validate_merge(self) -> Means:
        """Measure the merge in hand on all validation examples."""
        return await self.merging.validate()
