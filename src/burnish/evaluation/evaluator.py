"""The evaluator: a candidate's answers to examples, scored. The optimizer's road to the target model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from burnish.concurrency import SingleFlight
from burnish.domain.answer import AnswerOutcome
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.score import NEUTRAL, Evaluation
from burnish.domain.usage import Role, Usage
from burnish.errors import ModelError
from burnish.evaluation.protocol import Means
from burnish.evaluation.scorer import Sample
from burnish.evaluation.scorer_set import ScorerSet
from burnish.evaluation.target import Target
from burnish.llm.protocol import AppFailed, LanguageModel, Purpose

Record = Callable[[Evaluation], None]
"""Gets each new evaluation once, as soon as it is there; the order depends on timing."""


class Evaluator:
    """Implements :class:`~burnish.evaluation.protocol.Evaluate`; keeps every evaluation it has made.

    An example whose call failed for itself alone has score 0 and the error. Systemic failures, an
    exhausted budget, a scorer that fails and a superseded attempt end the whole evaluation; what
    was finished by then has been recorded. The scorers must have been prepared.

    Args:
        target: what answers.
        model: the job's gateway, for judges.
        role: under which the answers are counted.
        concurrency: pairs of candidate and example in work at the same time, over all callers.
    """

    def __init__(
        self,
        *,
        target: Target,
        model: LanguageModel,
        scorers: ScorerSet,
        role: Role = Role.TARGET,
        concurrency: int = 8,
        record: Record | None = None,
    ) -> None:
        self._target = target
        self._model = model
        self._scorers = scorers
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
        purpose = Purpose(
            role=self._role,
            candidate_id=candidate.candidate_id,
            example_id=example.example_id,
            phase=phase,
        )
        output, usage, error, outcome, run = "", Usage(), None, AnswerOutcome.ERROR, None
        aggregate: float | None = 0.0
        try:
            completion = await self._target.answer(candidate, example, purpose)
            output, usage, outcome = completion.text, completion.usage, completion.outcome
            run = completion.run
            scored = await self._scorers.score(
                Sample(
                    example=example,
                    output=output,
                    candidate_id=candidate.candidate_id,
                    model=self._model,
                    usage=usage,
                    outcome=outcome,
                    run=run,
                    asked=completion.asked,
                )
            )
            scores, aggregate, usage = scored.scores, scored.aggregate, usage + scored.usage
        except ModelError as failure:
            if failure.systemic:
                raise
            error = str(failure)
            if isinstance(failure, AppFailed):
                usage, run = failure.usage or Usage(), failure.app_run
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
            run=run,
        )
        if self._record is not None:
            self._record(evaluation)
        return evaluation
