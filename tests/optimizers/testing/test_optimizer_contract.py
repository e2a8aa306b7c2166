"""The contract notices an optimizer that breaks its promises."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.evaluation.protocol import Evaluate
from burnish.optimizers.protocol import CallEstimate, Observe, Optimizer, Outcome, Reflect, Task
from burnish.optimizers.search.incumbent import Incumbent
from burnish.optimizers.settings import CommonSettings, read_settings
from burnish.optimizers.testing.contract import OptimizerContract

WORDS = ("one word", "positive", "Review:", "nothing", "at all")


class Plain:
    """Tries a few additions in order. Keeps every promise but for what a subclass breaks."""

    needs_reflection = False
    only_demonstrates = False

    def __init__(self, settings: CommonSettings) -> None:
        self.settings = settings

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        return CallEstimate(target_low=validation, target_high=validation * (1 + len(WORDS)))

    def proposals(self, task: Task) -> Sequence[Candidate]:
        return [
            Candidate({name: f"{text} {word}" for name, text in task.source.texts.items()}) for word in WORDS
        ]

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        incumbent = await Incumbent.of_source(task, evaluate, self.settings, observe)
        if reason := incumbent.stop_reason():
            return incumbent.outcome(reason)
        await self.search(task, evaluate, observe, incumbent)
        return incumbent.outcome()

    async def search(self, task: Task, evaluate: Evaluate, observe: Observe, incumbent: Incumbent) -> None:
        for candidate in self.proposals(task):
            observe.candidate(candidate, CandidateStatus.PROPOSED)
            incumbent.consider(candidate, await evaluate(candidate, task.validation))


class Hasty(Plain):
    """Commits results as they come."""

    async def search(self, task: Task, evaluate: Evaluate, observe: Observe, incumbent: Incumbent) -> None:
        async def one(candidate: Candidate) -> None:
            observe.candidate(candidate, CandidateStatus.PROPOSED)
            incumbent.consider(candidate, await evaluate(candidate, task.validation))

        await asyncio.gather(*(one(candidate) for candidate in self.proposals(task)))


class Careless(Plain):
    """Loses the variable."""

    def proposals(self, task: Task) -> Sequence[Candidate]:
        return [Candidate({"reviews": word}) for word in WORDS]


class Orphaning(Plain):
    """Leaves calls behind when it is cancelled."""

    async def search(self, task: Task, evaluate: Evaluate, observe: Observe, incumbent: Incumbent) -> None:
        async def one(candidate: Candidate) -> None:
            for example in task.validation:
                await evaluate(candidate, [example])

        self.tasks = [asyncio.create_task(one(candidate)) for candidate in self.proposals(task)]
        await asyncio.shield(asyncio.gather(*self.tasks))


class Boastful(Plain):
    """Accepts what is no better."""

    async def search(self, task: Task, evaluate: Evaluate, observe: Observe, incumbent: Incumbent) -> None:
        for candidate in self.proposals(task):
            incumbent.candidate, incumbent.means = candidate, await evaluate(candidate, task.validation)


def contract(kind: type[Plain]) -> OptimizerContract:
    class Contract(OptimizerContract):
        def make(self, **settings: Any) -> Optimizer:
            return kind(read_settings(CommonSettings, settings))

    return Contract()


async def test_an_honest_optimizer_passes() -> None:
    honest = contract(Plain)
    await honest.test_finds_a_better_prompt()
    await honest.test_same_seed_and_answers_give_the_same_candidates_whatever_the_latency()
    await honest.test_crashes_again_and_again_repeat_no_finished_call()
    await honest.test_can_be_cancelled()
    await honest.test_nothing_better_keeps_the_source()


async def test_notices_results_in_the_order_of_their_coming() -> None:
    with pytest.raises(AssertionError):
        await contract(Hasty).test_same_seed_and_answers_give_the_same_candidates_whatever_the_latency()


async def test_notices_a_lost_variable() -> None:
    with pytest.raises(AssertionError):
        await contract(Careless).test_every_measured_candidate_keeps_the_variables()


async def test_notices_calls_after_a_cancel() -> None:
    with pytest.raises(AssertionError):
        await contract(Orphaning).test_can_be_cancelled()


async def test_notices_a_worse_winner() -> None:
    with pytest.raises(AssertionError):
        await contract(Boastful).test_nothing_better_keeps_the_source()
