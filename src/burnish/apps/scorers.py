"""Scorers as a Python caller names them: by name, or as MLflow's objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from burnish.domain.score import ScorerSpec
from burnish.errors import InvalidInput, Problems
from burnish.evaluation.judges.catalog import JudgeSource, make_registered
from burnish.evaluation.scorer import Feedback, Sample, Scorer, WeightedScorer
from burnish.evaluation.scorers.registry import make_scorers

FindTrace = Callable[[str | None], Any]


class MlflowScorer(Scorer):
    """A scorer of MLflow's that is run as it is: a decorated function, a class of the user's, or a judge that
    looks at traces. What its own model calls cost is not seen."""

    outside = True
    blocking = True

    def __init__(self, scorer: Any, find_trace: FindTrace) -> None:
        super().__init__(str(scorer.name))
        self._scorer = scorer
        self._find_trace = find_trace

    async def score(self, sample: Sample) -> Feedback:
        answer = self._scorer.run(
            inputs=dict(sample.inputs),
            outputs=sample.value,
            expectations=dict(sample.example.expectations),
            trace=self._find_trace(sample.run.trace_id if sample.run else None),
        )
        failure = getattr(getattr(answer, "error", None), "error_message", None)
        rationale = getattr(answer, "rationale", None) or failure or ""
        return Feedback(getattr(answer, "value", answer), rationale, given=answer)


class GivenScorers:
    """The scorers of one call, by the texts that stand for them in the job.

    Args:
        given: names such as ``exact_match``, and scorers of MLflow's.
        as_they_are: run MLflow's judges as MLflow does, not through the job's gateway: an aggregation of the
            user's expects what they return there.
    """

    def __init__(
        self,
        given: Sequence[Any],
        find_trace: FindTrace,
        judge_model: str | None = None,
        as_they_are: bool = False,
    ) -> None:
        self._made: dict[str, WeightedScorer] = {}
        self.specs: list[str] = []
        self.warnings: list[str] = []
        source = JudgeSource(default_model=judge_model)
        problems = Problems()
        for number, entry in enumerate(given):
            if isinstance(entry, str):
                self.specs.append(entry)
                continue
            if not (hasattr(entry, "run") and isinstance(getattr(entry, "name", None), str)):
                kind = getattr(entry, "__name__", type(entry).__name__)
                remedy = "must be a scorer's name or a scorer of MLflow's; decorate a function with @scorer"
                problems.add(f"scorers[{number}]", kind, remedy)
                continue
            spec = ScorerSpec(entry.name).full_name
            if spec in self._made:
                problems.add(f"scorers[{number}]", entry.name, "two scorers have this name; rename one")
                continue
            self.specs.append(spec)
            self._made[spec] = self._make(entry, source, find_trace, as_they_are)
        problems.check()

    def make(
        self,
        specs: Sequence[str],
        *,
        experiment_id: str | None,
        judge_model: str | None,
        find_registered: Callable[[str, str], Mapping[str, Any] | None] | None,
    ) -> tuple[WeightedScorer, ...]:
        """A ``planning.plan.MakeScorers``.

        Raises:
            InvalidInput
        """
        named = [spec for spec in specs if spec not in self._made]
        found = iter(
            make_scorers(
                named, experiment_id=experiment_id, judge_model=judge_model, find_registered=find_registered
            )
        )
        return tuple(self._made[spec] if spec in self._made else next(found) for spec in specs)

    def _make(
        self, scorer: Any, source: JudgeSource, find_trace: FindTrace, as_they_are: bool
    ) -> WeightedScorer:
        kind = getattr(getattr(scorer, "kind", None), "value", "")
        if kind in ("builtin", "guidelines", "instructions", "ensemble") and not as_they_are:
            try:
                made, warning = make_registered(ScorerSpec(scorer.name), scorer.model_dump(), source)
            except InvalidInput:
                pass  # it looks at what only MLflow can give it
            else:
                if not made.reads_trace:  # MLflow has the function's own trace, with all that is in it
                    return WeightedScorer(made, warning=warning)
        if kind not in ("decorator", "class"):
            self.warnings.append(
                f"the scorer {scorer.name} asks its model itself: its calls are not in the job's usage, and "
                "the budget does not hold them"
            )
        return WeightedScorer(MlflowScorer(scorer, find_trace))
