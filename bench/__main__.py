"""Run benchmarks and keep what they found: ``python -m bench start cpu``, ``python -m bench all``.

Each is a module of this package with a function ``measure(options) -> Result``. Some start peers, which
get an environment of their own (``bench/peers.py``). Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
import time
import traceback

from bench.options import Options
from bench.results import Result, as_text, keep

NAMES = (
    *("start", "wall_clock", "crash", "density", "cpu", "scale", "api", "quality", "page"),
    "large_dataset",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="+", choices=(*NAMES, "all"), metavar="NAME", help=f"{', '.join(NAMES)} or all"
    )
    parser.add_argument("--short", action="store_true", help="smaller, to see that it works; nothing is kept")
    parser.add_argument(
        "--without-peers", action="store_true", help="only Burnish; nothing is installed or kept"
    )
    arguments = parser.parse_args()
    options = Options(short=arguments.short, peers=not arguments.without_peers)
    failed = []
    for name in NAMES if "all" in arguments.names else arguments.names:
        began = time.time()
        print(f"\n=== {name}", file=sys.stderr, flush=True)
        try:
            result: Result = asyncio.run(importlib.import_module(f"bench.{name}").measure(options))
        except Exception:  # noqa: BLE001 - the others still have something to say
            traceback.print_exc()
            failed.append(name)
            continue
        print(as_text(result), flush=True)
        if not arguments.short and not arguments.without_peers:
            print(f"kept in {keep(result, began)}", file=sys.stderr)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
