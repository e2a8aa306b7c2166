"""The contract of every optimizer, and the world to run it in. Needs pytest-asyncio.

The world is honest: its model answers from the words of the rendered prompt, its scores come from
comparing the answer, its calls pass one journal and one limit. Only the model is simple.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Dataset, Example
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message, Template, render, text_of, variables_of
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.errors import BudgetExhausted, InvalidInput
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Parameters
from burnish.optimizers.protocol import Optimizer, Outcome, Reflect, Task


class Crash(BaseException):
    """The process dies. No optimizer may catch it."""


@dataclass(slots=True)
class CallLog:
    """What outlives a crash: finished calls with their answers, and which calls were begun how often."""

    finished: dict[str, str] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class PlantedWorld:
    """A task with a known best prompt: each planted phrase in the prompt makes a share of examples right.

    Attributes:
        phrases: phrase (found in any case in the rendered prompt) → share of all examples.
        write: how the scripted reflection model answers a request; ``None``: there is none.
        latency_seed: order in which calls finish; another seed, another order. No time passes.
        max_calls: finished and running calls together, over all attempts; more is ``BudgetExhausted``.
        crash_at: the call of this attempt (from 1) at which the process dies.
        cancel_at: the call of this attempt at which :attr:`running` is cancelled.
    """

    phrases: Mapping[str, float]
    write: Callable[[Sequence[Message], int], str] | None = None
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
    _flights: dict[str, asyncio.Future[str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._latency = random.Random(self.latency_seed)

    @property
    def paid_calls(self) -> int:
        """Calls of this attempt that did not come from the log."""
        return self.target_calls + self.reflection_calls

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        """Implements ``Evaluate``."""
        results = await asyncio.gather(
            *(self._evaluation(candidate, example) for example in examples), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        evaluations = tuple(result for result in results if isinstance(result, Evaluation))
        return means_of(evaluations)

    async def reflect(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> str:
        """Implements ``Reflect``."""
        assert self.write is not None
        write = self.write
        asked = json.dumps([[m.role, m.content] for m in messages] + [sample])
        key = "reflection " + hashlib.sha256(asked.encode()).hexdigest()
        return await self._call(key, lambda: write(messages, sample))

    def quality(self, text: str) -> float:
        """Share of all examples that a prompt with these words gets right."""
        return sum(share for phrase, share in self.phrases.items() if phrase.lower() in text.lower())

    def truth(self, candidate: Candidate, examples: Sequence[Example]) -> float:
        """The true mean of a candidate, without a call."""
        right = [self._answer(candidate, example) == str(example.expected) for example in examples]
        return sum(right) / len(right)

    async def _evaluation(self, candidate: Candidate, example: Example) -> Evaluation:
        key = f"{candidate.candidate_id} {example.example_id}"
        output = await self._call(key, lambda: self._answer(candidate, example))
        value = 1.0 if output == example.expected else 0.0
        rationale = "as expected" if value else f"expected {example.expected!r}"
        scores = {"exact_match": Score(value, rationale)}
        usage = Usage(calls=1, prompt_tokens=20, completion_tokens=4)
        return Evaluation(candidate.candidate_id, example.example_id, output, scores, value, usage=usage)

    def _answer(self, candidate: Candidate, example: Example) -> str:
        template = next(iter(candidate.texts.values()))
        said = " ".join(message.content for message in render(template, example.inputs))
        words = " ".join(text_of(other) for other in list(candidate.texts.values())[1:])
        if difficulty(example) < self.quality(f"{said} {words}"):
            return str(example.expected)
        return f"I would rather talk about {example.example_id}."

    async def _call(self, key: str, answer: Callable[[], str]) -> str:
        await self._yield_some_times()
        if key in self.log.finished:
            return self.log.finished[key]
        if key in self._flights:
            return await asyncio.shield(self._flights[key])
        if self.max_calls is not None and len(self.log.finished) + self.in_flight >= self.max_calls:
            raise BudgetExhausted("max_calls", self.max_calls, len(self.log.finished) + self.in_flight)
        if self.crash_at is not None and self.paid_calls + 1 >= self.crash_at:
            raise Crash
        if self.running is not None and self.paid_calls + 1 >= self.cancel_at:
            self.running.cancel()
        return await self._paid_call(key, answer)

    async def _paid_call(self, key: str, answer: Callable[[], str]) -> str:
        if key.startswith("reflection "):
            self.reflection_calls += 1
        else:
            self.target_calls += 1
        self.log.begun.append(key)
        flight: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        self.in_flight += 1
        try:
            await self._yield_some_times()
            self.log.finished[key] = answer()
            flight.set_result(self.log.finished[key])
        finally:
            self.in_flight -= 1
            del self._flights[key]
            flight.cancel()
        return self.log.finished[key]

    async def _yield_some_times(self) -> None:
        for _ in range(self._latency.randrange(4)):
            await asyncio.sleep(0)


def difficulty(example: Example) -> float:
    """In [0, 1), fixed for each example."""
    return int(hashlib.sha256(example.example_id.encode()).hexdigest()[:8], 16) / 2**32


def means_of(evaluations: Sequence[Evaluation]) -> Means:
    """The means of aggregates, under the names the evaluator gives them."""
    mean = sum(e.aggregate for e in evaluations) / len(evaluations) if evaluations else 0.0
    return Means(evaluations=tuple(evaluations), scores={"exact_match": mean, "aggregate": mean})


@dataclass(slots=True)
class Notebook:
    """An ``Observe`` that writes everything down in order."""

    candidates: list[tuple[str, CandidateStatus, float | None, str]] = field(default_factory=list)
    texts: dict[str, Candidate] = field(default_factory=dict)
    means: dict[str, Means] = field(default_factory=dict)
    phases: list[tuple[str, int, str]] = field(default_factory=list)
    advances: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def candidate(
        self,
        candidate: Candidate,
        status: CandidateStatus,
        *,
        means: Means | None = None,
        reason: str = "",
        objectives: Mapping[str, float] | None = None,
    ) -> None:
        score = None if means is None else means.aggregate
        self.candidates.append((candidate.candidate_id, status, score, reason))
        self.texts[candidate.candidate_id] = candidate
        if status is CandidateStatus.ACCEPTED and means is not None:
            self.means[candidate.candidate_id] = means

    def phase(self, phase: str, total: int, unit: str = "evaluations") -> None:
        self.phases.append((phase, total, unit))

    def advance(self, completed: int) -> None:
        self.advances.append(completed)

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def with_status(self, status: CandidateStatus) -> list[Candidate]:
        """Candidates told with this status, in order."""
        return [self.texts[entry[0]] for entry in self.candidates if entry[1] is status]


@dataclass(slots=True, kw_only=True)
class Run:
    """One finished attempt."""

    outcome: Outcome
    notebook: Notebook
    world: PlantedWorld


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


class OptimizerContract(ABC):
    """What the worker relies on. Override :meth:`make`, and :attr:`phrases`/:meth:`write` to fit."""

    source: Template = "What is the sentiment of this review?\n\n{{review}}"
    phrases: Mapping[str, float] = {"one word": 0.4, "positive": 0.3, "Review:": 0.2}
    seeds = (0, 1)

    @abstractmethod
    def make(self, **settings: Any) -> Optimizer:
        """The optimizer with these settings over small defaults (a run of at most some 400 calls)."""

    def write(self, messages: Sequence[Message], sample: int) -> str:
        """The reflection model's answer. Only called where :attr:`reflects`."""
        raise NotImplementedError

    reflects = False

    # --- the world

    def task(self, seed: int = 0, source: Template | None = None, **changes: Any) -> Task:
        examples = reviews()
        candidate = Candidate({"reviews": self.source if source is None else source}, origin="source")
        task = Task(source=candidate, train=examples[:20], validation=examples[20:], seed=seed)
        return replace(task, **changes)

    def world(self, **changes: Any) -> PlantedWorld:
        write = self.write if self.reflects else None
        return PlantedWorld(**{"phrases": self.phrases, "write": write, **changes})

    async def run(
        self, task: Task, world: PlantedWorld, notebook: Notebook | None = None, **settings: Any
    ) -> Run:
        """One attempt. The source is measured first, as the worker does."""
        notebook = notebook or Notebook()
        await world.evaluate(task.source, task.validation)
        reflect: Reflect | None = world.reflect if world.write else None
        outcome = await self.make(**settings).optimize(task, world.evaluate, reflect, notebook)
        return Run(outcome=outcome, notebook=notebook, world=world)

    # --- the promises

    async def test_finds_a_better_prompt(self) -> None:
        task = self.task()
        run = await self.run(task, self.world())
        before = run.world.truth(task.source, task.validation)
        assert run.world.truth(run.outcome.best, task.validation) > before
        assert run.outcome.means.aggregate == run.world.truth(run.outcome.best, task.validation)
        assert run.outcome.best in run.notebook.with_status(CandidateStatus.ACCEPTED)

    async def test_same_seed_and_answers_give_the_same_candidates_whatever_the_latency(self) -> None:
        for seed in self.seeds:
            first = await self.run(self.task(seed), self.world(latency_seed=1))
            for latency_seed in (2, 3):
                again = await self.run(self.task(seed), self.world(latency_seed=latency_seed))
                assert again.notebook.candidates == first.notebook.candidates
                assert again.notebook.advances == first.notebook.advances
                assert again.outcome == first.outcome
                assert sorted(again.world.log.finished) == sorted(first.world.log.finished)

    async def test_a_crash_at_every_tenth_call_repeats_no_finished_call(self) -> None:
        task = self.task()
        whole = await self.run(task, self.world())
        log = CallLog()
        for attempt in range(1, 500):
            world = self.world(crash_at=10, log=log, latency_seed=attempt)
            finished_before = dict(log.finished)
            begun_before = len(log.begun)
            try:
                resumed = await self.run(task, world)
            except Crash:
                await settled()
                assert not finished_before.keys() & set(log.begun[begun_before:])
                assert world.in_flight == 0
                continue
            assert not finished_before.keys() & set(log.begun[begun_before:])
            break
        assert resumed.outcome == whole.outcome
        assert resumed.notebook.candidates == whole.notebook.candidates
        assert log.finished == whole.world.log.finished
        assert attempt > 2, "too few calls to crash at; give make() a longer run"

    async def test_can_be_cancelled(self) -> None:
        whole = await self.run(self.task(), self.world())
        for share in (0.1, 0.5, 0.9):
            world = self.world()
            world.cancel_at = int(share * whole.world.paid_calls)
            world.running = asyncio.create_task(self.run(self.task(), world))
            outcome = await asyncio.gather(world.running, return_exceptions=True)
            assert isinstance(outcome[0], asyncio.CancelledError)
            await settled()
            calls = world.paid_calls
            await settled()
            assert world.in_flight == 0
            assert world.paid_calls == calls, "calls went on after the cancel"

    async def test_a_budget_that_ends_early_is_let_through_and_leaves_the_best_intact(self) -> None:
        task = self.task()
        whole = await self.run(task, self.world())
        total = whole.world.paid_calls
        for limit in range(len(task.validation) + 1, total, max(1, total // 12)):
            world, notebook = self.world(max_calls=limit), Notebook()
            with suppress(BudgetExhausted):
                await self.run(task, world, notebook)
            assert world.paid_calls <= limit
            for candidate_id, means in notebook.means.items():
                assert means.aggregate == world.truth(notebook.texts[candidate_id], task.validation)
                assert len(means.evaluations) == len(task.validation)

    async def test_keeps_to_the_limit_it_was_told(self) -> None:
        task = self.task()
        optimizer = self.make()
        most = optimizer.estimate(len(task.train), len(task.validation), None)
        least = most.target_low + most.reflection_low
        for limit in {least, (least + most.target_high) // 2}:
            told = replace(task, max_calls=limit)
            run = await self.run(told, self.world(max_calls=limit))
            assert run.world.paid_calls <= limit

    async def test_the_estimate_holds_what_is_really_used(self) -> None:
        for limit in (None, 150):
            for seed in self.seeds:
                task = replace(self.task(seed), max_calls=limit)
                run = await self.run(task, self.world())
                estimate = self.make().estimate(len(task.train), len(task.validation), limit)
                assert estimate.target_low <= estimate.target_high
                assert estimate.reflection_low <= estimate.reflection_high
                assert run.world.target_calls <= estimate.target_high
                assert run.world.reflection_calls <= estimate.reflection_high

    async def test_every_measured_candidate_keeps_the_variables(self) -> None:
        for source in (self.source, self.chat()):
            run = await self.run(self.task(source=source), self.world())
            proposed = run.notebook.with_status(CandidateStatus.PROPOSED)
            assert proposed
            for candidate in proposed:
                assert variables_of(candidate.texts["reviews"]) == {"review"}
                assert isinstance(candidate.texts["reviews"], str) == isinstance(source, str)

    async def test_a_chat_stays_a_chat(self) -> None:
        run = await self.run(self.task(source=self.chat()), self.world())
        for candidate in run.notebook.with_status(CandidateStatus.PROPOSED):
            template = candidate.texts["reviews"]
            assert not isinstance(template, str)
            roles = [message.role for message in template]
            assert roles[0] == "system"
            assert roles[-1] == "user"
            assert set(roles[1:-1]) <= {"user", "assistant"}

    async def test_no_candidate_is_measured_twice(self) -> None:
        run = await self.run(self.task(), self.world())
        proposed = [entry[0] for entry in run.notebook.candidates if entry[1] is CandidateStatus.PROPOSED]
        assert len(proposed) == len(set(proposed))
        assert self.task().source.candidate_id not in proposed
        assert len(run.world.log.begun) == len(set(run.world.log.begun))

    async def test_nothing_better_keeps_the_source(self) -> None:
        task = self.task()
        run = await self.run(task, self.world(phrases={}))
        assert run.outcome.best == task.source
        assert not run.notebook.with_status(CandidateStatus.ACCEPTED)

    async def test_a_perfect_source_ends_at_once(self) -> None:
        task = self.task()
        run = await self.run(task, self.world(phrases={"review": 1.0}))
        assert run.outcome.best == task.source
        assert run.outcome.stop_reason is StopReason.NO_HEADROOM
        assert run.world.paid_calls == len(task.validation)

    async def test_stops_at_the_target_score(self) -> None:
        whole = await self.run(self.task(), self.world())
        target = whole.outcome.means.aggregate / 2
        run = await self.run(self.task(), self.world(), target_score=target)
        assert run.outcome.stop_reason is StopReason.TARGET_REACHED
        assert run.outcome.means.aggregate >= target

    async def test_never_sees_a_setting_it_does_not_know(self) -> None:
        try:
            self.make(target_scor=0.5)
        except InvalidInput as error:
            assert error.problems[0].field == "optimizer_config.target_scor"
            assert "target_score" in error.problems[0].remedy
        else:
            raise AssertionError("a typo in a setting was accepted")

    def chat(self) -> Template:
        return (
            Message("system", "You are a critic."),
            Message("user", "What is the sentiment of this review?\n\n{{review}}"),
        )


async def settled() -> None:
    """Let everything that is scheduled run, until nothing but the caller is left to do at once."""
    for _ in range(50):
        await asyncio.sleep(0)
