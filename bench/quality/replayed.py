"""Searches on a table of a real model's answers (``answer_table.py``): any number of seeds, and no model."""

from __future__ import annotations

import asyncio
import math
import random
import statistics
from collections.abc import Callable, Mapping

from bench.results import Cell, TableOfFigures
from burnish.domain.candidate import Candidate
from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import variables_of
from burnish.optimizers.factorial.optimizer import Factorial
from burnish.optimizers.joint_search.optimizer import JointSearch
from burnish.optimizers.protocol import Optimizer, Task

from .answer_table import TABLES, AnswerTable, few_layouts
from .searches import TRAIN_SHARE
from .world import Silent, World, text_in

HELD_OUT = 1 / 3
"""Of the examples."""


class ReplayedTask(World):
    """One split of a table; :meth:`divide` makes the rest train and validation."""

    def __init__(self, table: AnswerTable, seed: int) -> None:
        super().__init__(seed)
        self._table = table
        (variable,) = variables_of(table.source)
        records = [
            ({variable: f"number {number}"}, {"expected_response": expected})
            for number, expected in enumerate(table.expected)
        ]
        examples = list(Dataset.of(records).examples)
        self._number = {example.example_id: number for number, example in enumerate(examples)}
        random.Random(seed).shuffle(examples)
        held_out = round(HELD_OUT * len(examples))
        self._held_out = examples[:held_out]
        self.train, self.validation = examples[held_out:], ()

    def truth(self, candidate: Candidate) -> float:
        """On examples that the search has not seen."""
        return statistics.fmean(self.score(text_in(candidate), example)[0] for example in self._held_out)

    def score(self, text: str, example: Example) -> tuple[float, str]:
        return float(self._table.right[text][self._number[example.example_id]]), ""

    def answer_to(self, request: str, sample: int) -> str:
        raise AssertionError("there is no reflection model")


REPLAYED_BUDGETS = (100, 200, 400)
REPLAYED: Mapping[str, tuple[Callable[[], Optimizer], float]] = {
    "JOINT_SEARCH": (lambda: JointSearch.from_settings({"max_demonstrations": 0}), 2 / 3),
    "FACTORIAL": (
        lambda: Factorial.from_settings({"max_demonstrations": 0, "minimum_gain": 0.0}),
        TRAIN_SHARE,
    ),
}
"""Each with the training share of its own split."""


def replay(splits: int) -> TableOfFigures:
    """Every search on every table that is kept, at each budget."""
    rows: list[list[Cell]] = []
    for path in sorted(TABLES.glob("*.json.gz")):
        table = AnswerTable.read(path)
        best = max(row.count("1") / len(row) for row in table.right.values())
        source = table.right[table.source]
        known = f"{len(table.right)} prompts × {len(table.expected)} examples"
        for name in REPLAYED:
            cells: list[Cell] = []
            for budget in REPLAYED_BUDGETS:
                found = [_found(table, name, budget, seed) for seed in range(splits)]
                error = 2 * statistics.pstdev(found) / math.sqrt(splits)
                cells.append(f"{statistics.fmean(found):.3f} ± {error:.3f}")
            rows.append(
                [path.name.partition(".")[0], known, source.count("1") / len(source), best, name, *cells]
            )
    return TableOfFigures(
        title=f"SmolLM2-135M without a reflection model, replayed; held-out score, {splits} splits",
        columns=[
            "data",
            "table",
            "source",
            "best",
            "search",
            *(f"{budget} calls" for budget in REPLAYED_BUDGETS),
        ],
        rows=rows,
    )


def _found(table: AnswerTable, name: str, budget: int, seed: int) -> float:
    make, train_share = REPLAYED[name]
    world = ReplayedTask(table, seed)
    world.divide(train_share)
    task = Task(
        source=Candidate({"prompt": table.source}, origin="source"),
        train=tuple(world.train),
        validation=tuple(world.validation),
        seed=seed,
        max_calls=budget,
    )
    with few_layouts():
        best = asyncio.run(make().optimize(task, world.evaluate, None, Silent())).best
    return world.truth(best)
