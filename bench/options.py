"""What every benchmark is asked with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """
    Attributes:
        short: small numbers, which show that the benchmark works and not what it measures.
        peers: measure the others beside Burnish; they are installed where they are not there.
    """

    short: bool = False
    peers: bool = True
