"""What ``docs/scaling.md`` computes from measured constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CALLS, IN_FLIGHT, CALL_SECONDS = 300, 16, 1.0
"""Of the jobs in the table of sizes."""
WORKERS = (1, 10, 100, 1000)
ROWS_A_CALL = 2  # journal and evaluation
STORED_KB_A_CALL = 77 / 66  # counted, see the page
HEARTBEATS_A_SECOND = 2
LOOKS_A_SECOND = 0.8  # of each worker, at the heartbeats of all running jobs


@dataclass(frozen=True, slots=True)
class Constant:
    """A figure of a benchmark.

    Attributes:
        otherwise: where no result is kept; and where that is from.
    """

    what: str
    benchmark: str
    name: str
    otherwise: float
    source: str

    def of(self, results: Mapping[str, Mapping[str, Any]]) -> tuple[float, str]:
        """Value in ms, and where it is from."""
        result = results.get(self.benchmark, {})
        value = result.get("constants", {}).get(self.name)
        if value is None:
            return self.otherwise, self.source
        return float(value), f"`{result['command']}`, {result['date'][:10]}"


LONG = Constant(
    "a worker's CPU for a model call, jobs of 300 calls", "cpu", "cpu_ms_300", 1.4, "decision 0191"
)
CONSTANTS = (
    LONG,
    Constant("the same, jobs of 67 calls", "cpu", "cpu_ms_66", 4.4, "decision 0191, dearer traces"),
    Constant(
        "a worker's CPU for a job of one call",
        "scale",
        "worker_ms_a_job",
        45.0,
        "a short run, loaded machine",
    ),
    Constant("PostgreSQL's CPU for a job of one call", "scale", "postgres_ms_a_job", 9.0, "the same"),
    Constant("a server's `get` of a job", "api", "get_ms", 1.0, "by hand"),
    Constant("a server's `search`, a page of 100 jobs", "api", "search_ms", 10.0, "the same"),
    Constant("a server's `create` of a small job", "api", "create_ms", 26.0, "200 records, by hand"),
)


def constants_table(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The measured ones."""
    rows = [(constant.what, *constant.of(results)) for constant in CONSTANTS]
    return [
        "| what | cost | where from |",
        "|---|---|---|",
        *(f"| {what} | {value:.2g} ms | {source} |" for what, value, source in rows),
    ]


def sizes_table(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What so many workers do, each with a core of its own."""
    ms, _ = LONG.of(results)
    jobs_a_second = 1000 / (CALLS * ms)
    running = jobs_a_second * CALLS * CALL_SECONDS / IN_FLIGHT
    rows = [
        "| workers | jobs running | jobs an hour | model calls a second | rows a second "
        "| MB a second | heartbeats read a second |",
        "|---|---|---|---|---|---|---|",
    ]
    for workers in WORKERS:
        beats = workers * running
        figures = (
            beats,
            workers * jobs_a_second * 3600,
            workers * jobs_a_second * CALLS,
            workers * jobs_a_second * CALLS * ROWS_A_CALL + beats * HEARTBEATS_A_SECOND,
            workers * jobs_a_second * CALLS * STORED_KB_A_CALL / 1000,
            workers * LOOKS_A_SECOND * beats,
        )
        rows.append(f"| {workers:,} | {' | '.join(f'{_rounded(figure):,}' for figure in figures)} |")
    return rows


def _rounded(value: float) -> float:
    """Two figures that count."""
    rounded = float(f"{value:.2g}")
    return int(rounded) if rounded >= 10 else rounded
