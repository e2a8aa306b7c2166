"""The raw figures: the true score of every winner, seed by seed, kept in ``bench/quality/scores.json``.

Seeds go up one after the other through all tasks and searches, and each is kept when it is whole, so a run
can be stopped at any time and gone on with. What is kept is made anew by deleting the file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from burnish.domain.candidate import Candidate
from burnish.domain.job import Verdict
from burnish.evaluation.statistics import paired_bootstrap, verdict_of

from .planted import PLANTED, PlantedTask
from .searches import ABLATIONS, FACTORIAL, LIBRARY, ON_SAME_SPLIT, SEARCHES, Search
from .simulated import KINDS, SimulatedTask
from .world import SOURCE, World

KEPT = Path(__file__).parent / "scores.json"
FIRST_SEED = 100
"""Those below were looked at by earlier tables; the search was tuned on 1000 and up."""

TASKS = (*(name for name in KINDS if not name.startswith("null")), PLANTED)
NULL_TASKS = tuple(name for name in KINDS if name.startswith("null"))
ABLATED_TASKS = ("additive", "non-additive", "format", "noisy")
BUDGETS: Mapping[str, Sequence[int]] = {
    FACTORIAL: (300, 400, 500, 800, 1000),
    LIBRARY: (300, 400, 500, 800, 1000, 2000),
    ON_SAME_SPLIT: (300, 400, 500, 800, 1000, 2000),
}
OTHER_BUDGETS = (500, 1000)
OTHER_SEEDS = 24  # of searches that are shown beside these, and twice the ablations'
ABLATED_BUDGET = NULL_BUDGET = 500
SEALED_PAIRS = 100
NULL_SEEDS = 3  # for each seed of the others: how seldom a thing happens takes many
SOURCE_SCORE = "source"


@dataclass(slots=True)
class Scores:
    """What is kept.

    Attributes:
        cells: part → task → search → budget → true scores, by seed from ``FIRST_SEED``. The part ``null`` has
            verdicts (``improved``, ``worse``, as 0 and 1) and true gains in the place of budgets.
    """

    cells: dict[str, dict[str, dict[str, dict[str, list[float]]]]] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Scores:
        return cls(json.loads(KEPT.read_text()) if KEPT.exists() else {})

    def write(self) -> None:
        rows = [
            f"{json.dumps(part)}: {{\n"
            + ",\n".join(
                f"{json.dumps(task)}: {json.dumps(self.cells[part][task])}" for task in self.cells[part]
            )
            + "\n}"
            for part in self.cells
        ]
        KEPT.write_text("{\n" + ",\n".join(rows) + "\n}\n")

    def of(self, part: str, task: str, search: str) -> dict[str, list[float]]:
        return self.cells.setdefault(part, {}).setdefault(task, {}).setdefault(search, {})

    def mean(self, part: str, task: str, search: str, column: int | str) -> float | None:
        found = self.of(part, task, search).get(str(column))
        return float(np.mean(found)) if found else None


def world_of(task: str, seed: int) -> World:
    return PlantedTask(seed) if task == PLANTED else SimulatedTask(KINDS[task], seed)


def run(seeds: int, minutes: float, scores: Scores, tasks: Sequence[str] = TASKS, keep: bool = True) -> None:
    """Go on to a number of seeds, for at most some minutes."""
    ends = time.monotonic() + 60 * minutes
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        if time.monotonic() > ends:
            return
        others = seed < FIRST_SEED + OTHER_SEEDS
        for task in tasks:
            for name, search in SEARCHES.items():
                if name not in BUDGETS and not others:
                    continue
                _measure(scores, "compare", task, name, search, BUDGETS.get(name, OTHER_BUDGETS), seed)
        for name, search in ABLATIONS.items() if others and seed % 2 == 0 else ():
            for task in ABLATED_TASKS:
                _measure(
                    scores,
                    "ablations",
                    task,
                    name,
                    search,
                    (ABLATED_BUDGET,),
                    FIRST_SEED + (seed - FIRST_SEED) // 2,
                )
        for null_seed in range(NULL_SEEDS * (seed - FIRST_SEED), NULL_SEEDS * (seed - FIRST_SEED + 1)):
            for task in NULL_TASKS:
                for name in (FACTORIAL, LIBRARY):
                    _measure_null(scores, task, name, FIRST_SEED + null_seed)
        if keep:
            scores.write()
        print(f"seed {seed}", flush=True)


def _measure(
    scores: Scores, part: str, task: str, name: str, search: Search, budgets: Sequence[int], seed: int
) -> None:
    cell = scores.of(part, task, name)
    place = seed - FIRST_SEED
    missing = [budget for budget in budgets if len(cell.setdefault(str(budget), [])) == place]
    if not missing:
        return
    found = search(lambda: world_of(task, seed), missing)
    judge = world_of(task, seed)
    for budget in missing:
        cell[str(budget)].append(round(judge.truth(found[budget]), 4))
    source = scores.of(part, task, SOURCE_SCORE).setdefault("0", [])
    if len(source) == place:
        source.append(round(judge.truth(Candidate({"prompt": SOURCE})), 4))


def _measure_null(scores: Scores, task: str, name: str, seed: int) -> None:
    """Whether the sealed test says IMPROVED where nothing can be improved."""
    cell = scores.of("null", task, name)
    columns: dict[str, Any] = {
        column: cell.setdefault(column, []) for column in ("improved", "worse", "gain")
    }
    if len(columns["gain"]) != seed - FIRST_SEED:
        return
    best = SEARCHES[name](lambda: SimulatedTask(KINDS[task], seed), (NULL_BUDGET,))[NULL_BUDGET]
    world, source = SimulatedTask(KINDS[task], seed), Candidate({"prompt": SOURCE})
    before, after = (
        world.answers(candidate, SEALED_PAIRS, np.random.default_rng([seed, 9]))
        for candidate in (source, best)
    )
    verdict = verdict_of(paired_bootstrap(list(before), list(after), seed=seed))
    columns["improved"].append(int(verdict is Verdict.IMPROVED))
    columns["worse"].append(int(verdict is Verdict.WORSE))
    columns["gain"].append(round(world.truth(best) - world.truth(source), 4))
