"""Tables and targets from the raw figures (``scores.py``) and the tables of answers (``replayed.py``)."""

from __future__ import annotations

import asyncio
import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

from bench.options import Options
from bench.results import Cell, Plot, Result, TableOfFigures, Target

from .planted import PLANTED
from .replayed import replay
from .scores import (
    ABLATED_BUDGET,
    ABLATED_TASKS,
    BUDGETS,
    FIRST_SEED,
    NULL_BUDGET,
    NULL_TASKS,
    SEALED_PAIRS,
    SOURCE_SCORE,
    TASKS,
    Scores,
    run,
)
from .searches import ABLATIONS, FACTORIAL, LIBRARY, ON_SAME_SPLIT, SEARCHES

SEEDS, MINUTES = 200, 8.0
REPLAYED_SPLITS = 60
WORLDS = ("scores", "searches", "simulated", "planted", "world")
SOURCES = (
    "src/burnish/optimizers",
    "src/burnish/evaluation/statistics.py",
    *(f"bench/quality/{name}.py" for name in WORLDS),
)
"""What the raw figures depend on; they are older than the tables that are made of them."""
SIMULATED = tuple(task for task in TASKS if task != PLANTED)


async def measure(options: Options) -> Result:
    """Tables of what is kept. Where nothing is, a few minutes of seeds are run first; ``python -m
    bench.quality`` takes the time for all of them."""
    return await asyncio.to_thread(_measure, options)  # each search has an event loop of its own


def _measure(options: Options) -> Result:
    scores = Scores({}) if options.short else Scores.read()
    if options.short:
        run(1, MINUTES, scores, tasks=("additive",), keep=False)
    elif not scores.cells:
        run(SEEDS, MINUTES, scores)
    reached = {calls: _calls_to_reach(scores, calls) for calls in (1000, 2000)}
    return Result(
        name="quality",
        about=(
            "True score of the prompt that a search ends with, on examples that nobody has seen; calls are "
            "those of the model and of the reflection model together."
        ),
        tables=[
            _by_task(scores),
            _of_all_searches(scores),
            _reached_table(reached),
            _null_table(scores),
            _ablations(scores),
            replay(3 if options.short else REPLAYED_SPLITS),
        ],
        targets=_targets(scores, reached),
        plots=[_mean_curve(scores)],
        seeds=list(range(FIRST_SEED, FIRST_SEED + seeds_of(scores))),
        sources=SOURCES,
        kept=("bench/quality/scores.json",),
        notes=[
            "FACTORIAL divides its examples as its jobs do (0.45 to 0.2), the others have equal parts; rows "
            "that say so exchange this. Joint search has no edits of a reflection model to test here and is "
            "shown for completeness. The worlds were written by those who wrote the search.",
        ],
    )


def seeds_of(scores: Scores) -> int:
    found = scores.cells.get("compare", {}).get(TASKS[0], {}).get(FACTORIAL, {})
    return min(map(len, found.values()), default=0)


def curve(scores: Scores, task: str, search: str) -> list[tuple[int, float]]:
    """Mean true score by calls."""
    found = [(calls, scores.mean("compare", task, search, calls)) for calls in BUDGETS[search]]
    return [(calls, mean) for calls, mean in found if mean is not None]


def calls_for(points: Sequence[tuple[int, float]], score: float) -> float:
    """Calls from which a curve of means is at a score for good, interpolated; infinite: not reached."""
    if not points or points[-1][1] < score:
        return math.inf
    at = float(points[0][0])
    for (before, low), (after, high) in pairwise(points):
        if low < score <= high:
            at = before + (after - before) * (score - low) / (high - low)
    return at


def _calls_to_reach(scores: Scores, calls: int) -> dict[str, float]:
    found = {}
    for task in TASKS:
        wanted = scores.mean("compare", task, LIBRARY, calls)
        if wanted is not None:
            found[task] = calls_for(curve(scores, task, FACTORIAL), wanted)
    return found


def _by_task(scores: Scores) -> TableOfFigures:
    columns = [(FACTORIAL, calls) for calls in BUDGETS[FACTORIAL]]
    columns += [(LIBRARY, calls) for calls in BUDGETS[LIBRARY]]
    rows: list[list[Cell]] = []
    for task in TASKS:
        error = max(_error(scores.of("compare", task, search), calls) for search, calls in columns)
        means = [_rounded(scores.mean("compare", task, search, calls)) for search, calls in columns]
        rows.append(
            [task, _rounded(scores.mean("compare", task, SOURCE_SCORE, 0)), *means, round(2 * error, 3)]
        )
    mean_row: list[Cell] = ["mean of the simulated", _mean_over(scores, SOURCE_SCORE, 0)]
    rows.append([*mean_row, *(_mean_over(scores, search, calls) for search, calls in columns), None])
    names = [f"{'FACTORIAL' if search == FACTORIAL else 'GEPA'} {calls}" for search, calls in columns]
    return TableOfFigures(
        title=f"True score by task and calls; {seeds_of(scores)} seeds, ± is two standard errors at most",
        columns=["task", "source", *names, "±"],
        rows=rows,
    )


def _of_all_searches(scores: Scores) -> TableOfFigures:
    rows = [[name, *(_mean_over(scores, name, calls) for calls in (500, 1000))] for name in SEARCHES]
    return TableOfFigures(
        title="Mean of the simulated tasks", columns=["search", "500 calls", "1,000 calls"], rows=rows
    )


def _reached_table(reached: dict[int, dict[str, float]]) -> TableOfFigures:
    rows: list[list[Cell]] = [
        [task, *(_calls_text(reached[calls].get(task)) for calls in reached)] for task in TASKS
    ]
    medians = [_calls_text(_median(reached[calls])) for calls in reached]
    return TableOfFigures(
        title="Calls of FACTORIAL to the library's score, interpolated on means",
        columns=["task", "of 1,000 calls", "of 2,000 calls"],
        rows=[*rows, ["median of the simulated", *medians]],
    )


def _null_table(scores: Scores) -> TableOfFigures:
    rows: list[list[Cell]] = []
    for task in NULL_TASKS:
        for search in (FACTORIAL, LIBRARY):
            cell = scores.of("null", task, search)
            if gains := cell.get("gain"):
                counts = [int(sum(cell[column])) for column in ("improved", "worse")]
                rows.append([task, search, len(gains), *counts, round(statistics.fmean(gains), 4)])
    return TableOfFigures(
        title=(
            f"Where nothing can be improved: verdicts of a sealed test of {SEALED_PAIRS} pairs after "
            f"{NULL_BUDGET} calls"
        ),
        columns=["task", "search", "seeds", "IMPROVED", "WORSE", "true gain of what was chosen"],
        rows=rows,
    )


def _ablations(scores: Scores) -> TableOfFigures:
    rows: list[list[Cell]] = []
    budget = str(ABLATED_BUDGET)
    whole = {task: scores.of("ablations", task, "whole").get(budget, []) for task in ABLATED_TASKS}
    for name in ABLATIONS:
        differences = []
        means: list[Cell] = []
        for task in ABLATED_TASKS:
            found = scores.of("ablations", task, name).get(budget, [])
            means.append(_rounded(statistics.fmean(found)) if found else None)
            differences += [a - b for a, b in zip(found, whole[task], strict=False)]
        if differences:
            error = 2 * statistics.pstdev(differences) / math.sqrt(len(differences))
            shown = f"{statistics.fmean(differences):+.3f} ± {error:.3f}" if name != "whole" else ""
            rows.append([name, *means, shown])
    seeds = min(map(len, whole.values()), default=0)
    return TableOfFigures(
        title=f"Parts left out: true score after {ABLATED_BUDGET} calls, {seeds} seeds",
        columns=["left out", *ABLATED_TASKS, "difference, paired"],
        rows=rows,
    )


def _targets(scores: Scores, reached: dict[int, dict[str, float]]) -> list[Target]:
    behind = [
        ours - theirs
        for task in SIMULATED
        for calls in BUDGETS[FACTORIAL]
        if (ours := scores.mean("compare", task, FACTORIAL, calls)) is not None
        and (theirs := scores.mean("compare", task, LIBRARY, calls)) is not None
    ]
    improved = [
        statistics.fmean(found)
        for task in NULL_TASKS
        if (found := scores.of("null", task, FACTORIAL).get("improved"))
    ]
    return [
        Target(
            what="calls to GEPA's score of 1,000, median task",
            value=_finite(_median(reached[1000])),
            at_most=500,
        ),
        Target(
            what="calls to GEPA's score of 2,000, median task",
            value=_finite(_median(reached[2000])),
            at_most=800,
        ),
        Target(
            what="largest score behind GEPA at equal calls, any task",
            value=round(min(behind), 4) if behind else None,
            at_least=-0.01,
        ),
        Target(
            what="share of null jobs that say IMPROVED",
            value=round(max(improved), 3) if improved else None,
            at_most=0.05,
        ),
        Target(
            what="planted insight: calls to GEPA's score of 1,000",
            value=_finite(reached[1000].get(PLANTED, math.inf)),
            at_most=400,
        ),
    ]


def _mean_curve(scores: Scores) -> Plot:
    names = {FACTORIAL: "FACTORIAL", LIBRARY: "GEPA", ON_SAME_SPLIT: "GEPA, same split"}
    series = {
        shown: [
            (calls, mean) for calls in BUDGETS[name] if (mean := _mean_over(scores, name, calls)) is not None
        ]
        for name, shown in names.items()
    }
    return Plot(title="Mean true score of nine simulated tasks", x="calls", y="true score", series=series)


def _mean_over(scores: Scores, search: str, calls: int) -> float | None:
    found = [scores.mean("compare", task, search, calls) for task in SIMULATED]
    known = [mean for mean in found if mean is not None]
    return round(statistics.fmean(known), 3) if len(known) == len(SIMULATED) else None


def _median(reached: dict[str, float]) -> float:
    found = [calls for task, calls in reached.items() if task in SIMULATED]
    return statistics.median(found) if found else math.inf


def _error(cell: dict[str, list[float]], calls: int) -> float:
    found = cell.get(str(calls), [])
    return statistics.stdev(found) / math.sqrt(len(found)) if len(found) > 1 else 0.0


def _finite(value: float) -> float | None:
    return round(value) if math.isfinite(value) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _calls_text(calls: float | None) -> Cell:
    if calls is None:
        return None
    return round(calls) if math.isfinite(calls) else f"not within {max(BUDGETS[FACTORIAL]):,}"
