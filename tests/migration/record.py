"""Writes down a store with a half-finished job in it, table by table, for the migration test.

    python -m tests.migration.record tests/migration/half_finished_0001.json

What was recorded by an earlier version is never recorded again: that is the point of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, create_engine, select

from burnish.store.tables import SCHEMA_VERSION, VERSION_TABLE
from tests.worker.harness import WorkerHarness, WorkerProcess

DIES_AT_CALL = 40


async def half_finished() -> dict[str, Any]:
    """The tables of such a store."""
    folder = Path(tempfile.mkdtemp())
    harness = WorkerHarness(folder)
    await harness.submit()
    await WorkerProcess(harness, dies_at_call=DIES_AT_CALL).run()
    await harness.close()
    engine = create_engine(harness.uri)
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        rows = {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in metadata.sorted_tables
            if table.name != VERSION_TABLE
        }
    engine.dispose()
    return {"schema": SCHEMA_VERSION, "tables": rows}


if __name__ == "__main__":
    document = asyncio.run(half_finished())
    Path(sys.argv[1]).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
