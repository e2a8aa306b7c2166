"""What is old is dropped, hour after hour, whatever the store does."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from burnish.errors import StoreUnavailable
from burnish.service.retention import prune_store

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Store:
    """Is away the first time."""

    def __init__(self) -> None:
        self.contents: list[int] = []
        self.journals: list[int] = []

    async def prune_contents(self, written_before_ms: int) -> int:
        self.contents.append(written_before_ms)
        if len(self.contents) == 1:
            raise StoreUnavailable("away")
        return 1

    async def journal_prune(self, completed_before_ms: int) -> int:
        self.journals.append(completed_before_ms)
        return 3


async def pruned_for_three_hours(keep_journal_days: float | None) -> Store:
    store, slept = Store(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await prune_store(cast(Any, store), keep_journal_days, lambda: 10 * DAY_MS, sleep)
    assert slept == [3600.0] * 3
    return store


async def test_it_prunes_every_hour_and_outlives_a_store_that_is_away() -> None:
    store = await pruned_for_three_hours(1.5)
    assert store.contents == [10 * DAY_MS - HOUR_MS] * 3
    assert store.journals == [round(8.5 * DAY_MS)] * 2


async def test_journals_are_kept_for_ever_unless_somebody_says_how_long() -> None:
    store = await pruned_for_three_hours(None)
    assert len(store.contents) == 3
    assert store.journals == []
