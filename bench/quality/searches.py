"""Searches that are compared: a task and a budget in, the winner's true score and the calls spent out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gepa
from gepa.core.adapter import EvaluationBatch

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.optimizers.factorial import Factorial
from burnish.optimizers.factorial.settings import FactorialSettings, Method
from burnish.optimizers.gepa.optimizer import Gepa
from burnish.optimizers.joint_search.optimizer import JointSearch
from burnish.optimizers.metaprompt import Metaprompt
from burnish.optimizers.prompts.components import Components
from burnish.optimizers.prompts.proposal_format import ProposalFormat
from burnish.optimizers.prompts.rewriting import RewriteRequest
from burnish.optimizers.protocol import Optimizer, Task
from burnish.optimizers.search.feedback import feedback

from .simulated import SOURCE, Silent, SimulatedTask

MINIBATCH = 3
CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class Found:
    """What a search ended with."""

    best: Candidate
    calls: int


Search = Callable[[SimulatedTask, int], Found]


def ours(make: Callable[[int], Optimizer]) -> Search:
    """One of Burnish's optimizers, run as a job runs it."""

    def search(world: SimulatedTask, budget: int) -> Found:
        task = Task(
            source=Candidate({"prompt": SOURCE}, origin="source"),
            train=tuple(world.train),
            validation=tuple(world.validation),
            seed=world.seed,
            concurrency=CONCURRENCY,
            max_calls=budget,
        )
        outcome = asyncio.run(make(budget).optimize(task, world.evaluate, world.reflect, Silent()))
        return Found(outcome.best, world.calls)

    return search


def library(world: SimulatedTask, budget: int) -> Found:
    """``gepa.optimize`` as its users call it. It is stopped at the first iteration beyond the budget (its own
    limit counts evaluations only), and what it had before that iteration is its result."""
    return _Library(world, budget).search()


class _Library:
    propose_new_texts = None

    def __init__(self, world: SimulatedTask, budget: int) -> None:
        self._world, self._budget = world, budget
        self._found = Found(Candidate({"prompt": SOURCE}), 0)

    def search(self) -> Found:
        gepa.optimize(
            seed_candidate={"prompt": SOURCE},
            trainset=list(self._world.train),
            valset=list(self._world.validation),
            adapter=self,
            reflection_lm=lambda request: self._world.answer_to(str(request), self._world.reflection_calls),
            reflection_minibatch_size=MINIBATCH,
            stop_callbacks=[self._beyond_budget],
            seed=self._world.seed,
            logger=self,
        )
        return self._found

    def _beyond_budget(self, state: Any) -> bool:
        calls = self._world.calls
        if calls <= self._budget:
            scores = state.program_full_scores_val_set
            best = max(range(len(scores)), key=lambda number: scores[number])
            self._found = Found(Candidate(state.program_candidates[best]), calls)
        return calls >= self._budget

    def evaluate(self, batch: list[Example], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        self._world.target_calls += len(batch)
        scored = [self._world.score(candidate["prompt"], example) for example in batch]
        return EvaluationBatch(
            outputs=[value for value, _ in scored],
            scores=[value for value, _ in scored],
            trajectories=list(zip(batch, scored, strict=True)),
        )

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        records = [
            {"Inputs": example.inputs["question"], "Feedback": said}
            for example, (_, said) in eval_batch.trajectories
        ]
        return dict.fromkeys(components_to_update, records)

    def log(self, message: str) -> None:
        """gepa's logger."""


def random_search(world: SimulatedTask, budget: int) -> Found:
    """Rewritings of the source from three failures each, every one on the whole validation split."""

    async def search() -> Found:
        draw = random.Random(world.seed)
        source = Candidate({"prompt": SOURCE})
        components = Components(source)
        best, score = source, (await world.evaluate(source, world.validation)).aggregate
        while world.calls + MINIBATCH + 1 + len(world.validation) <= budget:
            shown = draw.sample(list(world.train), MINIBATCH)
            means = await world.evaluate(source, shown)
            results = feedback(means.evaluations, shown, 3000)
            form = ProposalFormat(components, source, beside=[results])
            rewrite = RewriteRequest(parent=source, format=form, feedback=results)
            answer = await world.reflect(rewrite.messages(), sample=world.reflection_calls)
            candidate = Candidate(components.templates(source, form.read(answer)))
            means = await world.evaluate(candidate, world.validation)
            if means.aggregate > score:
                best, score = candidate, means.aggregate
        return Found(best, world.calls)

    return asyncio.run(search())


def factorial(method: Method | None = None, **settings: Any) -> Search:
    return ours(lambda budget: Factorial(FactorialSettings(**settings), method))


SEARCHES: Mapping[str, Search] = {
    "FACTORIAL": factorial(search_calls=100_000),
    "GEPA, the library": library,
    "GEPA, look-ahead": ours(lambda budget: Gepa.from_settings({})),
    "JOINT_SEARCH": ours(lambda budget: JointSearch.from_settings({"trials": 400})),
    "METAPROMPT": ours(lambda budget: Metaprompt.from_settings({"rounds": 100})),
    "random search": random_search,
}

ABLATIONS: Mapping[str, Search] = {
    "FACTORIAL": factorial(search_calls=100_000),
    "one edit at a time": factorial(Method(factorial=False), search_calls=100_000),
    "no example effects": factorial(Method(example_effects=False), search_calls=100_000),
    "no in-sample term": factorial(Method(in_sample=False), search_calls=100_000),
    "no screen": factorial(Method(screen=False), search_calls=100_000),
    "no memory": factorial(Method(memory=False), search_calls=100_000),
    "no interactions": factorial(Method(interactions=False), search_calls=100_000),
    "raw maximum": factorial(Method(shrinkage=False), search_calls=100_000),
    "no rewordings": factorial(rewordings=0, search_calls=100_000),
    "no templates": factorial(templates=False, search_calls=100_000),
    "no rewriting": factorial(rewrite=False, search_calls=100_000),
}
