"""One search: what gepa's engine, in its thread, and the proposals in flight, on the loop, share.

The methods run on the event loop; the engine's plug-ins call them through the bridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.job import StopReason
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.merging import Merge, Merging
from burnish.optimizers.gepa.proposals import Proposal, ProposalOutcome
from burnish.optimizers.gepa.scheduler import ProposalScheduler
from burnish.optimizers.gepa.settings import GepaConfig
from burnish.optimizers.gepa.thread_bridge import EngineThread
from burnish.optimizers.prompts.components import Components, Texts
from burnish.optimizers.protocol import Observe
from burnish.optimizers.search.buffered_observer import Observation
from burnish.optimizers.search.incumbent import Incumbent, objectives_of

IDLE_LIMIT = 50
"""Commits in a row without a new candidate measured, after which nothing more is expected."""

REPETITION_LIMIT = 8
"""Proposals in a row without a text that is new, after which the reflection model has no more ideas."""

FAILURE_LIMIT = 3
"""Reflections in a row that fail, after which the reflection model counts as away."""


class ParetoIncumbent(Incumbent):
    """The best so far, where others are accepted too: gepa keeps the whole Pareto front as parents."""

    _is_on_front = False
    _validated: frozenset[str] = frozenset()

    def accept(self, candidate: Candidate, means: Means, is_on_front: bool) -> None:
        """Compare a validated candidate with the best; one on the front is accepted either way.

        Args:
            means: of the whole validation split, or of a part on which the candidate does not lead.
        """
        self._is_on_front = is_on_front
        self._validated |= {candidate.candidate_id}
        if len(means.evaluations) == len(self.means.evaluations):
            self.consider(candidate, means)
            return
        self._without_gain += 1
        status = CandidateStatus.ACCEPTED if is_on_front else CandidateStatus.REJECTED
        reason = (
            f"{means.aggregate:.3f} on {len(means.evaluations)} validation examples, where it does not lead"
        )
        self._observe.candidate(candidate, status, reason=reason)

    def reject(self, candidate: Candidate, means: Means, reason: str) -> None:
        if not self._is_on_front:
            super().reject(candidate, means, reason)
            return
        self._without_gain += 1
        self._observe.candidate(
            candidate,
            CandidateStatus.ACCEPTED,
            means=means,
            reason=f"best at some examples; {reason}",
            objectives=objectives_of(candidate, means),
        )

    def reject_unvalidated(self, candidate: Candidate, reason: str) -> None:
        """A candidate was measured on a minibatch and went no further."""
        self._without_gain += 1
        if candidate.candidate_id in self._validated:
            return  # proposed again while it was in flight: what is known of it stands
        self._observe.candidate(candidate, CandidateStatus.REJECTED, reason=reason)

    def improves(self, means: Means) -> bool:
        """Whether these results are better than the best candidate's on the same examples."""
        ids = {evaluation.example_id for evaluation in means.evaluations}
        best = [e.aggregate for e in self.means.evaluations if e.example_id in ids]
        return means.aggregate > sum(best) / len(best)


class CommitHandler:
    """Reports what became of proposals, in launch order, and says when the search is over.

    Nothing is observed while a proposal is in flight, since proposals finish in any order: what the checks
    said of it is kept, and replayed here.
    """

    def __init__(self, incumbent: ParetoIncumbent, observe: Observe) -> None:
        self.incumbent = incumbent
        self._observe = observe
        self._proposed: set[str] = set()
        self._idle = 0
        self._repetitions = 0
        self._failures = 0

    def handle(self, proposal: Proposal) -> None:
        """Report what became of a proposal before it was validated.

        Raises:
            ModelError: the reflection model failed too often in a row.
        """
        self._replay(proposal.observations)
        self._idle = 0 if proposal.after is not None else self._idle + 1
        if proposal.has_new_text or proposal.has_won:
            self._repetitions = 0
        elif proposal.outcome is not ProposalOutcome.PERFECT:  # which asked nothing
            self._repetitions += 1
        self._failures = self._failures + 1 if proposal.failure else 0
        if proposal.failure:
            if self._failures >= FAILURE_LIMIT:
                raise proposal.failure
            self._observe.warning(f"a proposal was given up: {proposal.failure}")
        for candidate, reason in proposal.losers:
            self.incumbent.reject_unvalidated(candidate, reason)
        self._observe.proposal(
            proposal.spec.number + 1, proposal.spec.parent, str(proposal.outcome or ""), proposal.result
        )

    def handle_merge(self, merge: Merge) -> None:
        """The same for a merge of gepa's."""
        self._replay(merge.observations)
        if merge.validation is None and not merge.is_refused:
            self.incumbent.reject_unvalidated(merge.candidate, merge.reason)

    def _replay(self, observations: list[Observation]) -> None:
        """Observe what the checks said; a candidate is proposed once, whoever proposes it again."""
        for observation in observations:
            if observation.candidate is not None and observation.status is CandidateStatus.PROPOSED:
                if observation.candidate.candidate_id in self._proposed:
                    continue
                self._proposed.add(observation.candidate.candidate_id)
            observation.replay(self._observe)

    @property
    def most_in_flight(self) -> int | None:
        """A reflection model that repeats itself is asked fewer questions at once; ``None``: no reason to."""
        return max(1, REPETITION_LIMIT - self._repetitions) if self._repetitions else None

    def stop_reason(self) -> StopReason | None:
        """Why the search should end now; ``None``: go on."""
        if reason := self.incumbent.stop_reason():
            return reason
        if self._repetitions >= REPETITION_LIMIT:
            self._observe.warning(
                f"{self._repetitions} proposals in a row held nothing new that can be used: the search ends"
            )
            return StopReason.NO_NEW_IDEAS
        return StopReason.FINISHED if self._idle >= IDLE_LIMIT else None


@dataclass(slots=True, kw_only=True)
class Search:
    """All that one search has.

    Attributes:
        source_means: on ``validation``.
        validation: the examples that choose between candidates.
        whole_validation: the split they are from.
        pool: the candidates in gepa's pool, by its index.
        current: the proposal that the engine is dealing with.
        stop_reason: why it ends; first, why it ends when no proposal can be seen through any more.
    """

    config: GepaConfig
    seed: int
    components: Components
    source: Candidate
    source_means: Means
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    whole_validation: tuple[Example, ...]
    thread: EngineThread[None]
    scheduler: ProposalScheduler
    merging: Merging
    commits: CommitHandler
    observe: Observe
    pool: list[Candidate]
    stop_reason: StopReason
    current: Proposal | None = None
    _stand_ins: dict[str, Candidate] = field(default_factory=dict)

    def in_pool(self, parent: Candidate) -> Candidate:
        """The parent itself, or its nearest ancestor in gepa's pool where it was never validated."""
        return self._stand_ins.get(parent.candidate_id, parent)

    async def launch(
        self,
        parent: Candidate,
        minibatch: Sequence[tuple[int, Example]],
        components: tuple[int, ...],
        known: frozenset[str],
    ) -> None:
        """Start a proposal; arguments as ``ProposalScheduler.launch``."""
        spec = await self.scheduler.launch(parent, minibatch, components, known)
        self.observe.proposal(spec.number + 1, parent)

    async def next(self) -> Proposal | None:
        """The oldest proposal in flight, at its end; ``None`` when nothing is in flight."""
        self.current = await self.scheduler.oldest()
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
            self.commits.handle_merge(merge)
            if is_accepted and merge.validation is not None:
                await self._accept(merge.candidate, merge.validation, newest_is_on_front)
        elif self.current is not None:
            proposal, self.current = self.scheduler.commit(), None
            self.commits.handle(proposal)
            if proposal.has_won and proposal.child is not None and not is_accepted:
                self._stand_ins[proposal.child.candidate_id] = self.in_pool(proposal.parent)
            if is_accepted and proposal.child is not None and proposal.validation is not None:
                await self._accept(proposal.child, proposal.validation, newest_is_on_front)
        assert len(self.pool) == pool_size
        self.scheduler.most = self.commits.most_in_flight
        reason = self.commits.stop_reason()
        if reason is not None:
            self.stop_reason = reason
            return True
        return not len(self.scheduler) and not await self.scheduler.may_launch()

    async def _accept(self, candidate: Candidate, means: Means, is_on_front: bool) -> None:
        """gepa has taken a candidate into its pool: compare it with the best, on the whole split.

        Where only a part of the split chooses, the rest is measured for those that lead on that part.
        """
        self.pool.append(candidate)
        if len(self.validation) < len(self.whole_validation) and self.commits.incumbent.improves(means):
            means = await self.scheduler.measure_beside(candidate, self.whole_validation)
        self.commits.incumbent.accept(candidate, means, is_on_front)

    async def merge(self, texts: Texts, examples: Sequence[Example], parents: Sequence[int]) -> Means | None:
        """Measure a merge on some validation examples; ``None`` when it is refused or there is no budget."""
        return await self.merging.attempt(texts, examples, [self.pool[index] for index in parents], self.pool)

    async def validate_merge(self) -> Means:
        """Measure the merge in hand on all validation examples."""
        return await self.merging.validate()
