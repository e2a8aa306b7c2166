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
from dataclasses import replace

from bench import peers
from bench.options import Options
from bench.results import Result, Surroundings, as_text, keep

NAMES = (
    *("start", "wall_clock", "crash", "density", "cpu", "scale", "api", "quality", "page"),
    "large_dataset",
)
OTHERS = ("promptness", "neighbours", "gateway_cpu")
"""Only by name: they have no peer, and no place in 40 minutes."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="+",
        choices=(*NAMES, *OTHERS, "all"),
        metavar="NAME",
        help=f"{', '.join(NAMES)} or all; {', '.join(OTHERS)}",
    )
    parser.add_argument("--short", action="store_true", help="smaller, to see that it works; nothing is kept")
    parser.add_argument(
        "--without-peers", action="store_true", help="only Burnish; nothing is installed or kept"
    )
    arguments = parser.parse_args()
    names = [*dict.fromkeys(NAMES if "all" in arguments.names else arguments.names)]
    options, without = Options(short=arguments.short, peers=not arguments.without_peers), ""
    if options.peers and (without := peers.missing()):
        print(without, file=sys.stderr, flush=True)
        options = replace(options, peers=False)
    failed, began = [], time.monotonic()
    for number, name in enumerate(names, 1):
        minutes = (time.monotonic() - began) / 60
        print(f"\n=== {name} ({number} of {len(names)}, {minutes:.0f} min)", file=sys.stderr, flush=True)
        surroundings = Surroundings()
        try:
            result: Result = asyncio.run(importlib.import_module(f"bench.{name}").measure(options))
        except Exception:  # noqa: BLE001 - the others still have something to say
            traceback.print_exc()
            failed.append(name)
            continue
        result = replace(result, notes=[*result.notes, *filter(None, [without])])
        print(as_text(result), flush=True)
        if not arguments.short and not arguments.without_peers:
            print(f"kept in {keep(result, surroundings)}", file=sys.stderr)
    print(f"\n{(time.monotonic() - began) / 60:.0f} min", file=sys.stderr)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
