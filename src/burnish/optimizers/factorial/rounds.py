"""One round of the search: what is asked side by side, and what came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from burnish.concurrency import gather_affordable
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.prompt import Message
from burnish.domain.score import Evaluation
from burnish.errors import BudgetExhausted, ModelError
from burnish.evaluation.protocol import Evaluate
from burnish.llm.protocol import Completion
from burnish.optimizers.factorial.pool import Entry
from burnish.optimizers.factorial.reflection import EditRequest
from burnish.optimizers.prompts.rewriting import RewriteRequest
from burnish.optimizers.protocol import Reflect


@dataclass(frozen=True, slots=True)
class Measurement:
    """A set of edits on one example.

    Attributes:
        screened: the new edit that is tried here on a failure it was written from.
    """

    chosen: tuple[Entry, ...]
    candidate: Candidate
    example: Example
    screened: Entry | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Asked of the reflection model.

    Attributes:
        shown: ids of the failing examples it is shown; none for a rewording of the source.
        sample: another number, another call.
        origin: of the edits in the answer.
        again: the messages of a second try, which end with what was wrong with the first answer.
    """

    request: EditRequest | RewriteRequest
    shown: frozenset[str]
    sample: int
    origin: str
    again: tuple[Message, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.again or self.request.messages()


@dataclass(slots=True, kw_only=True)
class Round:
    """Drawn before any of its answers is known, so nothing in it depends on timing."""

    number: int
    measurements: Sequence[Measurement]
    questions: Sequence[Question] = ()
    evaluations: list[Evaluation | BudgetExhausted] = field(default_factory=list)
    answers: list[Completion | ModelError | BudgetExhausted] = field(default_factory=list)

    async def run(self, evaluate: Evaluate, reflect: Reflect | None) -> Round:
        """Ask everything at once.

        Raises:
            ModelError: a systemic one; ScorerFailed.
        """

        async def measured(measurement: Measurement) -> Evaluation:
            return (await evaluate(measurement.candidate, [measurement.example])).evaluations[0]

        async def answered(question: Question) -> Completion | ModelError:
            assert reflect is not None
            try:
                return await reflect(question.messages, sample=question.sample)
            except ModelError as error:
                if error.systemic:
                    raise
                return error

        results = await gather_affordable(
            [*(measured(m) for m in self.measurements), *(answered(q) for q in self.questions)]
        )
        count = len(self.measurements)
        self.evaluations = [r for r in results[:count] if isinstance(r, (Evaluation, BudgetExhausted))]
        self.answers = [r for r in results[count:] if not isinstance(r, Evaluation)]
        return self
