"""The evaluator: a candidate's answers to examples, scored. The optimizer's road to the target model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from burnish.concurrency import SingleFlight
from burnish.domain.answer import AnswerOutcome
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.prompt import Message, render
from burnish.domain.score import NEUTRAL, Evaluation
from burnish.domain.usage import Role, Usage
from burnish.errors import ModelError
from burnish.evaluation.protocol import Means
from burnish.evaluation.scorer import Sample
from burnish.evaluation.scorer_set import ScorerSet
from burnish.llm.protocol import LanguageModel, Parameters, Purpose, Request

Record = Callable[[Evaluation], None]
"""Gets each new evaluation once, as soon as it is there; the order depends on timing."""


class Evaluator:
    """Implements :class:`~burnish.evaluation.protocol.Evaluate`; keeps every evaluation it has made.

    An example whose call failed for itself alone has score 0 and the error. Systemic failures, an
    exhausted budget, a scorer that fails and a superseded attempt end the whole evaluation; what
    was finished by then has been recorded. The scorers must have been prepared.

    Args:
        prompts: names of the candidates' prompts. Several are rendered with the same inputs and sent
            in this order as the messages of one conversation, which has one answer.
        model: the job's gateway, for judges too.
        target: URI of the model that answers.
        parameters: from the source prompt's model config.
        role: under which the answers are counted.
        concurrency: pairs of candidate and example in work at the same time, over all callers.
    """

    def __init__(
        self,
        *,
        prompts: Sequence[str],
        model: LanguageModel,
        target: str,
        scorers: ScorerSet,
        parameters: Parameters | None = None,
        role: Role = Role.TARGET,
        concurrency: int = 8,
        record: Record | None = None,
    ) -> None:
        self._prompts = tuple(prompts)
        self._model = model
        self._target = target
        self._scorers = scorers
        self._parameters = parameters or Parameters()
        self._role = role
        self._evaluations: SingleFlight[Evaluation] = SingleFlight(concurrency, keep=True)
        self._record = record

    async def __call__(
        self, candidate: Candidate, examples: Sequence[Example], *, phase: str = "search"
    ) -> Means:
        """
        Args:
            phase: why the target is asked, for the journal: ``search`` or ``test``.
        """
        evaluations = await self._evaluations.join_all(
            [(candidate.candidate_id, example.example_id) for example in examples],
            lambda place: self._evaluate(candidate, examples[place], phase),
        )
        return self._scorers.means(evaluations)

    async def _evaluate(self, candidate: Candidate, example: Example, phase: str) -> Evaluation:
        request = self._request(candidate, example)
        purpose = Purpose(
            role=self._role,
            candidate_id=candidate.candidate_id,
            example_id=example.example_id,
            phase=phase,
        )
        output, usage, error, outcome = "", Usage(), None, AnswerOutcome.ERROR
        aggregate: float | None = 0.0
        try:
            completion = await self._model.complete(request, purpose)
            output, usage, outcome = completion.text, completion.usage, completion.outcome
            scores, judges = await self._scorers.score(
                Sample(
                    example=example,
                    output=output,
                    candidate_id=candidate.candidate_id,
                    model=self._model,
                    usage=usage,
                    outcome=outcome,
                )
            )
            aggregate, usage = self._scorers.aggregate(scores), usage + judges
        except ModelError as failure:
            if failure.systemic:
                raise
            error = str(failure)
            scores = self._scorers.failed(error)
        evaluation = Evaluation(
            candidate.candidate_id,
            example.example_id,
            output,
            scores,
            NEUTRAL if aggregate is None else aggregate,
            error,
            usage,
            unscored=aggregate is None,
            outcome=outcome,
        )
        if self._record is not None:
            self._record(evaluation)
        return evaluation

    def _request(self, candidate: Candidate, example: Example) -> Request:
        messages: list[Message] = []
        for name in self._prompts:
            messages.extend(render(candidate.texts[name], example.inputs))
        return Request(model=self._target, messages=tuple(messages), parameters=self._parameters)
