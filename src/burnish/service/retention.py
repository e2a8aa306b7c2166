"""What is thrown away in time: journals of jobs that ended long ago, and records no job came to have.

What a job was given and what it found stay until it is deleted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from burnish.errors import StoreUnavailable
from burnish.store.protocol import InputRecords, JournalRecords

log = structlog.get_logger("burnish.service")

_EVERY_SECONDS = 3600.0
_MS_PER_DAY = 24 * 3600 * 1000
_CREATE_MS = 3600 * 1000  # no create takes so long: what is older and belongs to no job was cut short


class Records(JournalRecords, InputRecords, Protocol):
    """The parts of a store that grow without anybody looking at them."""


async def prune_store(
    store: Records,
    keep_journal_days: float | None,
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Once an hour, until cancelled. A job whose journal is gone can still be resumed: it asks anew.

    Several processes may do it at the same time.

    Args:
        keep_journal_days: ``None``: for ever.
    """
    while True:
        try:
            dropped = await store.prune_contents(clock_ms() - _CREATE_MS)
            if dropped:
                log.info("dropped records of creates that were cut short", datasets=dropped)
            if keep_journal_days is not None:
                pruned = await store.journal_prune(clock_ms() - round(keep_journal_days * _MS_PER_DAY))
                if pruned:
                    log.info("dropped journals", jobs=pruned, older_than_days=keep_journal_days)
        except StoreUnavailable as away:
            log.warning("could not drop what is old", error=str(away))
        await sleep(_EVERY_SECONDS)
