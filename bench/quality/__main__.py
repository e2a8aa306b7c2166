"""Quality of what searches find, against the calls they spend. Deterministic: the same seeds, the same table.

    python -m bench.quality compare   [--seeds 40] [--tasks additive noisy] [--searches ...] [--budgets 500]
    python -m bench.quality ablations [--seeds 40] [--tasks ...] [--budgets 500]
    python -m bench.quality null      [--seeds 100]
    python -m bench.quality report

``compare`` runs each search on simulated tasks (``simulated.py``) and keeps the true score of every winner in
``bench/results/quality.json``, beside the command; what is there for other tasks, searches and budgets stays.
``null`` asks how often the sealed test says IMPROVED where nothing can be improved. ``report`` prints the
tables of ``docs/factorial.md`` from the file.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from burnish.domain.candidate import Candidate
from burnish.domain.job import Verdict
from burnish.evaluation.statistics import paired_bootstrap, verdict_of

from .planted import PLANTED, PlantedTask
from .searches import ABLATIONS, SEARCHES, Search
from .simulated import KINDS, SOURCE, SimulatedTask

RESULTS = Path(__file__).parents[1] / "results" / "quality.json"
SEALED = 100
"""Pairs of the sealed test in ``null``."""


def world_of(name: str, seed: int) -> Any:
    return PlantedTask(seed) if name == PLANTED else SimulatedTask(KINDS[name], seed)


def scores(name: str, searches: Mapping[str, Search], search: str, budget: int, seeds: int) -> dict[str, Any]:
    """True scores of the winners, and calls spent, seed by seed."""
    found, calls = [], []
    for seed in range(seeds):
        world = world_of(name, seed)
        result = searches[search](world, budget)
        found.append(round(world.truth(result.best), 4))
        calls.append(result.calls)
    source = [round(world_of(name, s).truth(Candidate({"prompt": SOURCE})), 4) for s in range(seeds)]
    return {
        "scores": found,
        "calls": round(statistics.fmean(calls)),
        "source": round(statistics.fmean(source), 4),
    }


def run(part: str, searches: Mapping[str, Search], chosen: argparse.Namespace) -> None:
    """Every cell of the table, kept as soon as it is there."""
    for name in chosen.tasks:
        for search in chosen.searches or searches:
            for budget in chosen.budgets:
                cell = scores(name, searches, search, budget, chosen.seeds)
                keep(part, f"{name} | {search} | {budget}", cell)
                print(f"{name:18} {search:22} {budget:5} {statistics.fmean(cell['scores']):.3f}", flush=True)


def run_null(chosen: argparse.Namespace) -> None:
    """How often IMPROVED is said where nothing can be improved."""
    for name in chosen.tasks:
        for search in chosen.searches or ("FACTORIAL", "GEPA, the library"):
            verdicts, gains = [], []
            for seed in range(chosen.seeds):
                world = SimulatedTask(KINDS[name], seed)
                best = SEARCHES[search](world, chosen.budgets[0]).best
                source = Candidate({"prompt": SOURCE})
                before, after = (
                    world.answers(candidate, SEALED, np.random.default_rng([seed, 9]))
                    for candidate in (source, best)
                )
                verdicts.append(verdict_of(paired_bootstrap(list(before), list(after), seed=seed)))
                gains.append(world.truth(best) - world.truth(source))
            cell = {
                "improved": verdicts.count(Verdict.IMPROVED),
                "worse": verdicts.count(Verdict.WORSE),
                "seeds": chosen.seeds,
                "true_gain": round(statistics.fmean(gains), 4),
            }
            keep("null", f"{name} | {search} | {chosen.budgets[0]}", cell)
            print(name, search, cell, flush=True)


def keep(part: str, key: str, cell: Mapping[str, Any]) -> None:
    """Put one cell into the file."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept.setdefault(part, {})[key] = {**cell, "command": " ".join(["python -m bench.quality", *sys.argv[1:]])}
    RESULTS.parent.mkdir(exist_ok=True)
    parts = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"{json.dumps(key)}: {json.dumps(kept[name][key])}" for key in sorted(kept[name]))
        + "\n}"
        for name in sorted(kept)
    ]
    RESULTS.write_text("{\n" + ",\n".join(parts) + "\n}\n")  # one line for each cell


def report() -> None:
    """The tables, as Markdown."""
    kept = json.loads(RESULTS.read_text())
    for part in ("compare", "ablations"):
        cells = {tuple(key.split(" | ")): cell for key, cell in kept.get(part, {}).items()}
        for name in dict.fromkeys(key[0] for key in cells):
            budgets = sorted({int(key[2]) for key in cells if key[0] == name})
            searches = dict.fromkeys(key[1] for key in cells if key[0] == name)
            print(f"\n**{name}** ({part})\n\n| | {' | '.join(map(str, budgets))} |")
            print(f"|---|{'---|' * len(budgets)}")
            for search in searches:
                row = [_shown(cells.get((name, search, str(budget)))) for budget in budgets]
                print(f"| {search} | {' | '.join(row)} |")
    for key, cell in kept.get("null", {}).items():
        said = f"IMPROVED {cell['improved']} of {cell['seeds']}"
        print(f"\nnull: {key}: {said}, true gain {cell['true_gain']:+.4f}")


def _shown(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return ""
    found = cell["scores"]
    error = statistics.stdev(found) / math.sqrt(len(found)) if len(found) > 1 else 0.0
    return f"{statistics.fmean(found):.3f} ± {2 * error:.3f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("compare", "ablations", "null", "report"))
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--tasks", nargs="*")
    parser.add_argument("--searches", nargs="*")
    parser.add_argument("--budgets", nargs="*", type=int)
    chosen = parser.parse_args(arguments)
    live = [name for name in KINDS if not name.startswith("null")]
    if chosen.part == "compare":
        chosen.tasks = chosen.tasks or live
        chosen.budgets = chosen.budgets or [300, 500, 1000]
        run("compare", SEARCHES, chosen)
    elif chosen.part == "ablations":
        chosen.tasks = chosen.tasks or ["additive", "non-additive", "format", "noisy"]
        chosen.budgets = chosen.budgets or [500]
        run("ablations", ABLATIONS, chosen)
    elif chosen.part == "null":
        chosen.tasks = chosen.tasks or [name for name in KINDS if name.startswith("null")]
        chosen.budgets = chosen.budgets or [500]
        run_null(chosen)
    else:
        report()


if __name__ == "__main__":
    main()
