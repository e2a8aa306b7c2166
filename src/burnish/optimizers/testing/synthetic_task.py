"""A task whose best prompt is known, to run an optimizer on.

It is honest: its model answers from the words of the rendered prompt, its scores come from comparing
the answer, its calls pass one journal and one limit. Only the model is simple.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.hashing import uniform_draw
from burnish.domain.prompt import Message, is_jinja, render, text_of
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.errors import BudgetExhausted
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion, Parameters


class Crash(BaseException):
    """The process dies. No optimizer may catch it."""


_Answer = Callable[[Candidate, Example], str]


@dataclass(slots=True)
class CallLog:
    """What outlives a crash: finished calls with their answers, and which calls were begun how often."""

    finished: dict[str, str] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class SyntheticTask:
    """A task with a known best prompt: each planted phrase in the prompt makes a share of examples right.

    Attributes:
        phrases: phrase (found in any case in the rendered prompt) → share of all examples.
        write: how the scripted reflection model answers a request; ``None``: there is none.
        teacher_share: share of the examples that the teacher answers right; ``None``: there is none.
        latency_seed: order in which calls finish; another seed, another order. No time passes.
        max_calls: finished and running calls together, over all attempts; more is ``BudgetExhausted``.
        crash_at: the call of this attempt (from 1) at which the process dies.
        cancel_at: the call of this attempt at which :attr:`running` is cancelled.
    """

    phrases: Mapping[str, float]
    write: Callable[[Sequence[Message], int], str] | None = None
    teacher_share: float | None = None
    latency_seed: int = 0
    max_calls: int | None = None
    crash_at: int | None = None
    cancel_at: int = 0
    log: CallLog = field(default_factory=CallLog)
    target_calls: int = 0
    reflection_calls: int = 0
    in_flight: int = 0
    running: asyncio.Task[Any] | None = None
    _latency: random.Random = field(init=False)
    _running_calls: dict[str, asyncio.Future[str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._latency = random.Random(self.latency_seed)

    @property
    def paid_calls(self) -> int:
        """Calls of this attempt that did not come from the log."""
        return self.target_calls + self.reflection_calls

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        """Implements ``Evaluate``."""
        return await self._evaluations(candidate, examples, "", self._answer)

    async def teacher(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        """Implements ``Evaluate`` for the teacher."""

        def answer(candidate: Candidate, example: Example) -> str:
            knows = difficulty(example) < (self.teacher_share or 0.0)
            return str(example.expected) if knows else "I do not know."

        return await self._evaluations(candidate, examples, "teacher ", answer)

    async def _evaluations(
        self, candidate: Candidate, examples: Sequence[Example], who: str, answer: _Answer
    ) -> Means:
        results = await asyncio.gather(
            *(self._evaluation(candidate, example, who, answer) for example in examples),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        evaluations = tuple(result for result in results if isinstance(result, Evaluation))
        return means_of(evaluations)

    async def reflect(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        """Implements ``Reflect``."""
        assert self.write is not None
        write = self.write
        asked = json.dumps([[m.role, m.content] for m in messages] + [sample])
        key = "reflection " + hashlib.sha256(asked.encode()).hexdigest()
        text = await self._call(key, lambda: write(messages, sample))
        return Completion(text=text, usage=Usage(calls=1))

    def quality(self, text: str) -> float:
        """Share of all examples that a prompt with these words gets right."""
        return sum(share for phrase, share in self.phrases.items() if phrase.lower() in text.lower())

    def truth(self, candidate: Candidate, examples: Sequence[Example]) -> float:
        """The true mean of a candidate, without a call."""
        right = [self._answer(candidate, example) == str(example.expected) for example in examples]
        return sum(right) / len(right)

    async def _evaluation(
        self, candidate: Candidate, example: Example, who: str, answer: _Answer
    ) -> Evaluation:
        key = f"{who}{candidate.candidate_id} {example.example_id}"
        output = await self._call(key, lambda: answer(candidate, example))
        value = 1.0 if output == example.expected else 0.0
        rationale = "as expected" if value else f"expected {example.expected!r}"
        scores = {"exact_match": Score(value, rationale)}
        usage = Usage(calls=1, prompt_tokens=20, completion_tokens=4)
        return Evaluation(candidate.candidate_id, example.example_id, output, scores, value, usage=usage)

    def _answer(self, candidate: Candidate, example: Example) -> str:
        template = next(iter(candidate.texts.values()))
        # Jinja's is not rendered here: its words are in it as they are
        said = (
            text_of(template)
            if is_jinja(template)
            else " ".join(message.content for message in render(template, example.inputs))
        )
        words = " ".join(text_of(other) for other in list(candidate.texts.values())[1:])
        if difficulty(example) < self.quality(f"{said} {words}"):
            return str(example.expected)
        return f"I would rather talk about {example.example_id}."

    async def _call(self, key: str, answer: Callable[[], str]) -> str:
        await self._yield_some_times()
        if key in self.log.finished:
            return self.log.finished[key]
        if key in self._running_calls:
            return await asyncio.shield(self._running_calls[key])
        if self.max_calls is not None and len(self.log.finished) + self.in_flight >= self.max_calls:
            raise BudgetExhausted("max_calls", self.max_calls, len(self.log.finished) + self.in_flight)
        if self.crash_at is not None and self.paid_calls + 1 >= self.crash_at:
            raise Crash
        if self.running is not None and self.paid_calls + 1 >= self.cancel_at:
            self.running.cancel()
        return await self._paid_call(key, answer)

    async def _paid_call(self, key: str, answer: Callable[[], str]) -> str:
        if key.startswith(("reflection ", "teacher ")):
            self.reflection_calls += 1
        else:
            self.target_calls += 1
        self.log.begun.append(key)
        pending: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._running_calls[key] = pending
        self.in_flight += 1
        try:
            await self._yield_some_times()
            self.log.finished[key] = answer()
            pending.set_result(self.log.finished[key])
        finally:
            self.in_flight -= 1
            del self._running_calls[key]
            pending.cancel()
        return self.log.finished[key]

    async def _yield_some_times(self) -> None:
        for _ in range(self._latency.randrange(4)):
            await asyncio.sleep(0)


def difficulty(example: Example) -> float:
    """In [0, 1), fixed for each example."""
    return uniform_draw(example.example_id)


def means_of(evaluations: Sequence[Evaluation]) -> Means:
    """The means of aggregates, under the names the evaluator gives them."""
    mean = sum(e.aggregate for e in evaluations) / len(evaluations) if evaluations else 0.0
    return Means(evaluations=tuple(evaluations), scores={"exact_match": mean, "aggregate": mean})


def reviews(count: int = 40) -> tuple[Example, ...]:
    """Labelled examples: one text variable, two labels."""
    records = [
        (
            {"review": f"A review of the film number {number}, which went on for {number % 7 + 1} hours."},
            {"expected_response": "positive" if number % 2 else "negative"},
        )
        for number in range(count)
    ]
    return Dataset.of(records).examples
