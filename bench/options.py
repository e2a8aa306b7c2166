"""What every benchmark is asked with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.results import Result


@dataclass(frozen=True, slots=True)
class Options:
    """
    Attributes:
        short: small numbers, which show that the benchmark works and not what it measures.
        peers: measure the others beside Burnish; they are installed where they are not there.
        so_far: to be told what has been found whenever there is more of it, so that a benchmark that is
            stopped leaves it.
    """

    short: bool = False
    peers: bool = True
    so_far: Callable[[Result], object] = lambda _: None
