"""A judge: a scorer of MLflow's that asks a model, as a scorer of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from burnish.concurrency import gather_in_order
from burnish.domain.dataset import Example, record_name
from burnish.domain.score import ScoreRange, read_score
from burnish.domain.usage import Role, Usage
from burnish.errors import ModelUnavailable, ScoreOutOfRange, ScorerFailed
from burnish.evaluation.judges.judge_session import Question, Unreadable
from burnish.evaluation.judges.mlflow_adapter import run_to_next_question
from burnish.evaluation.judges.trace import stand_in, trace_as_text
from burnish.evaluation.scorer import Feedback, Sample, Scorer
from burnish.llm.protocol import Parameters, Purpose, Request

TRIES = 3
"""How often one answer is asked for until it can be read."""

MOST_UNREADABLE = 3
"""So many questions without any readable answer so far, and the model is no judge: the job stops."""


@dataclass(frozen=True, slots=True)
class _Vote:
    """One answer: a number of the judge's own range, or ``None`` where it has no opinion."""

    number: float | None
    rationale: str
    usage: Usage


class Judge(Scorer):
    """Scores by asking a model; several votes are averaged, those without an opinion left out.

    A question whose answer cannot be read is asked again; what stays unreadable is the failure of that
    example alone, unless the model has never given a readable answer.

    Args:
        judge: an ``mlflow.genai.scorers.Scorer`` that wants nothing but inputs, outputs, expectations and the
            evaluation's trace.
        model: URI of the model that is asked; ``None`` for a judge that asks none.
        repeats: votes for each output.
    """

    def __init__(
        self, name: str, judge: Any, model: str | None, repeats: int = 1, range: ScoreRange | None = None
    ) -> None:
        super().__init__(name)
        self.model = model
        self.calls = repeats if model else 0
        self.range = range
        self.blocking = model is None  # code of MLflow's that works, and does not wait
        self._repeats = repeats if model else 1
        self._judge = judge
        self._wants = frozenset(field.name for field in judge.get_input_fields())
        self.reads_trace = "trace" in self._wants
        self._readable = self._unreadable = 0

    def refusal(self, example: Example) -> str | None:
        """Why an example cannot be judged (expectations are missing, or of the wrong kind).

        Which of several expectations will do, only MLflow knows: the judge is run to its first question.
        """
        try:
            self._run(Sample(example=example, output="?"), [])
        except Exception as error:  # noqa: BLE001 - MLflow's own checks raise many kinds
            return str(error).removeprefix("INVALID_PARAMETER_VALUE: ")
        return None

    async def score(self, sample: Sample) -> Feedback:
        votes = await gather_in_order([self._vote(sample, number) for number in range(self._repeats)])
        usage = sum((vote.usage for vote in votes), Usage())
        if len(votes) == 1:
            return Feedback(votes[0].number, votes[0].rationale, usage)
        cast = [(vote.number, vote.rationale) for vote in votes if vote.number is not None]
        if not cast:
            return Feedback(None, votes[0].rationale, usage)
        values = ", ".join("none" if vote.number is None else f"{vote.number:g}" for vote in votes)
        _, worst = min(cast, key=lambda vote: self._place(vote[0]))
        mean = fsum(number for number, _ in cast) / len(cast)
        return Feedback(mean, f"votes {values}; {worst}", usage)

    async def _vote(self, sample: Sample, number: int) -> _Vote:
        usage, unreadable = Usage(), ""
        for repeat in range(TRIES if self.model else 1):
            answers: list[str] = []
            try:
                while isinstance(outcome := self._run(sample, answers), Question):
                    completion = await self._ask(outcome, sample, number + repeat * self._repeats)
                    answers.append(completion.text)
                    usage = usage + completion.usage
                vote = _Vote(self._number(outcome, sample), outcome.rationale or "", usage)
            except Unreadable as error:
                unreadable = str(error)
            else:
                self._readable += 1
                return vote
        self._unreadable += 1
        if self.model is None or (not self._readable and self._unreadable >= MOST_UNREADABLE):
            raise ScorerFailed(
                self.name,
                record_name(sample.example),
                f"the judge model {self.model} has given no readable answer yet; the last was {unreadable}"
                if self.model
                else unreadable,
            )
        raise ModelUnavailable(self.model, f"the judge {self.name} cannot read the answer: {unreadable}")

    async def _ask(self, question: Question, sample: Sample, number: int) -> Any:
        if sample.model is None or self.model is None:
            raise ScorerFailed(self.name, record_name(sample.example), "there is no model to ask here")
        request = Request(
            model=self.model, messages=question.messages, parameters=_parameters(question.parameters)
        )
        purpose = Purpose(
            role=Role.JUDGE,
            candidate_id=sample.candidate_id,
            example_id=sample.example.example_id,
            phase="judge",
            sample=number,
        )
        return await sample.model.complete(request, purpose)

    def _run(self, sample: Sample, answers: Sequence[str]) -> Any:
        known = {
            "inputs": dict(sample.inputs),
            "outputs": sample.output,
            "expectations": dict(sample.example.expectations),
        }
        given = {name: value for name, value in known.items() if name in self._wants}
        trace = None
        if self.reads_trace:
            given["trace"], trace = stand_in(), trace_as_text(sample)
        return run_to_next_question(lambda: self._judge(**given), answers, trace)

    def _number(self, feedback: Any, sample: Sample) -> float | None:
        """The feedback's value as a number in the judge's own range.

        Raises:
            Unreadable: not of the type or in the range that the judge has declared; another answer may be.
            ScorerFailed: it declares plain text or numbers without a range, and gives what is no score.
        """
        declared = self._judge.feedback_value_type
        if type(feedback.value).__name__ == "CategoricalRating" and feedback.value == "unknown":
            # so MLflow's own judges take whatever is neither yes nor no, in any words
            raise Unreadable("neither yes nor no")
        try:
            score = read_score(feedback.value, "", scorer=self.name, example=sample.example, range=self.range)
        except ScorerFailed as error:
            undeclared = isinstance(error, ScoreOutOfRange) and self.range is None and declared is float
            if declared is str or undeclared:
                raise
            raise Unreadable(str(error)) from None
        if score is None:
            return None
        return score.value if score.raw is None else score.raw

    def _place(self, number: float) -> float:
        return number if self.range is None else (self.range.scaled(number) or 0.0)


def _parameters(wanted: Mapping[str, Any]) -> Parameters:
    """MLflow's inference parameters as ours."""
    extra = dict(wanted)
    stop = extra.pop("stop", None)
    return Parameters(
        temperature=extra.pop("temperature", None),
        max_tokens=extra.pop("max_tokens", None),
        top_p=extra.pop("top_p", None),
        seed=extra.pop("seed", None),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        extra=extra,
    )
