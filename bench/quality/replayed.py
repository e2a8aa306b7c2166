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

from .answer_table import TABLES, AnswerTable, only_layouts
from .made_up_table import made_up_table
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
    """Every search on every table that is kept, and on as many made-up ones as there are splits."""
    sources: dict[str, Callable[[int], AnswerTable]] = {}
    for path in sorted(TABLES.glob("*.json.gz")):
        table = AnswerTable.read(path)
        if table.expected:
            sources[path.name.partition(".")[0]] = lambda _, table=table: table  # type: ignore[misc]
    sources["made up, each split another"] = made_up_table
    rows: list[list[Cell]] = []
    for data, table_of in sources.items():
        tables = [table_of(seed) for seed in range(splits)]
        known = f"{len(tables[0].right)} prompts × {len(tables[0].expected)} examples"
        source = statistics.fmean(_share(table.right[table.source]) for table in tables)
        best = statistics.fmean(max(map(_share, table.right.values())) for table in tables)
        for name in REPLAYED:
            cells: list[Cell] = []
            for budget in REPLAYED_BUDGETS:
                found = [_found(table, name, budget, seed) for seed, table in enumerate(tables)]
                error = 2 * statistics.pstdev(found) / math.sqrt(splits)
                cells.append(f"{statistics.fmean(found):.3f} ± {error:.3f}")
            rows.append([data, known, round(source, 3), round(best, 3), name, *cells])
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


def _share(answers: str) -> float:
    return answers.count("1") / len(answers)


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
    with only_layouts(table.layouts):
        best = asyncio.run(make().optimize(task, world.evaluate, None, Silent())).best
    return world.truth(best)
