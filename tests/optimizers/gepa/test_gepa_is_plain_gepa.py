"""With one proposal in flight the search is the library's own: the same candidates in the same order."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import gepa
import pytest
from gepa.core.adapter import EvaluationBatch

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Example
from burnish.domain.prompt import Message, Template
from burnish.domain.score import Evaluation
from burnish.optimizers.gepa.optimizer import Gepa
from burnish.optimizers.gepa.reflection import FEEDBACK_TOKENS, ask_to_improve
from burnish.optimizers.prompts.components import Components, Texts
from burnish.optimizers.protocol import Task
from burnish.optimizers.search.feedback import feedback
from burnish.optimizers.testing.contract import RecordingObserver
from burnish.optimizers.testing.reflection_scripts import answer_with, completion, texts_in
from burnish.optimizers.testing.synthetic_task import SyntheticTask, reviews

PHRASES: Mapping[str, float] = {
    "one word": 0.16,
    "be exact": 0.16,
    "sentiment means": 0.16,
    "positive or negative": 0.16,
    "no reasons": 0.16,
    "lower case": 0.16,
}
IDEAS = (*PHRASES, "shout", "whisper")
TEXT: Template = "What is the sentiment of this review?\n\n{{review}}"
CHAT: Template = (Message("system", "You are a critic."), Message("user", "Sentiment?\n\n{{review}}"))
BUDGET = 400


def written(messages: Sequence[Message], sample: int) -> str:
    """A reflection model with one idea, good or not, for each question; it never says the same twice."""
    [text, *_] = texts_in(messages)
    seed = int(hashlib.sha256(f"{messages[0].content} {sample}".encode()).hexdigest()[:8], 16)
    return answer_with(f"{text}\n{IDEAS[seed % len(IDEAS)].capitalize()}. ({seed})")


class PlainAdapter:
    """The same task and reflection as a user of the library would write them."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._world = SyntheticTask(phrases=PHRASES, write=written)
        self._components = Components(task.source)
        self._asked: Counter[tuple[object, ...]] = Counter()

    def candidate(self, texts: Texts) -> Candidate:
        return Candidate(self._components.templates(self._task.source, texts))

    def evaluate(self, batch: list[Example], candidate: Texts, capture_traces: bool = False) -> Any:
        means = asyncio.run(self._world.evaluate(self.candidate(candidate), batch))
        scores = [evaluation.aggregate for evaluation in means.evaluations]
        pairs = list(zip(means.evaluations, batch, strict=True))
        return EvaluationBatch(outputs=[""] * len(batch), scores=scores, trajectories=pairs)

    def make_reflective_dataset(
        self, candidate: Texts, eval_batch: Any, components_to_update: list[int]
    ) -> Mapping[int, Any]:
        return {number: [{"pairs": eval_batch.trajectories}] for number in components_to_update}

    def propose_new_texts(
        self, candidate: Texts, reflective_dataset: Mapping[int, Any], components_to_update: list[int]
    ) -> Texts:
        return {number: self._new(candidate, number, reflective_dataset) for number in components_to_update}

    def _new(self, texts: Texts, number: int, reflective_dataset: Mapping[int, Any]) -> str:
        pairs: Sequence[tuple[Evaluation, Example]] = reflective_dataset[number][0]["pairs"]
        evaluations, examples = zip(*pairs, strict=True)
        parent = self.candidate(texts)
        question = (parent.candidate_id, tuple(example.example_id for example in examples), number)
        results = feedback(evaluations, examples, FEEDBACK_TOKENS)
        asked = ask_to_improve(self._components, parent, number, results)
        answer = written(asked.messages, self._asked[question])
        self._asked[question] += 1
        return asked.format.read(completion(answer))[number]


class NullLogger:
    def log(self, message: str) -> None:
        pass


def plain(task: Task, **options: Any) -> Any:
    """``gepa.optimize`` itself; it does not know of the loop this test runs on."""
    adapter = PlainAdapter(task)
    return adapter, gepa.optimize(
        seed_candidate=Components(task.source).texts(task.source),
        trainset=list(task.train),
        valset=list(task.validation),
        adapter=adapter,
        max_metric_calls=BUDGET + 100,
        logger=NullLogger(),
        seed=task.seed,
        **options,
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("source", [TEXT, CHAT], ids=["text", "chat"])
@pytest.mark.parametrize("settings", [{}, {"module_selector": "all"}, {"use_merge": True}], ids=str)
async def test_one_in_flight_gives_the_candidates_of_the_library(
    seed: int, source: Template, settings: dict[str, Any]
) -> None:
    examples = reviews(90)
    task = Task(
        source=Candidate({"reviews": source}), train=examples[:60], validation=examples[60:], seed=seed
    )
    adapter, expected = await asyncio.to_thread(plain, task, **settings)
    synthetic, observer = SyntheticTask(phrases=PHRASES, write=written), RecordingObserver()
    optimizer = Gepa.from_settings({"max_metric_calls": BUDGET, "lookahead": 1, "gepa_kwargs": settings})
    await optimizer.optimize(task, synthetic.evaluate, synthetic.reflect, observer)

    validated = {entry[0]: entry[2] for entry in observer.candidates if entry[2] is not None}
    ids = [adapter.candidate(texts).candidate_id for texts in expected.candidates]
    assert len(validated) >= 4
    assert list(validated) == ids[1 : len(validated) + 1]
    assert list(validated.values()) == pytest.approx(expected.val_aggregate_scores[1 : len(validated) + 1])
    for index, candidate_id in enumerate(list(validated), start=1):
        parents = tuple(ids[parent] for parent in expected.parents[index])
        assert observer.texts[candidate_id].parents == parents
