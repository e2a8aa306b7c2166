"""Processes and all that they have started: what memory and CPU they use, and how they are ended (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_BECOME_SUBREAPER = 36  # of <sys/prctl.h>
_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> set[int]:
    """The process and all its descendants that live."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            parents[int(stat.parent.name)] = int(_fields(stat)[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parents end, so that :func:`family` has them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1)


def end_children() -> None:
    """Kill everything that this process has started and that lives, and wait until it is gone."""
    while others := family(os.getpid()) - {os.getpid()}:
        for pid in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):  # another's, which will become ours
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.05)


def memory_mb(pid: int) -> float:
    """Proportional set size of the family, 10⁶ bytes: memory that several share is counted once."""
    return sum(_memory_kib(member) for member in family(pid)) * 1024 / 1e6


def cpu_seconds(pid: int) -> float:
    """User and system time of the family so far; of those that have ended, what their parents waited for."""
    total = 0.0
    for member in family(pid):
        with contextlib.suppress(OSError):
            total += sum(int(field) for field in _fields(Path(f"/proc/{member}/stat"))[11:15]) / _TICKS
    return total


def _memory_kib(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _fields(stat: Path) -> list[str]:
    """Those after the name: state, parent, …"""
    return stat.read_text().rpartition(")")[2].split()
