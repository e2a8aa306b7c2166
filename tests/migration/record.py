"""Writes down two stores of this version, table by table, for the migration tests: one with a half-finished
job in it, one with a finished one.

    python -m tests.migration.record tests/migration

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


async def left_behind(dies_at_call: int | None) -> dict[str, Any]:
    """The tables of a store in which a job was finished, or its worker died at that call."""
    folder = Path(tempfile.mkdtemp())
    harness = WorkerHarness(folder)
    await harness.submit()
    await WorkerProcess(harness, dies_at_call=dies_at_call).run()
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
    for name, call in (("half_finished", DIES_AT_CALL), ("finished", None)):
        document = asyncio.run(left_behind(call))
        file = Path(sys.argv[1]) / f"{name}_{SCHEMA_VERSION}.json"
        file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
