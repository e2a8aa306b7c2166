"""Journals of jobs that ended long ago are dropped, hour after hour, whatever the store does."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from burnish.errors import StoreUnavailable
from burnish.service.retention import prune_journals

DAY_MS = 86_400_000


async def test_it_prunes_every_hour_and_outlives_a_store_that_is_away() -> None:
    asked: list[int] = []
    slept: list[float] = []

    class Store:
        async def journal_prune(self, completed_before_ms: int) -> int:
            asked.append(completed_before_ms)
            if len(asked) == 1:
                raise StoreUnavailable("away")
            return 3

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await prune_journals(cast(Any, Store()), 1.5, lambda: 10 * DAY_MS, sleep)
    assert asked == [round(8.5 * DAY_MS)] * 3
    assert slept == [3600.0] * 3
