"""Fault after fault on one installation, and the table of what was found."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tests.chaos.deployment import Batch, Deployment
from tests.chaos.faults import Fault
from tests.chaos.invariants import Findings, candidates_of, check_invariants
from tests.chaos.kill_steps import kill_at_steps
from tests.chaos.resource_leaks import find_resource_leaks

KILL_STEPS = "kill -9 at every step"


@dataclass(frozen=True)
class Row:
    """One fault on one store."""

    fault: str
    store: str
    findings: Findings
    seconds: float


async def run_faults(
    folder: Path,
    *,
    postgres: bool,
    faults: Sequence[Fault],
    jobs: int,
    seed: int = 0,
    latency_ms: float = 40.0,
    patience_seconds: float = 120.0,
) -> list[Row]:
    """Let ``jobs`` jobs live through each of the faults."""
    store, rows = "postgres" if postgres else "sqlite", []
    faults = [fault for fault in faults if store in fault.where]
    tracking_server = any(fault.tracking_server for fault in faults)
    expected: list[Any] | None = None
    deployment = Deployment(
        folder, postgres=postgres, seed=seed, latency_ms=latency_ms, tracking_server=tracking_server
    )
    async with deployment:
        for fault in faults:
            began = time.monotonic()
            batch = await deployment.submit(jobs)
            findings = await _live_through(deployment, fault, batch, expected, patience_seconds)
            if fault.name == "none" and findings.attempts != findings.jobs:
                findings.late.append("jobs were taken over though nobody had died")
            if expected is None and findings.completed and not fault.changes_results:
                expected = await candidates_of(deployment, batch.job_ids[0])
            rows.append(Row(fault.name, store, findings, time.monotonic() - began))
            say(_line(rows[-1]))
        began = time.monotonic()
        findings = await _stop(deployment)
        rows.append(Row("SIGTERM to all", store, findings, time.monotonic() - began))
        say(_line(rows[-1]))
    return rows


async def run_kill_steps(folder: Path, *, postgres: bool, **steps: Any) -> Row:
    """One job for each step at which a process is killed; see ``kill_steps.kill_at_steps``."""
    began = time.monotonic()
    findings = await kill_at_steps(folder, postgres=postgres, **steps)
    row = Row(KILL_STEPS, "postgres" if postgres else "sqlite", findings, time.monotonic() - began)
    say(_line(row))
    return row


async def _live_through(
    deployment: Deployment, fault: Fault, batch: Batch, expected: list[Any] | None, patience_seconds: float
) -> Findings:
    await deployment.until_running(batch)
    try:
        await fault.strike(deployment, batch)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other faults are to have their turn
        batch.problems.append(f"could not be played: {type(error).__name__}: {error}")
        await deployment.revive()
    waiting = await deployment.until_over(batch, patience_seconds)
    await asyncio.sleep(0.5)  # for what would still be on its way
    found = await check_invariants(deployment, batch, waiting, None if fault.changes_results else expected)
    if not waiting:
        found.problems += await find_resource_leaks(deployment)
    return found


async def _stop(deployment: Deployment) -> Findings:
    """End everything in the middle of work; nothing of it may be left."""
    findings = Findings()
    batch = await deployment.submit(2)
    await deployment.model.set_faults(latency_seconds=1.0)  # they shall not end by themselves
    await deployment.until_running(batch)
    for child in deployment.children:
        began = time.monotonic()
        if (code := await child.stop()) != 0:
            findings.problems.append(f"{child.name} ended with {code}: {child.said()[-500:]}")
        if time.monotonic() - began > 15:
            findings.late.append(f"{child.name} took {time.monotonic() - began:.0f} s to stop")
    for job in await deployment.jobs(batch):
        if job.status.value == "IN_PROGRESS":
            findings.problems.append(f"{job.job_id} was not given back")
    if deployment.postgres is not None:
        await _check_postgres(deployment, findings)
    await deployment.model.set_faults(latency_seconds=0.04)
    await deployment.revive()
    waiting = await deployment.until_over(batch, 60)
    after = await check_invariants(deployment, batch, waiting, None)
    after.problems += findings.problems
    after.late += findings.late
    return after


async def _check_postgres(deployment: Deployment, findings: Findings) -> None:
    import psycopg

    assert deployment.postgres is not None
    async with await psycopg.AsyncConnection.connect(deployment.postgres.uri, autocommit=True) as connection:
        for what, query in (
            ("connections", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'burnish-queue'"),
            (
                "workers",
                "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - '5s'::interval",
            ),
            ("messages in work", "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'"),
        ):
            row = await (await connection.execute(query)).fetchone()
            if row and row[0]:
                findings.problems.append(f"{row[0]} {what} left behind")


_TITLES = (
    "fault", "store", "jobs", "done", "tries", "calls", "lost", "doubled", "repeated", "other", "late", "s",
)  # fmt: skip
_WIDTHS = (36, -9, 5, 5, 5, 6, 5, 8, 9, 6, 5, 5)


def header() -> str:
    """The titles of the columns."""
    return _columns(*_TITLES)


def _columns(*cells: object) -> str:
    return " ".join(
        f"{cell!s:<{abs(width)}}" if number < 2 else f"{cell!s:>{width}}"
        for number, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    )


def _line(row: Row) -> str:
    found = row.findings
    numbers = (found.jobs, found.completed, found.attempts, found.calls)
    faults = (len(found.lost), len(found.doubled), found.repeated, len(found.problems), len(found.late))
    details = (*found.lost, *found.doubled, *found.problems, *(f"late: {text}" for text in found.late))
    lines = "".join(f"\n    {text}" for text in details)
    return _columns(row.fault, row.store, *numbers, *faults, round(row.seconds)) + lines


def table(rows: Sequence[Row]) -> str:
    """All rows, and their sum."""
    total = Findings()
    for row in rows:
        for entry in fields(Findings):
            setattr(total, entry.name, getattr(total, entry.name) + getattr(row.findings, entry.name))
    numbers = (total.jobs, total.completed, total.attempts, total.calls)
    faults = (len(total.lost), len(total.doubled), total.repeated, len(total.problems), len(total.late))
    last = _columns("all", "", *numbers, *faults, round(sum(row.seconds for row in rows)))
    return "\n".join([header(), *(_line(row) for row in rows), "-" * len(header()), last])


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
