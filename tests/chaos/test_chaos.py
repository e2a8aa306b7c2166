"""The short form of the chaos: few jobs, the main faults, on both stores. ``make chaos`` is the long one.

Deadlines are reported and not asserted here: a crowded machine may miss them. The long form asserts them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.campaign import campaign, table
from tests.chaos.faults import FAULTS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_nothing_is_lost_doubled_or_paid_twice(store: str, tmp_path: Path) -> None:
    faults = [fault for fault in FAULTS if store in fault.short]
    rows = await campaign(tmp_path, postgres=store == "postgres", faults=faults, jobs=3)
    assert all(row.findings.clean for row in rows), f"\n{table(rows)}"
    assert sum(row.findings.attempts - row.findings.jobs for row in rows) > 0  # the faults did strike
