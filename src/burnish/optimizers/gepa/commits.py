"""What becomes of a proposal when it is committed: it is told, and the search goes on or ends."""

from __future__ import annotations

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.job import StopReason
from burnish.evaluation.protocol import Means
from burnish.optimizers.gepa.merging import Merge
from burnish.optimizers.gepa.proposals import Proposal
from burnish.optimizers.protocol import Observe
from burnish.optimizers.search.buffered_observer import Note
from burnish.optimizers.search.incumbent import Incumbent, objectives_of

IDLE_LIMIT = 50
"""Commits in a row without a new candidate measured, after which nothing more is expected."""

FAILURE_LIMIT = 3
"""Reflections in a row that fail, after which the reflection model counts as away."""


class ParetoIncumbent(Incumbent):
    """The best so far, where others are accepted too: gepa keeps the whole Pareto front as parents."""

    _is_on_front = False

    def accept(self, candidate: Candidate, means: Means, is_on_front: bool) -> None:
        """Compare a validated candidate with the best; one on the front is accepted either way.

        Args:
            means: of the whole validation split, or of a part on which the candidate does not lead.
        """
        self._is_on_front = is_on_front
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
        self._observe.candidate(candidate, CandidateStatus.REJECTED, reason=reason)

    def improves(self, means: Means) -> bool:
        """Whether these results are better than the best candidate's on the same examples."""
        ids = {evaluation.example_id for evaluation in means.evaluations}
        best = [e.aggregate for e in self.means.evaluations if e.example_id in ids]
        return means.aggregate > sum(best) / len(best)


class Referee:
    """Judges commits, in launch order."""

    def __init__(self, incumbent: ParetoIncumbent, observe: Observe) -> None:
        self._incumbent = incumbent
        self._observe = observe
        self._told: set[str] = set()
        self._idle = 0
        self._failures = 0

    def judge(self, proposal: Proposal) -> None:
        """Tell what came of a proposal before it was validated.

        Raises:
            ModelError: the reflection model failed too often in a row.
        """
        self._tell(proposal.notes)
        self._idle = 0 if proposal.after is not None else self._idle + 1
        self._failures = self._failures + 1 if proposal.failure else 0
        if proposal.failure:
            if self._failures >= FAILURE_LIMIT:
                raise proposal.failure
            self._observe.warning(f"a proposal was given up: {proposal.failure}")
        for candidate, reason in proposal.losers:
            self._incumbent.reject_unvalidated(candidate, reason)

    def judge_merge(self, merge: Merge) -> None:
        """The same for a merge of gepa's."""
        self._tell(merge.notes)
        if merge.validation is None and not merge.is_refused:
            self._incumbent.reject_unvalidated(merge.candidate, merge.reason)

    def improves(self, means: Means) -> bool:
        """Whether a validated candidate is better than the best, on the examples it was measured on."""
        return self._incumbent.improves(means)

    def accept(self, candidate: Candidate, means: Means, is_on_front: bool) -> None:
        """A validated candidate: see :meth:`ParetoIncumbent.accept`."""
        self._incumbent.accept(candidate, means, is_on_front)

    def _tell(self, notes: list[Note]) -> None:
        """Pass on what the checks said; a candidate is proposed once, whoever proposes it again."""
        for note in notes:
            if note.candidate is not None and note.status is CandidateStatus.PROPOSED:
                if note.candidate.candidate_id in self._told:
                    continue
                self._told.add(note.candidate.candidate_id)
            note.tell(self._observe)

    def stop_reason(self) -> StopReason | None:
        """Why the search should end now; ``None``: go on."""
        if reason := self._incumbent.stop_reason():
            return reason
        return StopReason.FINISHED if self._idle >= IDLE_LIMIT else None
