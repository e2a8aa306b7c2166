"""The long form: ``make chaos``, or ``python -m tests.chaos --jobs 8 --fault "disk full"``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.chaos.fault_run import KILL_STEPS, Row, header, run_faults, run_kill_steps, say, table
from tests.chaos.faults import FAULTS


async def _run(arguments: argparse.Namespace) -> list[Row]:
    chosen = [fault for fault in FAULTS if not arguments.fault or fault.name in arguments.fault]
    calm = [fault for fault in chosen if not fault.tracking_server]
    with_server = [fault for fault in chosen if fault.tracking_server]
    rows: list[Row] = []
    say(header())
    for store in arguments.store:
        for number, faults in enumerate((calm, with_server)):
            if faults:
                folder = Path(tempfile.mkdtemp(prefix=f"chaos-{store}-{number}-", dir=arguments.folder))
                rows += await run_faults(
                    folder,
                    postgres=store == "postgres",
                    faults=faults,
                    jobs=arguments.jobs,
                    seed=arguments.seed,
                    latency_ms=arguments.latency_ms,
                    patience_seconds=arguments.patience_seconds,
                )
        if not arguments.fault or KILL_STEPS in arguments.fault:
            folder = Path(tempfile.mkdtemp(prefix=f"chaos-{store}-steps-", dir=arguments.folder))
            rows.append(await run_kill_steps(folder, postgres=store == "postgres"))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10, help="for each fault")
    parser.add_argument("--latency-ms", type=float, default=60.0, help="least latency of the model")
    parser.add_argument("--patience-seconds", type=float, default=300.0, help="for the jobs of one fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", action="append", choices=["sqlite", "postgres"])
    parser.add_argument("--fault", action="append", choices=[KILL_STEPS, *(fault.name for fault in FAULTS)])
    parser.add_argument("--folder", help="where logs and databases are kept")
    arguments = parser.parse_args()
    arguments.store = arguments.store or ["sqlite", "postgres"]
    rows = asyncio.run(_run(arguments))
    print(table(rows))
    print(f"load {os.getloadavg()[2]:.1f} on {os.cpu_count()} processors over the last quarter of an hour")
    return 0 if all(row.findings.clean and not row.findings.late for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
