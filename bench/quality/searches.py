"""Searches that are compared: a world and some budgets in, the winner of each budget out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gepa
from gepa.core.adapter import EvaluationBatch

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.optimizer_type import EDITS_SPLIT
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

from .world import SOURCE, Silent, World

MINIBATCH = 3
CONCURRENCY = 8
TRAIN_SHARE = EDITS_SPLIT[0] / (EDITS_SPLIT[0] + EDITS_SPLIT[1])
"""Of what a FACTORIAL job may see, the sealed test apart."""


MakeWorld = Callable[[], World]
Search = Callable[[MakeWorld, Sequence[int]], Mapping[int, Candidate]]
"""What a search finds with each budget, in calls, reflections counted."""


def ours(make: Callable[[], Optimizer]) -> Search:
    """One of Burnish's optimizers, run as a job runs it, anew for each budget."""

    def search(make_world: MakeWorld, budgets: Sequence[int]) -> Mapping[int, Candidate]:
        found = {}
        for budget in budgets:
            world = make_world()
            task = Task(
                source=Candidate({"prompt": SOURCE}, origin="source"),
                train=tuple(world.train),
                validation=tuple(world.validation),
                seed=world.seed,
                concurrency=CONCURRENCY,
                max_calls=budget,
            )
            outcome = asyncio.run(make().optimize(task, world.evaluate, world.reflect, Silent()))
            assert world.calls <= budget
            found[budget] = outcome.best
        return found

    return search


def library(make_world: MakeWorld, budgets: Sequence[int]) -> Mapping[int, Candidate]:
    """``gepa.optimize`` as its users call it. Its way does not depend on its limit, which counts evaluations
    only: it is run once, and what it had when a budget was used up is its result of that budget."""
    return _Library(make_world(), budgets).search()


def with_own_split(search: Search) -> Search:
    """The same examples, divided into train and validation as a FACTORIAL job divides them."""

    def divided(make_world: MakeWorld, budgets: Sequence[int]) -> Mapping[int, Candidate]:
        def world() -> World:
            made = make_world()
            made.divide(TRAIN_SHARE)
            return made

        return search(world, budgets)

    return divided


class _Library:
    propose_new_texts = None

    def __init__(self, world: World, budgets: Sequence[int]) -> None:
        self._world = world
        self._found = dict.fromkeys(budgets, Candidate({"prompt": SOURCE}))

    def search(self) -> Mapping[int, Candidate]:
        gepa.optimize(
            seed_candidate={"prompt": SOURCE},
            trainset=list(self._world.train),
            valset=list(self._world.validation),
            adapter=self,
            reflection_lm=lambda request: self._world.reflection(str(request), self._world.reflection_calls),
            reflection_minibatch_size=MINIBATCH,
            stop_callbacks=[self._beyond_budget],
            seed=self._world.seed,
            logger=self,
        )
        return self._found

    def _beyond_budget(self, state: Any) -> bool:
        scores = state.program_full_scores_val_set
        best = max(range(len(scores)), key=lambda number: scores[number])
        for budget in self._found:
            if self._world.calls <= budget:
                self._found[budget] = Candidate(state.program_candidates[best])
        return bool(self._world.calls >= max(self._found))

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


def random_search(make_world: MakeWorld, budgets: Sequence[int]) -> Mapping[int, Candidate]:
    """Rewritings of the source from three failures each, every one on the whole validation split."""

    async def search() -> Mapping[int, Candidate]:
        world = make_world()
        draw = random.Random(world.seed)
        source = Candidate({"prompt": SOURCE})
        components = Components(source)
        best, score = source, (await world.evaluate(source, world.validation)).aggregate
        found = dict.fromkeys(budgets, source)
        while world.calls + MINIBATCH + 1 + len(world.validation) <= max(budgets):
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
            found |= {budget: best for budget in budgets if world.calls <= budget}
        return found

    return asyncio.run(search())


def factorial(method: Method | None = None, **settings: Any) -> Search:
    """With the split that its jobs have."""
    return with_own_split(factorial_on_equal_splits(method, **settings))


def factorial_on_equal_splits(method: Method | None = None, **settings: Any) -> Search:
    return ours(lambda: Factorial(FactorialSettings(search_calls=100_000, **settings), method))


FACTORIAL, LIBRARY = "FACTORIAL", "GEPA, the library"
ON_SAME_SPLIT = "GEPA, the library, on FACTORIAL's split"

SEARCHES: Mapping[str, Search] = {
    FACTORIAL: factorial(),
    LIBRARY: library,
    "FACTORIAL on the other's split": factorial_on_equal_splits(),
    ON_SAME_SPLIT: with_own_split(library),
    "GEPA, look-ahead": ours(lambda: Gepa.from_settings({})),
    "JOINT_SEARCH": ours(lambda: JointSearch.from_settings({"trials": 400})),
    "METAPROMPT": ours(lambda: Metaprompt.from_settings({"rounds": 100})),
    "random search": random_search,
}

ABLATIONS: Mapping[str, Search] = {
    "whole": factorial(),
    "one edit at a time": factorial(Method(factorial=False)),
    "no example effects": factorial(Method(example_effects=False)),
    "no in-sample term": factorial(Method(in_sample=False)),
    "no screen": factorial(Method(screen=False)),
    "no memory": factorial(Method(memory=False)),
    "no interactions": factorial(Method(interactions=False)),
    "raw maximum": factorial(Method(shrinkage=False)),
    "no rewordings": factorial(rewordings=0),
    "no templates": factorial(templates=False),
}
