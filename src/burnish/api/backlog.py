"""The latest items of a stream, numbered and ready to be sent, for any number of watchers."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from typing import Generic, TypeVar

from burnish.errors import BurnishError

T = TypeVar("T")


class Backlog(Generic[T]):
    """One reader appends; watchers take what is new to them, each at its own pace.

    Args:
        latest: the number before the first item.
        remember: how many items are kept for watchers that come or fall behind.

    Attributes:
        latest: the number of the last item.
        ended: nothing more will come.
    """

    def __init__(self, latest: int = 0, remember: int = 10_000) -> None:
        self.latest = latest
        self.ended = False
        self._items: deque[tuple[int, T]] = deque(maxlen=remember)
        self._changed = asyncio.Event()
        self._failure: BurnishError | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def first(self) -> int:
        """The oldest number it remembers; the next one, where it remembers none."""
        return self._items[0][0] if self._items else self.latest + 1

    def append(self, number: int, item: T) -> None:
        """Take in the next item; :meth:`wake` shows it."""
        self._items.append((number, item))
        self.latest = number

    def since(self, after: int) -> list[T]:
        """What it remembers with a greater number, in order.

        Raises:
            BurnishError: the reader has failed, and there is nothing more to give.
        """
        behind = self.latest - after
        if behind > 0:
            start = max(0, len(self._items) - behind)
            return [item for _, item in islice(self._items, start, None)]
        if self._failure is not None:
            raise self._failure
        return []

    async def change(self, timeout_seconds: float) -> bool:
        """Wait for news, or for the end.

        Returns:
            Whether there were any in time.
        """
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), timeout_seconds)
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Let watchers look."""
        self._changed.set()
        self._changed = asyncio.Event()

    def end(self, failure: BurnishError | None = None) -> None:
        """Nothing more will come."""
        self._failure, self.ended = failure, True
        self.wake()
