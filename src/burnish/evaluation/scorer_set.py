"""All scorers of a job: their scores of one output, and what these add up to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Any, Protocol

from burnish.concurrency import gather_in_order
from burnish.domain.dataset import Example, record_name
from burnish.domain.score import NEUTRAL, Evaluation, Score, ScoreRange, read_score
from burnish.domain.usage import Usage
from burnish.errors import BurnishError, ScorerFailed
from burnish.evaluation.protocol import Means
from burnish.evaluation.scorer import Feedback, Sample, Scorer, WeightedScorer
from burnish.evaluation.threads import in_thread

PASSED = 0.5
"""A constraint is passed from here on: yes and no fall on either side, an averaged judge by majority."""

FEWEST_ANSWERS = 8
"""So many answers a scorer sees before its share without an opinion is held against it."""

DEFAULT_MAX_UNSCORED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Scored:
    """What the scorers say of one output.

    Attributes:
        scores: of every scorer that has an opinion, by name.
        aggregate: ``None`` where no scorer that has a weight has an opinion.
        usage: what the judges' calls cost.
    """

    scores: Mapping[str, Score]
    aggregate: float | None
    usage: Usage = field(default_factory=Usage)


class KeptScores(Protocol):
    """Where the words of scorers are kept that must not be asked again; the worker's journal has it."""

    def find(self, sample: Sample) -> Scored | None: ...

    async def keep(self, sample: Sample, scored: Scored) -> None:
        """Keep them durably."""
        ...


Aggregation = Callable[[Mapping[str, Any]], float]
"""Scorer name → what it returned, to the aggregate in [0, 1]: a user's own, in the place of the mean."""


class ScorerSet:
    """Scores outputs, and counts how often each scorer had no opinion.

    Args:
        aggregation: makes the aggregate; ``None``: the weighted mean.
        kept: used where a scorer or the aggregation is the user's own code.
        max_unscored_share: a scorer that has no opinion on more of the answers stops the job.
        threads: how many blocking scorers may run at the same time.
    """

    def __init__(
        self,
        scorers: Sequence[WeightedScorer],
        max_unscored_share: float = DEFAULT_MAX_UNSCORED_SHARE,
        threads: int = 4,
        aggregation: Aggregation | None = None,
        kept: KeptScores | None = None,
    ) -> None:
        self._scorers = tuple(scorers)
        self._aggregation = aggregation
        own_code = aggregation is not None or any(entry.scorer.outside for entry in scorers)
        self._kept = kept if own_code else None
        self._max_unscored_share = max_unscored_share
        self._threads = asyncio.Semaphore(threads)
        self._seen: Counter[str] = Counter()
        self._unscored: Counter[str] = Counter()

    @property
    def ranges(self) -> Mapping[str, ScoreRange]:
        """Scorer name → range of its own numbers, where that is declared."""
        return {entry.scorer.name: entry.scorer.range for entry in self._scorers if entry.scorer.range}

    @property
    def unscored(self) -> Mapping[str, int]:
        """Scorer name → answers it had no opinion on, where there were any."""
        return dict(self._unscored)

    @property
    def warnings(self) -> list[str]:
        """One for each scorer that had no opinion now and then."""
        return [
            f"the scorer {name} had no opinion on {count} of {self._seen[name]} answers, which are left out "
            "of its mean"
            for name, count in self._unscored.items()
        ]

    async def score(self, sample: Sample) -> Scored:
        """What the scorers say of one output.

        Raises:
            ScorerFailed: a scorer raised, returned what is no score, or has no opinion too often.
            BurnishError: what a judge's model call raises.
        """
        if self._kept is not None and (known := self._kept.find(sample)) is not None:
            for entry in self._scorers:
                self._count(entry.scorer.name, sample.example, known.scores.get(entry.scorer.name), "")
            return known
        scored = await self._score(sample)
        if self._kept is not None:
            await self._kept.keep(sample, scored)
        return scored

    async def _score(self, sample: Sample) -> Scored:
        feedbacks = await gather_in_order(
            _feedback(entry.scorer, sample, self._threads) for entry in self._scorers
        )
        scores, usage = dict[str, Score](), Usage()
        for scorer, feedback in zip((entry.scorer for entry in self._scorers), feedbacks, strict=True):
            usage = usage + feedback.usage
            score = self._read(scorer, feedback, sample)
            self._count(scorer.name, sample.example, score, feedback.rationale)
            if score is not None:
                scores[scorer.name] = score
        if self._aggregation is None:
            return Scored(scores, self.aggregate(scores), usage)
        given = {
            entry.scorer.name: feedback.value if feedback.given is None else feedback.given
            for entry, feedback in zip(self._scorers, feedbacks, strict=True)
        }
        return Scored(scores, await self._aggregated(given, sample), usage)

    async def _aggregated(self, given: Mapping[str, Any], sample: Sample) -> float | None:
        aggregation = self._aggregation
        assert aggregation is not None
        try:
            async with self._threads:
                value = await in_thread(lambda: aggregation(given))
        except Exception as error:  # anybody's code
            raise ScorerFailed(
                "aggregation", record_name(sample.example), f"raised {type(error).__name__}: {error}"
            ) from error
        score = read_score(value, "", scorer="aggregation", example=sample.example)
        return None if score is None else score.value

    def failed(self, error: str) -> dict[str, Score]:
        """The scores of an example whose call failed: the worst of each scorer."""
        ranges = self.ranges
        names = [entry.scorer.name for entry in self._scorers]
        return {name: Score(0.0, error, ranges[name].worst if name in ranges else None) for name in names}

    def aggregate(self, scores: Mapping[str, Score]) -> float | None:
        """Weighted mean; 0 when a constraint is not passed, 1 when there are constraints only and all are.

        Returns:
            ``None`` where no scorer that has a weight has an opinion.
        """
        given = [entry for entry in self._scorers if entry.scorer.name in scores]
        if any(entry.must_pass and scores[entry.scorer.name].value < PASSED for entry in given):
            return 0.0
        if all(entry.must_pass for entry in self._scorers):
            return 1.0
        rated = [entry for entry in given if not entry.must_pass]
        if not rated:
            return None
        total = fsum(entry.weight for entry in rated)
        return fsum(entry.weight * scores[entry.scorer.name].value for entry in rated) / total

    def means(self, evaluations: Sequence[Evaluation]) -> Means:
        """Means of the aggregate and of each scorer, over those that have an opinion.

        Scorers without any are left out; there are no scores when there are no evaluations.
        """
        if not evaluations:
            return Means(evaluations=())
        aggregates = [entry.aggregate for entry in evaluations if not entry.unscored]
        scores = {"aggregate": _mean(aggregates) if aggregates else NEUTRAL}
        for name in (entry.scorer.name for entry in self._scorers):
            if found := [entry.scores[name].value for entry in evaluations if name in entry.scores]:
                scores[name] = _mean(found)
        return Means(evaluations=tuple(evaluations), scores=scores)

    def _read(self, scorer: Scorer, feedback: Feedback, sample: Sample) -> Score | None:
        try:
            return read_score(
                feedback.value,
                feedback.rationale,
                scorer=scorer.name,
                example=sample.example,
                range=scorer.range,
            )
        except ScorerFailed:
            if self._aggregation is None:
                raise
            return None  # the aggregation makes of it what it likes

    def _count(self, name: str, example: Example, score: Score | None, rationale: str) -> None:
        self._seen[name] += 1
        if score is not None:
            return
        self._unscored[name] += 1
        unscored, seen = self._unscored[name], self._seen[name]
        if (
            self._aggregation is None
            and seen >= FEWEST_ANSWERS
            and unscored > self._max_unscored_share * seen
        ):
            said = f"; it said: {rationale}" if rationale else ""
            raise ScorerFailed(
                name,
                record_name(example),
                f"has no opinion on {unscored} of {seen} answers, which is more than a share of "
                f"{self._max_unscored_share:g}{said}; correct the scorer, or raise max_unscored_share",
            )


async def _feedback(scorer: Scorer, sample: Sample, threads: asyncio.Semaphore) -> Feedback:
    try:
        if not scorer.blocking:
            return await scorer.score(sample)
        async with threads:
            return await in_thread(lambda: asyncio.run(scorer.score(sample)))
    except BurnishError:
        raise
    except Exception as error:  # a scorer may be anybody's code
        raise ScorerFailed(
            scorer.name, record_name(sample.example), f"raised {type(error).__name__}: {error}"
        ) from error


def _mean(numbers: Sequence[float]) -> float:
    return fsum(numbers) / len(numbers)
