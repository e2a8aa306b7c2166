"""What the pages say of the benchmarks is what is kept of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import bench.__main__
import bench.peers
import bench.start
from bench import report, results
from bench.__main__ import NAMES, OTHERS, UNFINISHED
from bench.options import Options
from bench.results import Result, Surroundings, TableOfFigures, Target, target_text
from bench.scaling import LONG, constants_table, sizes_table


def test_pages_quote_the_kept_results_and_nothing_else() -> None:
    for file, blocks in report.quoted(report.kept_results()).items():
        text = file.read_text(encoding="utf-8")
        for name, lines in blocks.items():
            assert report.with_block(text, name, lines) == text, f"make bench-report: {file.name}, {name}"


def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **others: Any) -> dict[str, Any]:
    """What is kept of a small result."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(results, "busy_share", lambda: others.pop("busy", 0.0))
    table = TableOfFigures(title="t", columns=("", "ms"), rows=[("Burnish", 1.5)])
    targets = [
        Target(what="start", value=120.0, at_most=100, unit="ms", quoted=True),
        Target(what="memory", value=60.0, at_least=50, unit="times"),
    ]
    result = Result(name="start", about="A test.", tables=[table], targets=targets, constants={"x": 1.0})
    file = results.keep(result, Surroundings())
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_a_result_says_what_it_was_measured_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kept(tmp_path, monkeypatch)
    assert found["commit"] and found["command"] and found["date"]
    assert set(found["machine"]) == {"processor", "processors", "memory_gb", "load", "others"}
    assert set(found["machine"]["load"]) == {"before", "during"}
    assert {"python", "burnish", "mlflow", "gepa"} <= set(found["versions"])


@pytest.mark.parametrize("busy", [0.0, 0.6])
def test_a_loaded_machine_is_named(busy: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "\n".join(report.section(kept(tmp_path, monkeypatch, busy=busy)))
    assert ("Measured on a loaded machine" in page) is (busy > 0)


def test_a_result_is_old_when_what_it_measured_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = kept(tmp_path, monkeypatch) | {"uncommitted": False}
    asked: list[tuple[str, ...]] = []

    def git(*arguments: str) -> str:
        asked.append(arguments)
        return "3"

    monkeypatch.setattr(results, "_git", git)
    assert "Older than the code" in "\n".join(report.section(found))
    assert asked[-1][-len(found["sources"]) :] == tuple(found["sources"])  # other commits do not matter


def test_a_target_is_met_or_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kept(tmp_path, monkeypatch)
    assert [target_text(target) for target in found["targets"]] == [
        "MISSED by 20%: start 120 ms (at most 100 ms)",
        "met: memory 60 times (at least 50 times)",
    ]
    [row] = [line for line in report.quoted({"start": found})[report.README]["figures"] if "start" in line]
    assert "120 ms" in row and "missed" in row and "memory" not in row


def test_an_unmeasured_target_is_neither() -> None:
    target = Target(what="a", value=None, at_most=1, note="no peer")
    assert target_text(asdict(target) | {"met": target.met}) == "not measured: a (at most 1); no peer"


def test_sizes_follow_from_the_measured_constant() -> None:
    result = {"constants": {LONG.name: 2.0}, "command": "python -m bench cpu", "date": "2026-01-02 03:04"}
    [row] = [line for line in sizes_table({"cpu": result}) if line.startswith("| 10 ")]
    assert (
        row == "| 10 | 310 | 60,000 | 5,000 | 11,000 | 5.8 | 2,500 |"
    )  # a core makes 500 calls of 2 ms a second
    assert "| 2 ms | `python -m bench cpu`, 2026-01-02 |" in "\n".join(constants_table({"cpu": result}))


def test_each_benchmark_is_a_module_with_measure() -> None:
    for name in (*NAMES, *OTHERS):
        folder = results.ROOT / "bench"
        file = folder / f"{name}.py"
        source = (file if file.exists() else folder / name / "report.py").read_text(encoding="utf-8")
        assert "async def measure(options: Options) -> Result:" in source, name


def in_a_process_of_its_own(script: str, folder: Path) -> str:
    """What it prints; it may kill all that it has started."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={"PYTHONPATH": f"{results.ROOT}:{results.ROOT / 'src'}"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_one_that_fails_or_hangs_takes_no_other_along(tmp_path: Path) -> None:
    script = """
import sys
from bench.__main__ import run_each
programs = {
    "fails": "raise SystemExit(3)", "hangs": "import time; time.sleep(600)", "works": "open('done', 'w')"
}
commands = {name: [sys.executable, "-c", program] for name, program in programs.items()}
print(run_each(commands, {"fails": 5, "hangs": 0.01, "works": 5}))
"""
    stopped = in_a_process_of_its_own(script, tmp_path)
    assert stopped == "{'fails': 'ended with 3', 'hangs': 'was stopped after 0.01 min'}"
    assert (tmp_path / "done").exists()


def test_nothing_outlives_what_started_it(tmp_path: Path) -> None:
    """Not even what has left its session and lost its parent, as PostgreSQL's server does."""
    script = """
import os, sys, time
from bench.processes import adopt_orphans, end_children
adopt_orphans()
if os.fork() == 0:
    os.setsid()
    orphan = os.fork()
    if orphan == 0:
        time.sleep(600)
    print(orphan, flush=True)
    os._exit(0)
os.wait()
end_children()
"""
    orphan = in_a_process_of_its_own(script, tmp_path)
    assert int(orphan) and not Path(f"/proc/{orphan}").exists()


def test_what_was_found_until_a_stop_is_kept_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(results, "busy_share", lambda: 0.0)
    monkeypatch.setattr(bench.peers, "missing", lambda: "")
    rows: list[list[results.Cell]] = []
    found = Result(name="start", about="", tables=[TableOfFigures(title="t", columns=("",), rows=rows)])
    notes: list[list[str]] = []

    async def measure(options: Options) -> Result:
        rows.append(["one"])
        options.so_far(found)
        kept = json.loads((tmp_path / "start.json").read_text(encoding="utf-8"))
        assert kept["tables"][0]["rows"] == [["one"]]
        notes.append(kept["notes"])
        rows.append(["two"])
        return found

    monkeypatch.setattr(bench.start, "measure", measure)
    bench.__main__.measure("start", Options())
    kept = json.loads((tmp_path / "start.json").read_text(encoding="utf-8"))
    assert kept["tables"][0]["rows"] == [["one"], ["two"]]
    assert notes == [[UNFINISHED]] and kept["notes"] == []


async def test_a_peer_that_takes_too_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.peers, "MINUTES", 0.0)
    notes: list[str] = []
    assert await bench.peers.attempt("MLflow", asyncio.Event().wait(), notes) is None
    assert notes == ["MLflow could not be measured: it was not done after 0 min"]
