"""The contract of a store, as tests.

A store keeps its promises when a subclass of :class:`StoreContract` that opens it passes::

    class TestMyStore(StoreContract):
        def open(self, clock_ms=None, hand_over=None):
            return my_store(clock_ms or Clock(), hand_over)
"""

from __future__ import annotations

from burnish.store.testing.attempts import AttemptContract
from burnish.store.testing.creating import CreateContract
from burnish.store.testing.ends import EndContract
from burnish.store.testing.inputs import InputContract
from burnish.store.testing.records import (
    CandidateContract,
    EventContract,
    JournalContract,
    LifeContract,
    VersionContract,
)
from burnish.store.testing.samples import Clock
from burnish.store.testing.searching import SearchContract

__all__ = ["Clock", "StoreContract"]


class StoreContract(
    CreateContract,
    InputContract,
    AttemptContract,
    EndContract,
    VersionContract,
    EventContract,
    CandidateContract,
    JournalContract,
    SearchContract,
    LifeContract,
):
    """Every promise of ``store.protocol``. Override :meth:`open`."""
