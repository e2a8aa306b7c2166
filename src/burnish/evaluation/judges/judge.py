"""A judge: a scorer of MLflow's that asks a model, as a scorer of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from burnish.concurrency import gather_in_order
from burnish.domain.dataset import Example
from burnish.domain.score import to_number
from burnish.domain.usage import Role, Usage
from burnish.errors import ModelUnavailable, ScorerFailed
from burnish.evaluation.judges.judge_session import Question, Unreadable
from burnish.evaluation.judges.mlflow_adapter import run_to_next_question
from burnish.evaluation.scorer import Feedback, Sample, Scorer
from burnish.llm.protocol import Parameters, Purpose, Request

TRIES = 3
"""How often one answer is asked for until it can be read."""

MOST_UNREADABLE = 3
"""So many questions without any readable answer so far, and the model is no judge: the job stops."""


@dataclass(frozen=True, slots=True)
class _Vote:
    value: float
    rationale: str
    usage: Usage


class Judge(Scorer):
    """Scores by asking a model; yes and no are 1 and 0, several votes are averaged.

    A question whose answer cannot be read is asked again; what stays unreadable is the failure of that
    example alone, unless the model has never given a readable answer.

    Args:
        judge: an ``mlflow.genai.scorers.Scorer`` that wants nothing but inputs, outputs, expectations.
        model: URI of the model that is asked.
        repeats: votes for each output.
    """

    def __init__(self, name: str, judge: Any, model: str, repeats: int = 1) -> None:
        super().__init__(name)
        self.model: str = model
        self.calls = repeats
        self._judge = judge
        self._wants = frozenset(field.name for field in judge.get_input_fields())
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
        votes = await gather_in_order([self._vote(sample, number) for number in range(self.calls)])
        usage = sum((vote.usage for vote in votes), Usage())
        if len(votes) == 1:
            return Feedback(votes[0].value, votes[0].rationale, usage)
        values = ", ".join(f"{vote.value:g}" for vote in votes)
        worst = min(votes, key=lambda vote: vote.value)
        mean = fsum(vote.value for vote in votes) / len(votes)
        return Feedback(mean, f"votes {values}; {worst.rationale}", usage)

    async def _vote(self, sample: Sample, number: int) -> _Vote:
        usage, unreadable = Usage(), ""
        for repeat in range(TRIES):
            answers: list[str] = []
            try:
                while isinstance(outcome := self._run(sample, answers), Question):
                    completion = await self._ask(outcome, sample, number + repeat * self.calls)
                    answers.append(completion.text)
                    usage = usage + completion.usage
                vote = _Vote(self._number(outcome, sample), outcome.rationale or "", usage)
            except Unreadable as error:
                unreadable = str(error)
            else:
                self._readable += 1
                return vote
        self._unreadable += 1
        if not self._readable and self._unreadable >= MOST_UNREADABLE:
            raise ScorerFailed(
                self.name,
                sample.example.example_id,
                f"the judge model {self.model} has given no readable answer yet; the last was {unreadable}",
            )
        raise ModelUnavailable(self.model, f"the judge {self.name} cannot read the answer: {unreadable}")

    async def _ask(self, question: Question, sample: Sample, number: int) -> Any:
        if sample.model is None:
            raise ScorerFailed(self.name, sample.example.example_id, "there is no model to ask here")
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
        return run_to_next_question(lambda: self._judge(**given), answers)

    def _number(self, feedback: Any, sample: Sample) -> float:
        """The feedback's value as a number.

        Raises:
            Unreadable: not of the type the judge has declared; another answer may be.
            ScorerFailed: the judge declares plain text, and it is neither yes nor no.
        """
        declared = self._judge.feedback_value_type
        value = feedback.value
        if isinstance(value, str) and declared in (bool, int, float):
            value = _loaded(value)
        try:
            return to_number(value, self.name, sample.example.example_id)
        except ScorerFailed as error:
            if declared is str:
                raise
            raise Unreadable(str(error)) from None


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


def _loaded(text: str) -> Any:
    """``"true"`` as True and ``"0.5"`` as 0.5: some models quote every value."""
    try:
        return json.loads(text.strip().lower())
    except ValueError:
        return text
