"""What a scorer is, and what an optimizer may ask to be evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.score import Evaluation
from burnish.domain.usage import Usage
from burnish.llm.protocol import LanguageModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a scorer sees.

    Attributes:
        model: for judges: the job's gateway; ``None`` where no judge is allowed.
        candidate_id: identifies the judge's calls in the journal.
        usage: what the output took.
    """

    example: Example
    output: str
    candidate_id: str = ""
    model: LanguageModel | None = None
    usage: Usage = field(default_factory=Usage)

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.example.inputs

    @property
    def expected(self) -> Any:
        return self.example.expected


@dataclass(frozen=True, slots=True)
class Feedback:
    """A scorer's raw answer: a number, a bool, or yes/no; anything else stops the job.

    ``usage`` is filled by judges (``judge.Judge``), from their completions.
    """

    value: Any
    rationale: str = ""
    usage: Any = None


class Scorer(Protocol):
    """Turns one output into a number in [0, 1] or yes/no.

    Attributes:
        name: as in the results, unique within a job.
        needs: names of the expectations it cannot work without (``expected_response``).
        blocking: CPU-heavy or blocking; the evaluator runs it in a thread.
    """

    @property
    def name(self) -> str: ...
    @property
    def needs(self) -> frozenset[str]: ...
    @property
    def blocking(self) -> bool: ...

    def prepare(self, examples: Sequence[Example]) -> None:
        """Look at all training and validation examples once (label sets). Called before any ``score``."""
        ...

    async def score(self, sample: Sample) -> Feedback: ...


@dataclass(frozen=True, slots=True)
class WeightedScorer:
    """A scorer with its part in the aggregate."""

    scorer: Scorer
    weight: float = 1.0
    must_pass: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Means of several evaluations, and the evaluations themselves, in the order of the examples."""

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
