"""What every world of the benchmark has in common: examples, a model, a reflection model, and the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.prompt import Message, text_of
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.testing.reflection_scripts import completion

SOURCE = "Answer the question.\n\n{{question}}"


class World(ABC):
    """Implements ``Evaluate`` and ``Reflect``, counts what is paid for, knows the true score of a prompt."""

    train: Sequence[Example]
    validation: Sequence[Example]

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.target_calls = self.reflection_calls = 0
        self._paid: set[tuple[str, str]] = set()

    @property
    def calls(self) -> int:
        return self.target_calls + self.reflection_calls

    @abstractmethod
    def truth(self, candidate: Candidate) -> float:
        """Expected score at large, without the luck of the draw."""

    @abstractmethod
    def score(self, text: str, example: Example) -> tuple[float, str]:
        """One answer's score and what the scorer says of it."""

    @abstractmethod
    def answer_to(self, request: str, sample: int) -> str:
        """What the reflection model writes."""

    def divide(self, train_share: float) -> None:
        """Divide the same examples into train and validation in another way."""
        examples = (*self.train, *self.validation)
        count = round(train_share * len(examples))
        self.train, self.validation = examples[:count], examples[count:]

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        """Implements ``Evaluate``."""
        evaluations = tuple(self._evaluation(candidate, example) for example in examples)
        mean = sum(e.aggregate for e in evaluations) / len(evaluations) if evaluations else 0.0
        return Means(evaluations=evaluations, scores={"right": mean, "aggregate": mean})

    async def reflect(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        """Implements ``Reflect``."""
        return completion(self.reflection("\n\n".join(message.content for message in messages), sample))

    def reflection(self, request: str, sample: int) -> str:
        """A paid answer of the reflection model."""
        self.reflection_calls += 1
        return self.answer_to(request, sample)

    def _evaluation(self, candidate: Candidate, example: Example) -> Evaluation:
        key = (candidate.candidate_id, example.example_id)
        self.target_calls += key not in self._paid
        self._paid.add(key)
        value, said = self.score(text_in(candidate), example)
        output = str(example.expected) if value else "I do not know."
        return Evaluation(*key, output, {"right": Score(value, said)}, value, usage=Usage(calls=1))


def text_in(candidate: Candidate) -> str:
    return text_of(next(iter(candidate.texts.values())))


@dataclass(slots=True)
class Silent:
    """An ``Observe`` that keeps only warnings and edits."""

    warnings: list[str] = field(default_factory=list)
    edits: list[object] = field(default_factory=list)

    def candidate(self, *_: object, **__: object) -> None: ...

    def proposal(self, *_: object) -> None: ...

    def forecast(self, *_: object) -> None: ...

    def phase(self, *_: object, **__: object) -> None: ...

    def edit(self, report: object) -> None:
        self.edits.append(report)

    def warning(self, message: str) -> None:
        self.warnings.append(message)
