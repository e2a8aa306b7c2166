"""The best candidate so far, and when to stop looking for a better one."""

from __future__ import annotations

from collections.abc import Mapping

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.job import StopReason
from burnish.domain.prompt import text_of
from burnish.domain.text import estimate_tokens
from burnish.domain.usage import Usage
from burnish.errors import OptimizerFailed
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.protocol import Observe, Outcome, Task
from burnish.optimizers.settings import CommonSettings

PERFECT = 1.0


class Incumbent:
    """Holds the best candidate measured on the whole validation split; the source at first.

    Of two candidates with equal scores the shorter one wins, so a search never pays for words
    that bring nothing.
    """

    def __init__(self, source: Candidate, means: Means, settings: CommonSettings, observe: Observe) -> None:
        self.source = source
        self.candidate = source
        self.means = means
        self._settings = settings
        self._observe = observe
        self._without_gain = 0

    @classmethod
    async def of_source(
        cls, task: Task, evaluate: Evaluate, settings: CommonSettings, observe: Observe
    ) -> Incumbent:
        """The source on validation; measured already in a job, so it costs nothing there.

        Raises:
            OptimizerFailed: there is nothing to choose with.
        """
        if not task.validation:
            raise OptimizerFailed("the validation split is empty; give it a share of the data")
        return cls(task.source, await evaluate(task.source, task.validation), settings, observe)

    def consider(self, candidate: Candidate, means: Means) -> bool:
        """Compare a candidate measured on the whole validation split, and observe what came of it.

        Returns:
            Whether it is the best now.
        """
        gain = means.aggregate - self.means.aggregate
        shorter = prompt_tokens(candidate) < prompt_tokens(self.candidate)
        needed = self._settings.minimum_gain
        wins = gain > needed or (gain == 0 and needed == 0 and shorter and self.candidate is not self.source)
        if not wins:
            beaten = "best" if self.candidate is not self.source else "source"
            self.reject(
                candidate, means, f"{means.aggregate:.3f}; the {beaten} has {self.means.aggregate:.3f}"
            )
            return False
        self._observe.candidate(
            candidate, CandidateStatus.ACCEPTED, means=means, objectives=objectives_of(candidate, means)
        )
        self.candidate, self.means = candidate, means
        self._without_gain = 0 if gain > 0 else self._without_gain + 1
        return True

    def reject(self, candidate: Candidate, means: Means, reason: str) -> None:
        """A measured candidate is not good enough."""
        self._without_gain += 1
        in_full = len(means.evaluations) == len(self.means.evaluations)
        self._observe.candidate(
            candidate,
            CandidateStatus.REJECTED,
            means=means,
            reason=reason,
            objectives=objectives_of(candidate, means) if in_full else None,
        )

    def stop_reason(self) -> StopReason | None:
        """Why the search should end now; ``None``: go on."""
        if self.means.aggregate >= PERFECT and self.candidate is self.source:
            return StopReason.NO_HEADROOM
        if self.means.aggregate >= self._settings.target_score:
            return StopReason.TARGET_REACHED
        if self._settings.patience is not None and self._without_gain >= self._settings.patience:
            return StopReason.PATIENCE
        return None

    def outcome(self, stop_reason: StopReason = StopReason.FINISHED) -> Outcome:
        return Outcome(best=self.candidate, means=self.means, stop_reason=stop_reason)


def objectives_of(candidate: Candidate, means: Means) -> Mapping[str, float]:
    """What candidates measured on the same examples are compared by; see ``search.pareto``.

    The scores, the tokens of the prompts (estimated), and the dollars of one evaluation where they are
    known and not nothing.
    """
    found = {**means.scores, "prompt_tokens": float(prompt_tokens(candidate))}
    usd = sum((evaluation.usage for evaluation in means.evaluations), Usage()).usd
    return found | {"usd": usd / len(means.evaluations)} if usd else found


def prompt_tokens(candidate: Candidate) -> int:
    """Length of all prompts of a candidate, tokens, estimated."""
    return sum(estimate_tokens(text_of(template)) for template in candidate.texts.values())
