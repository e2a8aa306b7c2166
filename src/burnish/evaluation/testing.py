"""The contract of every scorer. Subclass it to test a scorer of your own; it runs under pytest-asyncio."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from burnish.domain.dataset import Dataset, Example
from burnish.domain.score import read_score
from burnish.evaluation.scorer import Feedback, Sample, Scorer
from burnish.llm.protocol import LanguageModel

STRANGE = (
    "",
    " ",
    "\x00",
    "\ud800 a lone surrogate",
    "e\u0301 \U0001f600 \u202eright to left\u202c \u200b",
    "```json\n{}\n```",
    "[" * 100_000,
    '"' * 1_000_001,
    "a," * 500_000,
    "1," * 500_000 + "1",
    "x" * 2_000_000,
)
"""Answers that models give now and then, and no scorer may choke on."""


class ScorerContract(ABC):
    """What the evaluator relies on.

    Attributes:
        cases: (answer, expectations, score) triples, at least one of full score and one below.
        seconds: how long the strangest answer may take.
    """

    cases: ClassVar[Sequence[tuple[str, Any, float]]]
    seconds: ClassVar[float] = 5.0

    @abstractmethod
    def make(self) -> Scorer:
        """A new scorer, not prepared."""

    @property
    def model(self) -> LanguageModel | None:
        """For judges: a model with the right answers."""
        return None

    @property
    def examples(self) -> tuple[Example, ...]:
        """The cases' examples."""
        records = [({"n": i}, expectations) for i, (_, expectations, _) in enumerate(self.cases)]
        return Dataset.of(records).examples

    def sample(self, example: Example, answer: str) -> Sample:
        """One answer as the evaluator would hand it over."""
        return Sample(example=example, output=answer, model=self.model)

    def prepared(self) -> Scorer:
        """A new scorer that has seen the cases' examples."""
        scorer = self.make()
        scorer.prepare(self.examples)
        return scorer

    async def feedback(self, scorer: Scorer, example: Example, answer: str) -> Feedback:
        """A scorer's raw word on one answer."""
        return await scorer.score(self.sample(example, answer))

    async def value(self, scorer: Scorer, example: Example, answer: str) -> float:
        """A scorer's score of one answer, as a number."""
        feedback = await self.feedback(scorer, example, answer)
        score = read_score(feedback.value, "", scorer=scorer.name, example=example, range=scorer.range)
        assert score is not None, "no opinion"
        return score.value

    async def test_scores_the_cases(self) -> None:
        scorer = self.prepared()
        wanted = [score for _, _, score in self.cases]
        assert max(wanted) == 1.0 > min(wanted), "give cases of full score, and one below"
        found = [
            await self.value(scorer, example, answer)
            for example, (answer, _, _) in zip(self.examples, self.cases, strict=True)
        ]
        assert found == wanted

    async def test_the_same_answer_has_the_same_score(self) -> None:
        scorer, other, example = self.prepared(), self.prepared(), self.examples[0]
        answer = self.cases[0][0]
        first = await self.feedback(scorer, example, answer)
        assert await self.feedback(scorer, example, answer) == first
        assert await self.feedback(other, example, answer) == first

    async def test_no_answer_is_too_strange(self) -> None:
        scorer, example = self.prepared(), self.examples[0]
        async with asyncio.timeout(self.seconds * len(STRANGE)):
            for answer in STRANGE:
                assert 0.0 <= await self.value(scorer, example, answer) <= 1.0
                assert len((await self.feedback(scorer, example, answer)).rationale) < 1000

    async def test_preparing_again_forgets_what_was_seen_before(self) -> None:
        scorer, again = self.prepared(), self.make()
        again.prepare(self.examples[:1])
        again.prepare(self.examples)
        for example, (answer, _, _) in zip(self.examples, self.cases, strict=True):
            assert await self.value(again, example, answer) == await self.value(scorer, example, answer)

    def test_names_itself_and_what_it_requires(self) -> None:
        scorer = self.make()
        assert scorer.name
        assert isinstance(scorer.blocking, bool)
        for _, expectations, _ in self.cases:
            assert scorer.requires <= expectations.keys(), "a case lacks what the scorer says it requires"
