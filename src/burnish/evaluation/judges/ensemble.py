"""Several registered scorers as one (MLflow's ``make_scorer_ensemble``)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import fmean

from burnish.concurrency import gather_in_order
from burnish.domain.dataset import Example
from burnish.domain.score import read_score
from burnish.domain.usage import Usage
from burnish.evaluation.scorer import Feedback, Sample, Scorer
from burnish.evaluation.threads import in_thread


def _majority(values: Sequence[float]) -> float:
    """The value that most gave; of several the lowest."""
    counts = Counter(values)
    most = max(counts.values())
    return min(value for value, count in counts.items() if count == most)


COMBINATIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "majority_vote": _majority,
    "mean": fmean,
    "minimum": min,
    "maximum": max,
    "agg_all": min,
    "agg_any": max,
}
"""MLflow's built-in ensemble functions, on scores in [0, 1]; ``all`` and ``any`` are of yes and no."""


class Ensemble(Scorer):
    """One score of several scorers; no opinion where one of them has none, as MLflow has it.

    Args:
        parts: at least one; those that ask a model ask the same.
        combination: a key of ``COMBINATIONS``.
    """

    def __init__(self, name: str, parts: Sequence[Scorer], combination: str) -> None:
        super().__init__(name)
        self._parts = tuple(parts)
        self._combine = COMBINATIONS[combination]
        self.calls = sum(part.calls for part in parts)
        self.reads_trace = any(part.reads_trace for part in parts)
        self.model = next((part.model for part in parts if part.model), None)
        self.requires = frozenset().union(*(part.requires for part in parts))

    def refusal(self, example: Example) -> str | None:
        return next(filter(None, (part.refusal(example) for part in self._parts)), None)

    async def score(self, sample: Sample) -> Feedback:
        feedbacks = await gather_in_order(_feedback(part, sample) for part in self._parts)
        usage = sum((feedback.usage for feedback in feedbacks), Usage())
        values, rationales = [], []
        for part, feedback in zip(self._parts, feedbacks, strict=True):
            score = read_score(
                feedback.value,
                feedback.rationale,
                scorer=part.name,
                example=sample.example,
                range=part.range,
            )
            if score is None:
                return Feedback(None, f"{part.name} has no opinion; {feedback.rationale}", usage)
            values.append(score.value)
            rationales.append(f"{part.name} {score.value:g}: {score.rationale}")
        return Feedback(self._combine(values), "; ".join(rationales), usage)


async def _feedback(part: Scorer, sample: Sample) -> Feedback:
    if part.blocking:
        return await in_thread(partial(asyncio.run, part.score(sample)))
    return await part.score(sample)
