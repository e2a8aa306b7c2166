"""The same comparison on a real model: SmolLM2-135M in this process, on the sample reviews or other records.

    python -m bench.quality.real [--seeds 3] [--budgets 100 200] [--data FILE.jsonl] [--report]

Every answer is kept in ``bench/results/smollm2_answers.json.gz``, a table of (rendered prompt, answer): a
search asks the model only for what no search has asked before, so more seeds cost less and less, and running
it again costs nothing. The held-out score is that of the winner on examples the search has not seen.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import render
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Usage
from burnish.evaluation.protocol import Means
from burnish.llm.protocol import Parameters, Request
from burnish.llm.providers.local import INFO, LocalProvider
from burnish.optimizers.factorial.optimizer import Factorial
from burnish.optimizers.few_shot.optimizer import FewShot
from burnish.optimizers.joint_search.optimizer import JointSearch
from burnish.optimizers.protocol import Optimizer, Task
from burnish.samples import SAMPLE_PROMPT, sample_reviews_path

from .world import Silent

RESULTS = Path(__file__).parents[1] / "results"
ANSWERS = RESULTS / "smollm2_answers.json.gz"
TABLE = RESULTS / "real.json"
TRAIN, VALIDATION, HELD_OUT = 50, 30, 80
MODEL = "local:/smollm2"
SEARCHES: Mapping[str, tuple[type[Any], Mapping[str, Any]]] = {
    "FACTORIAL": (Factorial, {"minimum_gain": 0.0}),
    "JOINT_SEARCH": (JointSearch, {}),
    "FEW_SHOT": (FewShot, {}),
}


@dataclass(slots=True)
class RealModel:
    """Answers by SmolLM2, each asked for once in a lifetime."""

    provider: LocalProvider
    answers: dict[str, str]
    asked: int = 0
    _running: dict[str, asyncio.Task[str]] = field(default_factory=dict)

    async def answer(self, candidate: Candidate, example: Example) -> str:
        template = next(iter(candidate.texts.values()))
        parameters = Parameters(max_tokens=8, temperature=0.0, extra={"cache_prompt": False})
        request = Request(model=MODEL, messages=render(template, example.inputs), parameters=parameters)
        if request.digest not in self.answers:
            if request.digest not in self._running:
                self._running[request.digest] = asyncio.create_task(self._ask(request))
            self.answers[request.digest] = await asyncio.shield(self._running[request.digest])
        return self.answers[request.digest]

    async def _ask(self, request: Request) -> str:
        self.asked += 1
        response = await self.provider.complete(request, "smollm2", 600)
        if self.asked % 100 == 0:
            keep_answers(self.answers)
        return response.text


@dataclass(slots=True)
class RealTask:
    """One split of the records. Implements ``Evaluate``."""

    model: RealModel
    paid: set[tuple[str, str]] = field(default_factory=set)

    async def evaluate(self, candidate: Candidate, examples: Sequence[Example]) -> Means:
        evaluations = await asyncio.gather(*(self._evaluation(candidate, example) for example in examples))
        mean = statistics.fmean(e.aggregate for e in evaluations) if evaluations else 0.0
        return Means(evaluations=tuple(evaluations), scores={"exact_match": mean, "aggregate": mean})

    async def _evaluation(self, candidate: Candidate, example: Example) -> Evaluation:
        self.paid.add((candidate.candidate_id, example.example_id))
        output = await self.model.answer(candidate, example)
        right = output.strip().strip(".!\"'`*").lower() == str(example.expected).strip().lower()
        score = Score(float(right), "" if right else f"expected {example.expected!r}")
        return Evaluation(
            candidate.candidate_id,
            example.example_id,
            output,
            {"exact_match": score},
            float(right),
            usage=Usage(calls=1),
        )


async def one(
    model: RealModel, name: str, budget: int, seed: int, examples: Sequence[Example]
) -> dict[str, Any]:
    """One search, and its winner on held-out examples."""
    order = list(examples)
    random.Random(seed).shuffle(order)
    train, rest = order[:TRAIN], order[TRAIN:]
    task = RealTask(model)
    source = Candidate({"sentiment": SAMPLE_PROMPT}, origin="source")
    make, settings = SEARCHES[name]
    optimizer: Optimizer = make.from_settings(settings)
    outcome = await optimizer.optimize(
        Task(
            source=source,
            train=tuple(train),
            validation=tuple(rest[:VALIDATION]),
            seed=seed,
            max_calls=budget,
        ),
        task.evaluate,
        None,
        Silent(),
    )
    calls = len(task.paid)
    held_out = await task.evaluate(outcome.best, rest[VALIDATION : VALIDATION + HELD_OUT])
    return {"score": round(held_out.aggregate, 4), "calls": calls, "prompt": outcome.best.texts["sentiment"]}


async def run(chosen: argparse.Namespace) -> None:
    answers = json.loads(gzip.decompress(ANSWERS.read_bytes())) if ANSWERS.exists() else {}
    model = RealModel(LocalProvider(INFO, None, {"BURNISH_LOCAL_THREADS": "1"}), answers)
    rows = [json.loads(line) for line in chosen.records.splitlines()]
    examples = Dataset.of([(row["inputs"], row["expectations"]) for row in rows]).examples
    kept: dict[str, Any] = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    try:
        for seed in range(chosen.seeds):
            for budget in chosen.budgets:
                for name in chosen.searches:
                    key = f"{Path(chosen.data).stem} | {name} | {budget} | {seed}"
                    kept[key] = found = await one(model, name, budget, seed, examples)
                    print(
                        f"{key:40} {found['score']:.3f} {found['calls']:4} calls, {model.asked} new",
                        flush=True,
                    )
                    keep_answers(answers)
                    TABLE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    finally:
        keep_answers(answers)
        await model.provider.close()


def keep_answers(answers: Mapping[str, str]) -> None:
    RESULTS.mkdir(exist_ok=True)
    ANSWERS.write_bytes(gzip.compress(json.dumps(answers, sort_keys=True).encode(), mtime=0))


def report() -> None:
    """Means over seeds, as Markdown."""
    kept = json.loads(TABLE.read_text())
    cells: dict[tuple[str, str], dict[int, list[float]]] = {}
    for key, found in kept.items():
        data, name, budget, _ = key.split(" | ")
        cells.setdefault((data, name), {}).setdefault(int(budget), []).append(found["score"])
    budgets = sorted({budget for by_budget in cells.values() for budget in by_budget})
    print(f"| data | search | {' | '.join(map(str, budgets))} |\n|---|---|{'---|' * len(budgets)}")
    for (data, name), by_budget in sorted(cells.items()):
        shown = [
            f"{statistics.fmean(by_budget[b]):.3f} ({len(by_budget[b])} seeds)" if b in by_budget else ""
            for b in budgets
        ]
        print(f"| {data} | {name} | {' | '.join(shown)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budgets", nargs="*", type=int, default=[100, 200])
    parser.add_argument("--searches", nargs="*", default=["FACTORIAL", "JOINT_SEARCH"])
    parser.add_argument("--data", default=str(sample_reviews_path()))
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    if arguments.report:
        report()
    else:
        arguments.records = Path(arguments.data).read_text()
        asyncio.run(run(arguments))
