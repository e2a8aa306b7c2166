"""How well FACTORIAL fills the places in flight, counted in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.hashing import uniform_draw
from burnish.domain.prompt import Message
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.factorial.optimizer import Factorial
from burnish.optimizers.protocol import Outcome, Task
from burnish.optimizers.testing.contract import RecordingObserver
from burnish.optimizers.testing.reflection_scripts import completion
from burnish.optimizers.testing.virtual_time import Latency, run_in_virtual_time

IN_FLIGHT = 16
SPREAD = 0.3
GOOD = ("Mind the irony.", "Weigh the ending.", "Name the mood.")


class SlowModel:
    """Every answer takes a second, ± 30 %; each of three sentences helps."""

    def __init__(self, seed: int) -> None:
        self.latency = Latency(IN_FLIGHT, SPREAD, seed)

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        found = await asyncio.gather(*(self._one(candidate, example) for example in examples))
        mean = sum(evaluation.aggregate for evaluation in found) / len(found)
        return Means(evaluations=tuple(found), scores={"right": mean, "aggregate": mean})

    async def reflect(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        await self.latency.call()
        ideas = (*GOOD, *(f"Think of point {sample}." for _ in GOOD))
        return completion(f'<edit kind="rule">{ideas[sample % len(ideas)]}</edit>')

    async def _one(self, candidate: Candidate, example: Example) -> Evaluation:
        await self.latency.call()
        text = str(candidate.texts["p"])
        share = 0.3 + 0.15 * sum(sentence in text for sentence in GOOD)
        value = float(uniform_draw(text, example.example_id) < share)
        scores = {"right": Score(value, "")}
        ids = candidate.candidate_id, example.example_id
        return Evaluation(*ids, "yes", scores, value, usage=Usage(calls=1))


def examples(first: int, count: int) -> tuple[Example, ...]:
    records = [({"review": f"film {n}"}, {"expected_response": "yes"}) for n in range(first, first + count)]
    return Dataset.of(records).examples


def search(seed: int) -> tuple[Outcome, float, SlowModel]:
    model = SlowModel(seed)
    task = Task(
        source=Candidate({"p": "What is the sentiment?\n\n{{review}}"}),
        train=examples(0, 80),
        validation=examples(1000, 32),
        seed=seed,
        concurrency=IN_FLIGHT,
        max_calls=500,
    )
    optimizer = Factorial.from_settings({"minimum_gain": 0.0, "max_demonstrations": 0})
    outcome, seconds = run_in_virtual_time(
        optimizer.optimize(task, model.evaluate, model.reflect, RecordingObserver())
    )
    return outcome, seconds, model


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_search_takes_at_most_1_3_times_the_bound_by_work(seed: int) -> None:
    outcome, seconds, model = search(seed)
    assert model.latency.calls > 400
    assert seconds <= 1.3 * model.latency.least_seconds
    assert seconds >= model.latency.least_seconds
    assert any(sentence in str(outcome.best.texts["p"]) for sentence in GOOD)


def test_virtual_time_is_repeatable() -> None:
    assert search(1)[1] == search(1)[1]
