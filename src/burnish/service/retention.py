"""What is thrown away in time: the journals of jobs that ended long ago. Their results stay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from burnish.errors import StoreUnavailable
from burnish.store.protocol import JournalRecords

log = structlog.get_logger("burnish.service")

_EVERY_SECONDS = 3600.0
_MS_PER_DAY = 24 * 3600 * 1000


async def prune_journals(
    store: JournalRecords,
    keep_days: float,
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Once an hour, until cancelled. A job whose journal is gone can still be resumed: it asks anew.

    Several processes may do it at the same time.
    """
    while True:
        try:
            pruned = await store.journal_prune(clock_ms() - round(keep_days * _MS_PER_DAY))
            if pruned:
                log.info("dropped journals", jobs=pruned, older_than_days=keep_days)
        except StoreUnavailable as away:
            log.warning("could not drop old journals", error=str(away))
        await sleep(_EVERY_SECONDS)
