"""gepa's merges: measured within the budget, and observed like proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import Message, text_of
from burnish.domain.score import Evaluation
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Completion, Parameters
from burnish.optimizers.gepa.optimizer import Gepa
from burnish.optimizers.protocol import Task
from burnish.optimizers.testing.contract import RecordingObserver
from burnish.optimizers.testing.reflection_scripts import answer_with, completion, texts_in
from burnish.optimizers.testing.synthetic_task import means_of

SOURCE = Candidate(
    {"critic": (Message("system", "You judge."), Message("user", "Which side is it?\n\n{{text}}"))}
)


class TwoSides:
    """Two kinds of examples, each helped by one message of a chat; a third is harmed by any help.

    So neither half of the solution replaces the source on the Pareto front, and two lines of
    candidates grow that only a merge brings together.
    """

    def __init__(self) -> None:
        self.measured: set[tuple[str, str]] = set()
        self.reflections = 0

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        self.measured |= {(candidate.candidate_id, example.example_id) for example in examples}
        said = text_of(candidate.texts["critic"])
        helped = {"left": "alpha" in said, "right": "beta" in said}
        helped["alone"] = not any(helped.values())
        return means_of(
            [
                Evaluation(candidate.candidate_id, e.example_id, "", {}, float(helped[e.inputs["text"]]))
                for e in examples
            ]
        )

    async def reflect(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        texts = texts_in(messages)
        self.reflections += 1
        help_ = "alpha" if "You judge" in texts[0] else "beta"
        return completion(answer_with(f"{texts[0]} {help_} {len(messages)}.{sample}"))


def task(seed: int) -> Task:
    kinds = ["left", "right"] * 12 + ["alone"] * 6
    records: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"text": kind, "number": number}, {}) for number, kind in enumerate(kinds * 2)
    ]
    examples = Dataset.of(records).examples
    return Task(source=SOURCE, train=examples[:30], validation=examples[30:], seed=seed)


async def run(seed: int, lookahead: int, budget: int = 400) -> tuple[TwoSides, RecordingObserver, Candidate]:
    synthetic, observer = TwoSides(), RecordingObserver()
    optimizer = Gepa.from_settings({"max_metric_calls": budget, "lookahead": lookahead, "merge": True})
    outcome = await optimizer.optimize(task(seed), synthetic.evaluate, synthetic.reflect, observer)
    return synthetic, observer, outcome.best


@pytest.mark.parametrize("seed", [1, 5, 6])
async def test_a_merge_joins_two_lines(seed: int) -> None:
    _, observer, best = await run(seed, lookahead=1)
    (merge,) = [c for c in observer.with_status(CandidateStatus.ACCEPTED) if c.origin == "merge"]
    said = [text_of(observer.texts[parent].texts["critic"]) for parent in merge.parents]
    assert sorted(("alpha" in text, "beta" in text) for text in said) == [(False, True), (True, False)]
    assert all(word in text_of(merge.texts["critic"]) for word in ("alpha", "beta"))
    assert observer.means[merge.candidate_id].aggregate == 0.8
    assert best == merge


@pytest.mark.parametrize("lookahead", [1, 4])
@pytest.mark.parametrize("budget", [66, 75, 90, 110, 123, 150, 200])
async def test_a_merge_keeps_to_the_budget(budget: int, lookahead: int) -> None:
    for seed in (1, 5, 6):
        synthetic, _, _ = await run(seed, lookahead, budget)
        assert len(synthetic.measured) <= budget


async def test_one_component_has_nothing_to_merge() -> None:
    source = Candidate({"critic": "You judge. {{text}}"})
    synthetic, observer = TwoSides(), RecordingObserver()
    optimizer = Gepa.from_settings({"max_metric_calls": 300, "lookahead": 1, "merge": True})
    await optimizer.optimize(replace(task(1), source=source), synthetic.evaluate, synthetic.reflect, observer)
    assert not [candidate for candidate in observer.texts.values() if candidate.origin == "merge"]
