"""What an optimizer may ask to be evaluated, and what it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.score import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Means of several evaluations, and the evaluations themselves, in the order of the examples.

    Attributes:
        scores: ``aggregate`` and one mean for each scorer that had an opinion, in [0, 1].
    """

    evaluations: tuple[Evaluation, ...]
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def aggregate(self) -> float:
        return self.scores.get("aggregate", 0.0)


class Evaluate(Protocol):
    """Score a candidate on examples: the optimizer's only road to the target model.

    An (example, candidate) pair measured before in this job is not measured again.

    Raises:
        BudgetExhausted: some calls did not fit. Those that did are recorded.
        ScorerFailed: a scorer gave something that is no score.
        ModelError, ProviderUnavailable: systemic failure. One example's failure is a score of 0.
    """

    async def __call__(self, candidate: Candidate, examples: Sequence[Example]) -> Means: ...
