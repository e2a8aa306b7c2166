"""The short form of the chaos: few jobs, the main faults, on both stores. ``make chaos`` is the long one.

Deadlines are reported and not asserted here: a crowded machine may miss them. The long form asserts them.
Each store has a class of its own, so that ``--dist loadscope`` runs them side by side.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.fault_run import run_faults, run_kill_steps, table
from tests.chaos.faults import FAULTS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


class TestSqlite:
    async def test_nothing_is_lost_doubled_or_paid_twice(self, tmp_path: Path) -> None:
        await live_through_all("sqlite", tmp_path)


@pytest.mark.postgres
class TestPostgres:
    async def test_nothing_is_lost_doubled_or_paid_twice(self, tmp_path: Path) -> None:
        await live_through_all("postgres", tmp_path)


async def live_through_all(store: str, folder: Path) -> None:
    faults = [fault for fault in FAULTS if store in fault.short]
    rows = await run_faults(folder, postgres=store == "postgres", faults=faults, jobs=3)
    assert all(row.findings.clean for row in rows), f"\n{table(rows)}"
    assert sum(row.findings.attempts - row.findings.jobs for row in rows) > 0  # the faults did strike


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_killed_in_a_submission_and_in_a_first_attempt(store: str, tmp_path: Path) -> None:
    """Two of the steps; the long form takes every one."""
    row = await run_kill_steps(tmp_path, postgres=store == "postgres", submission=[18], attempt=[12])
    assert row.findings.clean, f"\n{table([row])}"
    assert row.findings.attempts > row.findings.jobs
