"""One answer to Prometheus, and the pulse of the event loop between two of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client.exposition import choose_encoder

from burnish.domain.job import JobStatus
from burnish.errors import StoreUnavailable
from burnish.observability.metrics import Metrics

STORE_SECONDS = 5.0
LAG_EVERY_SECONDS = 0.5


class Scrape:
    """Counts the store's jobs when it is asked, so that nobody counts in between.

    A store that does not answer does not fail the scrape: ``burnish_store_up`` says so.

    Args:
        count_by_status: the store's.
    """

    def __init__(
        self, metrics: Metrics, count_by_status: Callable[[], Awaitable[Mapping[JobStatus, int]]]
    ) -> None:
        self._metrics = metrics
        self._count_by_status = count_by_status

    async def __call__(self, accept: str = "") -> tuple[bytes, str]:
        """The page of metrics and its content type.

        Args:
            accept: the request's header; Prometheus' text format, or OpenMetrics where it is wanted.
        """
        try:
            counts = await asyncio.wait_for(self._count_by_status(), STORE_SECONDS)
        except (StoreUnavailable, TimeoutError):
            self._metrics.store_answered(None)
        else:
            self._metrics.store_answered(counts)
        encode, content_type = choose_encoder(accept)
        return encode(self._metrics.registry), content_type


async def watch_loop(
    report: Callable[[float], None],
    every_seconds: float = LAG_EVERY_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Sleep, and report how many seconds too late the event loop came back; until cancelled."""
    while True:
        planned = clock() + every_seconds
        await sleep(every_seconds)
        report(max(0.0, clock() - planned))
