"""The pictures of ``docs/factorial.md``: ``python -m bench.quality.pictures`` (``make bench-pictures``).

Score against calls for each task from the raw figures; effects with their intervals, and calibration, from
searches that are run here, where the true effect of every edit is known.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bench.plots import save
from burnish.domain.candidate import Candidate
from burnish.domain.edit import EditReport, EditStatus
from burnish.optimizers.factorial.optimizer import Factorial
from burnish.optimizers.protocol import Task

from .report import curve, seeds_of
from .scores import FIRST_SEED, TASKS, Scores, world_of
from .searches import CONCURRENCY, FACTORIAL, LIBRARY, TRAIN_SHARE
from .world import SOURCE, Silent

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SHOWN_TASK, SHOWN_CALLS = "additive", 1000
CALIBRATED_TASKS, CALIBRATED_SEEDS, CALIBRATED_CALLS = ("additive", "noisy", "harmful"), 8, 500
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class KnownEdit:
    """What a search said of a sentence at its end, and what it is truly worth beside the winner's others."""

    report: EditReport
    truth: float

    @property
    def is_covered(self) -> bool:
        low, high = self.report.low, self.report.high
        return low is not None and high is not None and low <= self.truth <= high


def known_edits(task: str, seed: int, calls: int) -> list[KnownEdit]:
    """The sentences of one search, those that were given up at their last report."""
    world = world_of(task, seed)
    world.divide(TRAIN_SHARE)
    observer = Silent()
    source = Candidate({"prompt": SOURCE}, origin="source")
    optimizer = Factorial.from_settings({"search_calls": 100_000, "rewrite": False})
    search_task = Task(
        source=source,
        train=tuple(world.train),
        validation=tuple(world.validation),
        seed=seed,
        concurrency=CONCURRENCY,
        max_calls=calls,
    )
    asyncio.run(optimizer.optimize(search_task, world.evaluate, world.reflect, observer))
    last: dict[int, Any] = {report.number: report for report in observer.edits}  # type: ignore[attr-defined]
    sentences = [report for report in last.values() if report.origin.startswith("reflection")]
    kept = [report.text for report in sentences if report.status is EditStatus.KEPT]

    def truth(texts: list[str]) -> float:
        return world.truth(Candidate({"prompt": "\n".join([SOURCE, *texts])}))

    found = []
    for report in sentences:
        others = [text for text in kept if text != report.text]
        if report.effect is not None:
            found.append(KnownEdit(report, truth([*others, report.text]) - truth(others)))
    return found


def draw_curves(scores: Scores) -> None:
    def draw(axes: Axes, theme: str) -> None:
        figure: Any = axes.figure
        axes.remove()
        for at, task in enumerate(TASKS):
            panel = figure.add_subplot(2, 5, at + 1)
            for search, name in ((FACTORIAL, "FACTORIAL"), (LIBRARY, "GEPA")):
                points = curve(scores, task, search)
                panel.plot(*zip(*points, strict=True), label=name, marker="o", markersize=3, linewidth=1.4)
            panel.set_title(task, fontsize=9, loc="left")
            panel.tick_params(labelsize=7)
            panel.grid(axis="y", linewidth=0.5)
        figure.axes[0].legend(frameon=False, fontsize=8)
        figure.supxlabel("calls", fontsize=9)
        figure.supylabel("true score", fontsize=9)
        figure.suptitle(f"True score of the winner, means of {seeds_of(scores)} seeds", fontsize=11)

    save(IMAGES / "factorial-score", "", draw, size=(11, 5))


def draw_effects(edits: list[KnownEdit]) -> None:
    chosen = sorted(edits, key=lambda edit: edit.report.effect or 0.0)[-14:]

    def draw(axes: Axes, theme: str) -> None:
        for row, edit in enumerate(chosen):
            report = edit.report
            axes.plot([report.low or 0, report.high or 0], [row, row], color="C0", linewidth=2, alpha=0.6)
            axes.plot(
                report.effect or 0, row, "o", color="C0", label="estimate, 95 % interval" if not row else ""
            )
            axes.plot(edit.truth, row, "D", color="C1", markersize=5, label="true effect" if not row else "")
        axes.axvline(0, linewidth=0.8, color="C5")
        axes.set_yticks(range(len(chosen)), [edit.report.text[:44] for edit in chosen], fontsize=7)
        axes.set_xlabel("effect on the mean score")
        axes.legend(frameon=False, fontsize=8)

    save(IMAGES / "factorial-effects", f"One search of {SHOWN_CALLS:,} calls", draw, size=(8, 4.6))


def draw_calibration(edits: list[KnownEdit]) -> tuple[float, int]:
    """Returns the share of intervals that hold the true effect, and how many there are."""
    chances = np.array([edit.report.chance or 0.0 for edit in edits])
    good = np.array([edit.truth > 0 for edit in edits])
    bins = np.clip(np.digitize(chances, BINS) - 1, 0, len(BINS) - 2)
    there = [at for at in range(len(BINS) - 1) if (bins == at).any()]

    def draw(axes: Axes, theme: str) -> None:
        axes.plot([0, 1], [0, 1], linewidth=0.8, color="C5")
        for at in there:
            share, count = good[bins == at].mean(), int((bins == at).sum())
            error = 2 * np.sqrt(max(share * (1 - share), 0.25 / count) / count)
            axes.errorbar(chances[bins == at].mean(), share, yerr=error, fmt="o", color="C0")
            axes.annotate(f" {count}", (chances[bins == at].mean(), share), fontsize=8)
        axes.set_xlabel("chance of doing good, as reported")
        axes.set_ylabel("share that truly does")

    save(
        IMAGES / "factorial-calibration", f"{len(edits)} edits of searches of {CALIBRATED_CALLS} calls", draw
    )
    return float(np.mean([edit.is_covered for edit in edits])), len(edits)


def main() -> None:
    draw_curves(Scores.read())
    draw_effects(known_edits(SHOWN_TASK, FIRST_SEED, SHOWN_CALLS))
    edits = [
        edit
        for task in CALIBRATED_TASKS
        for seed in range(FIRST_SEED, FIRST_SEED + CALIBRATED_SEEDS)
        for edit in known_edits(task, seed, CALIBRATED_CALLS)
    ]
    covered, count = draw_calibration(edits)
    print(f"95 % intervals that hold the true effect: {covered:.2f} of {count}")


if __name__ == "__main__":
    main()
