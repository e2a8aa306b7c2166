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
        quoted: the README has it.
    """

    what: str
    value: float | None
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""
    note: str = ""
    quoted: bool = False

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
        kept: files of earlier measurements that it is made from, of whose commit it then speaks.
        peers: versions of what was measured beside Burnish.
        constants: single figures for other pages, by name: see ``bench/report.py``.
    """

    name: str
    about: str
    tables: Sequence[TableOfFigures]
    targets: Sequence[Target] = ()
    plots: Sequence[Plot] = ()
    seeds: Sequence[int] = ()
    sources: Sequence[str] = ("src/burnish", ":!src/burnish/cli", ":!src/burnish/doctor", ":!src/burnish/sdk")
    kept: Sequence[str] = ()
    peers: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    constants: Mapping[str, float] = field(default_factory=dict)


class Surroundings:
    """What else the machine does: made before a benchmark, asked after it.

    Attributes:
        began: ``time.time()``.
    """

    def __init__(self) -> None:
        self.began = time.time()
        self._load = os.getloadavg()[0]
        self._others = busy_share()

    def kept(self) -> dict[str, Any]:
        """Load averages, and the share of the processors that others used before and after."""
        load = {"before": round(self._load, 1), "during": round(os.getloadavg()[1 if self._long else 0], 1)}
        return {"load": load, "others": {"before": self._others, "after": busy_share()}}

    @property
    def _long(self) -> bool:
        return time.time() - self.began > 300  # more than the second of the load averages looks back


def busy_share(seconds: float = 2.0) -> float:
    """Share of all processors that is used while this process does nothing."""
    before = _jiffies()
    time.sleep(seconds)
    busy, total = (after - first for after, first in zip(_jiffies(), before, strict=True))
    return round(busy / max(1, total), 2)


def keep(result: Result, surroundings: Surroundings) -> Path:
    """Write it down with where, when and of what it was measured. Returns the file."""
    began = surroundings.began
    kept = {
        **asdict(result),
        "targets": [asdict(target) | {"met": target.met} for target in result.targets],
        "command": f"python -m bench {result.name}",
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime(began)),
        "minutes": round((time.time() - began) / 60, 1),
        "commit": _git("log", "-1", "--format=%h", "--abbrev=10", "--", *result.kept),
        "uncommitted": bool(_git("status", "--porcelain", "--untracked-files=no", "--", *result.sources)),
        "machine": {
            "processor": _processor(),
            "processors": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            **surroundings.kept(),
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
    """``met: calls paid twice 0 (at most 4)``, ``MISSED by 12 %: …``."""
    word = {True: "met", False: f"MISSED{_distance(target)}", None: "not measured"}[target["met"]]
    value = "" if target["value"] is None else f" {value_text(target)}"
    note = f"; {target['note']}" if target["note"] else ""
    return f"{word}: {target['what']}{value} ({bound_text(target)}){note}"


def value_text(target: Mapping[str, Any]) -> str:
    """Figure and unit."""
    return f"{cell_text(target['value'])} {target['unit']}".rstrip()


def bound_text(target: Mapping[str, Any]) -> str:
    """``at most 100 ms``."""
    wanted = (("at_most", "at most"), ("at_least", "at least"))
    return ", ".join(
        f"{word} {cell_text(target[key])} {target['unit']}".rstrip()
        for key, word in wanted
        if target[key] is not None
    )


def _distance(target: Mapping[str, Any]) -> str:
    """How far from its bound, in shares of it."""
    bound = target["at_most"] if target["at_most"] is not None else target["at_least"]
    known = bound and target["value"] is not None
    return f" by {abs(target['value'] / bound - 1):.0%}" if known else ""


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


def _jiffies() -> tuple[int, int]:
    """Used, and in all (Linux; elsewhere nothing is seen)."""
    if sys.platform != "linux":
        return 0, 0
    times = [int(part) for part in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(times) - times[3] - times[4], sum(times)  # but idle and iowait


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
