"""Run benchmarks and keep what they found: ``python -m bench start cpu``, ``python -m bench all``.

Each is a module of this package with a function ``measure(options) -> Result``, and runs in a process of its
own with a time limit: one that fails or hangs takes no other along, and what it had found until then is kept.
Some start peers, which get an environment of their own (``bench/peers.py``). Nothing else should run on the
machine meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench import peers
from bench.options import Options
from bench.processes import adopt_orphans, end_children
from bench.results import Result, Surroundings, as_text, keep

MINUTES = {
    "start": 5,
    "wall_clock": 14,
    "crash": 10,
    "density": 8,
    "cpu": 8,
    "scale": 6,
    "api": 12,
    "quality": 4,
    "page": 4,
    "large_dataset": 4,
}
"""Benchmark → the minutes that it may take; about twice what it takes on a quiet machine."""
OTHERS = {"promptness": 10, "neighbours": 10, "gateway_cpu": 5}
"""Only by name: they have no peer, and no place in 35 minutes."""
NAMES = tuple(MINUTES)
UNFINISHED = "It was stopped before its end: this is what it had found until then."


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
    parser.add_argument("--here", help=argparse.SUPPRESS)  # the one of them that this process measures
    arguments = parser.parse_args()
    options = Options(short=arguments.short, peers=not arguments.without_peers)
    if arguments.here:
        measure(arguments.here, options)
        return 0
    names = [*dict.fromkeys(NAMES if "all" in arguments.names else arguments.names)]
    if options.peers:
        print(peers.missing(), end="", file=sys.stderr, flush=True)  # each result says it, too
    again = [sys.executable, "-m", "bench", *sys.argv[1:], "--here"]
    stopped = run_each({name: [*again, name] for name in names}, MINUTES | OTHERS)
    if stopped:
        print("; ".join(f"{name} {why}" for name, why in stopped.items()), file=sys.stderr)
    return 1 if stopped else 0


def run_each(commands: Mapping[str, Sequence[str]], minutes: Mapping[str, float]) -> dict[str, str]:
    """Run them one after the other, each for so many minutes at most, and end all that they have started.

    Returns:
        What stopped those that did not finish, by name.
    """
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended all the same
    stopped, began = {}, time.monotonic()
    for number, (name, command) in enumerate(commands.items(), 1):
        so_far = (time.monotonic() - began) / 60
        print(f"\n=== {name} ({number} of {len(commands)}, {so_far:.0f} min)", file=sys.stderr, flush=True)
        process = subprocess.Popen(command)
        try:
            if process.wait(60 * minutes[name]):
                stopped[name] = f"ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            stopped[name] = f"was stopped after {minutes[name]:g} min"
        finally:
            end_children()
    print(f"\n{(time.monotonic() - began) / 60:.0f} min", file=sys.stderr)
    return stopped


def measure(name: str, options: Options) -> None:
    """One benchmark, in this process. Kept is what it has found so far, whenever it says so."""
    without = peers.missing() if options.peers else ""
    surroundings = Surroundings()
    keeping = options.peers and not options.short
    options = replace(options, peers=options.peers and not without)

    def so_far(result: Result, unfinished: str = UNFINISHED) -> Result:
        result = replace(result, notes=[*result.notes, *filter(None, [without, unfinished])])
        if keeping:
            keep(result, surroundings)
        return result

    options = replace(options, so_far=so_far)
    found: Result = asyncio.run(importlib.import_module(f"bench.{name}").measure(options))
    print(as_text(so_far(found, "")), flush=True)


if __name__ == "__main__":
    sys.exit(main())
