"""What a benchmark found, and the file it is kept in: ``bench/results/NAME.json``."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"

Cell = str | float | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A promise with a number, and what was measured.

    Attributes:
        value: measured; ``None`` where it could not be, and ``note`` says why.
        at_most, at_least: the bound, in the same unit.
        note: cause of a miss, or what stood in the way.
    """

    what: str
    value: float | None
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """``None`` where nothing was measured."""
        if self.value is None:
            return None
        below = self.at_most is None or self.value <= self.at_most
        return below and (self.at_least is None or self.value >= self.at_least)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOfFigures:
    """Rows as a reader sees them; columns are named with their units."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Lines or bars.

    Attributes:
        series: name → (x, y) pairs; the x of bars are texts.
        log: axes with a logarithmic scale.
    """

    title: str
    x: str
    y: str
    series: Mapping[str, Sequence[tuple[float | str, float]]]
    kind: Literal["lines", "bars"] = "lines"
    log: Literal["", "x", "y", "xy"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run of one benchmark.

    Attributes:
        about: what was done, in a sentence or two.
        sources: paths whose later commits make the result old.
        peers: versions of what was measured beside Burnish.
    """

    name: str
    about: str
    tables: Sequence[TableOfFigures]
    targets: Sequence[Target] = ()
    plots: Sequence[Plot] = ()
    seeds: Sequence[int] = ()
    sources: Sequence[str] = ("src/burnish",)
    peers: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def keep(result: Result, began: float) -> Path:
    """Write it down with where, when and of what it was measured. Returns the file.

    Args:
        began: ``time.time()`` at its beginning.
    """
    kept = {
        **asdict(result),
        "targets": [asdict(target) | {"met": target.met} for target in result.targets],
        "command": " ".join(["python", "-m", "bench", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime(began)),
        "minutes": round((time.time() - began) / 60, 1),
        "commit": _git("rev-parse", "--short=10", "HEAD"),
        "uncommitted": bool(_git("status", "--porcelain", "--untracked-files=no", "--", *result.sources)),
        "machine": {
            "processor": _processor(),
            "processors": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "load": round(os.getloadavg()[1], 1),
        },
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("burnish", "mlflow", "gepa")},
        },
    }
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{result.name}.json"
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def commits_since(kept: Mapping[str, Any]) -> int | None:
    """How many later commits changed what the result speaks of; ``None`` where git cannot say."""
    if not kept.get("commit"):
        return None
    count = _git("rev-list", "--count", f"{kept['commit']}..HEAD", "--", *kept["sources"])
    return int(count) if count else None


def as_text(result: Result) -> str:
    """For the terminal."""
    lines = [f"\n{result.name}: {result.about}"]
    for table in result.tables:
        cells = [list(table.columns), *([cell_text(cell) for cell in row] for row in table.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(table.columns))]
        lines += ["", table.title]
        lines += [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells
        ]
    lines += ["", *(target_text(asdict(target) | {"met": target.met}) for target in result.targets)]
    return "\n".join([*lines, *result.notes])


def target_text(target: Mapping[str, Any]) -> str:
    """``met: calls paid twice 0 (at most 4)``."""
    word = {True: "met", False: "MISSED", None: "not measured"}[target["met"]]
    wanted = [
        f"{bound} {cell_text(target[key])}{target['unit'] and ' ' + target['unit']}"
        for key, bound in (("at_most", "at most"), ("at_least", "at least"))
        if target[key] is not None
    ]
    value = "" if target["value"] is None else f" {cell_text(target['value'])} {target['unit']}".rstrip()
    note = f"; {target['note']}" if target["note"] else ""
    return f"{word}: {target['what']}{value} ({', '.join(wanted)}){note}"


def cell_text(cell: Cell) -> str:
    """Three figures that count; nothing where nothing is known."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
