"""A limit on what is in flight that lets the urgent pass."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

Urgency = tuple[int, int]
"""Smaller goes first."""


class Lanes:
    """Like a semaphore, but its waiters go by urgency, then in the order they came."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._came = 0

    @asynccontextmanager
    async def lane(self, urgency: Urgency) -> AsyncIterator[None]:
        """Hold one lane."""
        await self._take(urgency)
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, urgency: Urgency) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._came += 1
        heapq.heappush(self._waiting, (urgency, self._came, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            raise

    def _give_back(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
