"""The contract of every optimizer. Subclass it to test one of your own; it needs pytest-asyncio."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.edit import EditReport
from burnish.domain.jinja import code_problems
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message, Template, variables_of
from burnish.errors import BudgetExhausted, InvalidInput
from burnish.evaluation.protocol import Means
from burnish.optimizers.protocol import Optimizer, Outcome, Reflect, Task
from burnish.optimizers.testing.synthetic_task import CallLog, Crash, SyntheticTask, reviews


@dataclass(slots=True)
class RecordingObserver:
    """An ``Observe`` that writes everything down in order."""

    candidates: list[tuple[str, CandidateStatus, float | None, str]] = field(default_factory=list)
    texts: dict[str, Candidate] = field(default_factory=dict)
    means: dict[str, Means] = field(default_factory=dict)
    phases: list[tuple[str, int, str]] = field(default_factory=list)
    proposals: list[tuple[int, str, str, str]] = field(default_factory=list)
    edits: list[EditReport] = field(default_factory=list)
    forecasts: list[float] = field(default_factory=list)
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

    def proposal(
        self, number: int, parent: Candidate, outcome: str = "", candidate: Candidate | None = None
    ) -> None:
        left = candidate.candidate_id if candidate else ""
        self.proposals.append((number, parent.candidate_id, outcome, left))

    def edit(self, report: EditReport) -> None:
        self.edits.append(report)

    def forecast(self, calls: int, expected_gain: float, minimum_gain: float) -> None:
        self.forecasts.append(expected_gain)

    def phase(self, phase: str, total: int, unit: str = "evaluations") -> None:
        self.phases.append((phase, total, unit))

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def with_status(self, status: CandidateStatus) -> list[Candidate]:
        """Candidates observed with this status, in order."""
        return [self.texts[entry[0]] for entry in self.candidates if entry[1] is status]


def _words(template: Template) -> str:
    """Of a text prompt, without its variables."""
    assert isinstance(template, str)
    return re.sub(r"\s*(\w+:)?\s*\{\{.*?\}\}", "", template).strip()


@dataclass(slots=True, kw_only=True)
class Run:
    """One finished attempt."""

    outcome: Outcome
    observer: RecordingObserver
    synthetic: SyntheticTask


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

    # --- the task

    def task(self, seed: int = 0, source: Template | None = None, **changes: Any) -> Task:
        examples = reviews()
        candidate = Candidate({"reviews": self.source if source is None else source}, origin="source")
        task = Task(source=candidate, train=examples[:20], validation=examples[20:], seed=seed)
        return replace(task, **changes)

    def synthetic(self, **changes: Any) -> SyntheticTask:
        write = self.write if self.reflects else None
        return SyntheticTask(**{"phrases": self.phrases, "write": write, **changes})

    async def run(
        self, task: Task, synthetic: SyntheticTask, observer: RecordingObserver | None = None, **settings: Any
    ) -> Run:
        """One attempt. The source is measured first, as the worker does."""
        observer = observer or RecordingObserver()
        if synthetic.teacher_share is not None:
            task = replace(task, teacher=synthetic.teacher)
        await synthetic.evaluate(task.source, task.validation)
        reflect: Reflect | None = synthetic.reflect if synthetic.write else None
        outcome = await self.make(**settings).optimize(task, synthetic.evaluate, reflect, observer)
        return Run(outcome=outcome, observer=observer, synthetic=synthetic)

    # --- the promises

    async def test_finds_a_better_prompt(self) -> None:
        task = self.task()
        run = await self.run(task, self.synthetic())
        before = run.synthetic.truth(task.source, task.validation)
        assert run.synthetic.truth(run.outcome.best, task.validation) > before, (
            "no candidate held one of the task's phrases: plant in phrases what this optimizer can write"
        )
        assert run.outcome.means.aggregate == run.synthetic.truth(run.outcome.best, task.validation)
        assert run.outcome.best in run.observer.with_status(CandidateStatus.ACCEPTED)

    async def test_same_seed_and_answers_give_the_same_candidates_whatever_the_latency(self) -> None:
        for seed in self.seeds:
            first = await self.run(self.task(seed), self.synthetic(latency_seed=1))
            for latency_seed in (2, 3):
                again = await self.run(self.task(seed), self.synthetic(latency_seed=latency_seed))
                assert again.observer.candidates == first.observer.candidates
                assert again.observer.proposals == first.observer.proposals
                assert again.outcome == first.outcome
                assert sorted(again.synthetic.log.finished) == sorted(first.synthetic.log.finished)

    async def test_crashes_again_and_again_repeat_no_finished_call(self) -> None:
        task = self.task()
        whole = await self.run(task, self.synthetic())
        log = CallLog()
        crash_at = max(10, whole.synthetic.paid_calls // 6)
        for attempt in range(1, 500):
            synthetic = self.synthetic(crash_at=crash_at, log=log, latency_seed=attempt)
            finished_before = dict(log.finished)
            begun_before = len(log.begun)
            try:
                resumed = await self.run(task, synthetic)
            except Crash:
                await settled()
                assert not finished_before.keys() & set(log.begun[begun_before:])
                assert synthetic.in_flight == 0
                continue
            assert not finished_before.keys() & set(log.begun[begun_before:])
            break
        assert resumed.outcome == whole.outcome
        assert resumed.observer.candidates == whole.observer.candidates
        assert resumed.observer.proposals == whole.observer.proposals
        assert log.finished == whole.synthetic.log.finished
        assert attempt > 2, "too few calls to crash at; give make() a longer run"

    async def test_can_be_cancelled(self) -> None:
        whole = await self.run(self.task(), self.synthetic())
        for share in (0.1, 0.5, 0.9):
            synthetic = self.synthetic()
            synthetic.cancel_at = int(share * whole.synthetic.paid_calls)
            synthetic.running = asyncio.create_task(self.run(self.task(), synthetic))
            outcome = await asyncio.gather(synthetic.running, return_exceptions=True)
            assert isinstance(outcome[0], asyncio.CancelledError)
            await settled()
            calls = synthetic.paid_calls
            await settled()
            assert synthetic.in_flight == 0
            assert synthetic.paid_calls == calls, "calls went on after the cancel"

    async def test_a_budget_that_ends_early_is_let_through_and_leaves_the_best_intact(self) -> None:
        task = self.task()
        whole = await self.run(task, self.synthetic())
        total = whole.synthetic.paid_calls
        for limit in range(len(task.validation) + 1, total, max(1, total // 6)):
            synthetic, observer = self.synthetic(max_calls=limit), RecordingObserver()
            with suppress(BudgetExhausted):
                await self.run(task, synthetic, observer)
            assert synthetic.in_flight == 0, "what was begun is paid for, and must be waited for"
            for candidate_id, means in observer.means.items():
                assert means.aggregate == synthetic.truth(observer.texts[candidate_id], task.validation)
                assert len(means.evaluations) == len(task.validation)

    async def test_keeps_to_the_call_limit_by_itself(self) -> None:
        """Nothing but the optimizer limits the calls here."""
        task = self.task()
        optimizer = self.make()
        most = optimizer.estimate(len(task.train), len(task.validation), None)
        least = most.target_low + most.reflection_low
        for limit in {least, (least + most.target_high) // 2}:
            run = await self.run(replace(task, max_calls=limit), self.synthetic())
            assert run.synthetic.paid_calls <= limit

    async def test_the_estimate_holds_what_is_really_used(self) -> None:
        for limit in (None, 150):
            for seed in self.seeds:
                task = replace(self.task(seed), max_calls=limit)
                run = await self.run(task, self.synthetic())
                estimate = self.make().estimate(len(task.train), len(task.validation), limit)
                assert estimate.target_low <= estimate.target_high
                assert estimate.reflection_low <= estimate.reflection_high
                assert run.synthetic.target_calls <= estimate.target_high
                assert run.synthetic.reflection_calls <= estimate.reflection_high

    async def test_every_measured_candidate_keeps_the_variables(self) -> None:
        for source in (self.source, self.chat()):
            run = await self.run(self.task(source=source), self.synthetic())
            proposed = run.observer.with_status(CandidateStatus.PROPOSED)
            assert proposed
            for candidate in proposed:
                assert variables_of(candidate.texts["reviews"]) == {"review"}
                assert isinstance(candidate.texts["reviews"], str) == isinstance(source, str)

    async def test_the_code_of_a_jinja_prompt_stays_as_it_is(self) -> None:
        text = f"{_words(self.source)}\n\n{{% if review %}}Review: {{{{ review | trim }}}}{{% endif %}}\n"
        chat = (Message("system", "You work for {% raw %}{{us}}{% endraw %}."), Message("user", text))
        for source in (text, chat):
            run = await self.run(self.task(source=source), self.synthetic())
            proposed = run.observer.with_status(CandidateStatus.PROPOSED)
            assert proposed, "it is searched like any other"
            for candidate in proposed:
                assert not code_problems(candidate.texts["reviews"], source)

    async def test_a_chat_stays_a_chat(self) -> None:
        run = await self.run(self.task(source=self.chat()), self.synthetic())
        for candidate in run.observer.with_status(CandidateStatus.PROPOSED):
            template = candidate.texts["reviews"]
            assert not isinstance(template, str)
            roles = [message.role for message in template]
            assert roles[0] == "system"
            assert roles[-1] == "user"
            assert set(roles[1:-1]) <= {"user", "assistant"}

    async def test_no_candidate_is_measured_twice(self) -> None:
        run = await self.run(self.task(), self.synthetic())
        proposed = [entry[0] for entry in run.observer.candidates if entry[1] is CandidateStatus.PROPOSED]
        assert len(proposed) == len(set(proposed))
        assert self.task().source.candidate_id not in proposed
        assert len(run.synthetic.log.begun) == len(set(run.synthetic.log.begun))

    async def test_nothing_better_keeps_the_source(self) -> None:
        task = self.task()
        run = await self.run(task, self.synthetic(phrases={}))
        assert run.outcome.best == task.source
        assert not run.observer.with_status(CandidateStatus.ACCEPTED)

    async def test_a_perfect_source_ends_at_once(self) -> None:
        task = self.task()
        run = await self.run(task, self.synthetic(phrases={"review": 1.0}))
        assert run.outcome.best == task.source
        assert run.outcome.stop_reason is StopReason.NO_HEADROOM
        assert run.synthetic.paid_calls == len(task.validation)

    async def test_stops_at_the_target_score(self) -> None:
        whole = await self.run(self.task(), self.synthetic())
        target = whole.outcome.means.aggregate / 2
        assert target > 0, "it finds nothing; see test_finds_a_better_prompt"
        run = await self.run(self.task(), self.synthetic(), target_score=target)
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
