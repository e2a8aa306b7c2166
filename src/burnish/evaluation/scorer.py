"""What a scorer is."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.domain.answer import AnswerOutcome
from burnish.domain.app import AppRun
from burnish.domain.dataset import Example
from burnish.domain.score import ScoreRange
from burnish.domain.usage import Usage
from burnish.llm.protocol import LanguageModel, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a scorer sees.

    Attributes:
        model: for judges: the job's gateway; ``None`` where no judge is allowed.
        candidate_id: identifies the judge's calls in the journal.
        usage: what the output took.
        outcome: whether the output is an answer, or is cut, empty or refused.
        run: of the app whose output it is; ``None``: a model's.
        asked: of the model whose output it is.
    """

    example: Example
    output: str
    candidate_id: str = ""
    model: LanguageModel | None = None
    usage: Usage = field(default_factory=Usage)
    outcome: AnswerOutcome = AnswerOutcome.OK
    run: AppRun | None = None
    asked: Request | None = None

    @property
    def value(self) -> Any:
        """The output as the app gave it: a text, or any other JSON value."""
        return json.loads(self.output) if self.run and self.run.is_json else self.output

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.example.inputs

    @property
    def expected(self) -> Any:
        return self.example.expected


@dataclass(frozen=True, slots=True)
class Feedback:
    """A scorer's raw answer: a number, a bool, or yes/no; ``None`` where it has no opinion.

    Anything else stops the job (:func:`burnish.domain.score.read_score`).

    ``usage`` is of the model calls that the answer took; ``given`` is what a user's own aggregation gets,
    where that is another object than the value.
    """

    value: Any
    rationale: str = ""
    usage: Usage = field(default_factory=Usage)
    given: Any = None


class Scorer(ABC):
    """Turns one output into a number or yes/no. A scorer has a name and ``score``; the rest has defaults.

    Attributes:
        name: as in the results, unique within a job.
        requires: names of the expectations it cannot work without (``expected_response``).
        blocking: CPU-heavy or blocking; the evaluator runs it in a thread.
        calls: model calls for one output.
        model: URI of the model that it asks; ``None``: it asks none.
        reads_trace: its question holds all that is known of the evaluation.
        needs_price: it can score only answers of a model whose price is known.
        range: of its numbers; ``None``: [0, 1].
        outside: it is code of the user's, whose work may cost what only the user knows: its word is kept in
            the journal, and it is not asked again.
        compares_json: it compares with the expected response as one JSON value, so that a list is no
            list of right answers.
    """

    requires: frozenset[str] = frozenset()
    blocking: bool = False
    calls: int = 0
    model: str | None = None
    reads_trace: bool = False
    needs_price: bool = False
    range: ScoreRange | None = None
    outside: bool = False
    compares_json: bool = False

    def __init__(self, name: str) -> None:
        self.name = name

    def prepare(self, examples: Sequence[Example]) -> None:  # noqa: B027 - most have nothing to learn
        """Look at all training and validation examples once (label sets). Called before any ``score``."""

    def refusal(self, example: Example) -> str | None:
        """Why this example cannot be scored though the expectations are there, or ``None``."""
        return None

    @abstractmethod
    async def score(self, sample: Sample) -> Feedback:
        """The score of one output."""


@dataclass(frozen=True, slots=True)
class WeightedScorer:
    """A scorer with its part in the aggregate.

    Attributes:
        warning: what a user should know of it before the job runs.
    """

    scorer: Scorer
    weight: float = 1.0
    must_pass: bool = False
    warning: str | None = None
