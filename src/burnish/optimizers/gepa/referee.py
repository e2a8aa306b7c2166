"""What becomes of a proposal when it is committed: it is told, and the search goes on or ends."""

from __future__ import annotations

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.job import StopReason
from burnish.evaluation.protocol import Means
from burnish.optimizers.champion import Champion, objectives_of
from burnish.optimizers.gepa.merging import Merge
from burnish.optimizers.gepa.notes import Note
from burnish.optimizers.gepa.proposal import Proposal
from burnish.optimizers.protocol import Observe

IDLE_LIMIT = 50
"""Commits in a row without a new candidate measured, after which nothing more is expected."""

FAILURE_LIMIT = 3
"""Reflections in a row that fail, after which the reflection model counts as away."""


class FrontChampion(Champion):
    """The best so far, where others are accepted too: gepa keeps the whole Pareto front as parents."""

    _is_on_front = False

    def challenge_on_front(self, candidate: Candidate, means: Means, is_on_front: bool) -> None:
        """Compare a validated candidate with the best; one on the front is accepted either way."""
        self._is_on_front = is_on_front
        self.challenge(candidate, means)

    def turn_down(self, candidate: Candidate, means: Means, reason: str) -> None:
        if not self._is_on_front:
            super().turn_down(candidate, means, reason)
            return
        self._without_gain += 1
        self._observe.candidate(
            candidate,
            CandidateStatus.ACCEPTED,
            means=means,
            reason=f"best at some examples; {reason}",
            objectives=objectives_of(candidate, means),
        )

    def lose(self, candidate: Candidate, reason: str) -> None:
        """A candidate was measured on a minibatch and went no further."""
        self._without_gain += 1
        self._observe.candidate(candidate, CandidateStatus.REJECTED, reason=reason)


class Referee:
    """Judges commits, in launch order."""

    def __init__(self, champion: FrontChampion, observe: Observe) -> None:
        self.champion = champion
        self._observe = observe
        self._told: set[str] = set()
        self._idle = 0
        self._failures = 0

    def judge(self, proposal: Proposal, is_on_front: bool) -> None:
        """
        Args:
            is_on_front: whether gepa keeps its child on the Pareto front.

        Raises:
            ModelError: the reflection model failed too often in a row.
        """
        self.tell(proposal.notes)
        self._idle = 0 if proposal.after is not None else self._idle + 1
        self._failures = self._failures + 1 if proposal.failure else 0
        if proposal.failure:
            if self._failures >= FAILURE_LIMIT:
                raise proposal.failure
            self._observe.warning(f"a proposal was given up: {proposal.failure}")
        for candidate, reason in proposal.losers:
            self.champion.lose(candidate, reason)
        if proposal.child is not None and proposal.validation is not None:
            self.champion.challenge_on_front(proposal.child, proposal.validation, is_on_front)

    def judge_merge(self, merge: Merge, is_on_front: bool) -> None:
        """The same for a merge of gepa's."""
        self.tell(merge.notes)
        if merge.validation is not None:
            self.champion.challenge_on_front(merge.candidate, merge.validation, is_on_front)
        elif not merge.is_refused:
            self.champion.lose(merge.candidate, merge.reason)

    def tell(self, notes: list[Note]) -> None:
        """Pass on what the checks said; a candidate is proposed once, whoever proposes it again."""
        for note in notes:
            if note.candidate is not None and note.status is CandidateStatus.PROPOSED:
                if note.candidate.candidate_id in self._told:
                    continue
                self._told.add(note.candidate.candidate_id)
            note.tell(self._observe)

    def stop_reason(self) -> StopReason | None:
        """Why the search should end now; ``None``: go on."""
        if reason := self.champion.stop_reason():
            return reason
        return StopReason.FINISHED if self._idle >= IDLE_LIMIT else None
