"""The contract of every optimizer. Subclass it to test one of your own; it needs pytest-asyncio."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.edit import EditReport
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message, Template, variables_of
from burnish.errors import BudgetExhausted, InvalidInput
from burnish.evaluation.protocol import Means
from burnish.optimizers.planted import CallLog, Crash, PlantedWorld, reviews
from burnish.optimizers.protocol import Optimizer, Outcome, Reflect, Task


@dataclass(slots=True)
class Notebook:
    """An ``Observe`` that writes everything down in order."""

    candidates: list[tuple[str, CandidateStatus, float | None, str]] = field(default_factory=list)
    texts: dict[str, Candidate] = field(default_factory=dict)
    means: dict[str, Means] = field(default_factory=dict)
    phases: list[tuple[str, int, str]] = field(default_factory=list)
    advances: list[int] = field(default_factory=list)
    edits: list[EditReport] = field(default_factory=list)
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

    def edit(self, report: EditReport) -> None:
        self.edits.append(report)

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
        if world.taught is not None:
            task = replace(task, teacher=world.teach)
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
