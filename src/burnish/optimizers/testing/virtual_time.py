"""An event loop whose clock jumps to the next thing that is due: hours of waiting in no time, repeatably."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for nobody: what it was told to wait is added to the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now += timeout or 0.0
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For coroutines that wait for one another and for ``asyncio.sleep``, and for no thread."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_in_virtual_time(main: Coroutine[Any, Any, Result]) -> tuple[Result, float]:
    """A coroutine's result, and the virtual seconds it took."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main), runner.get_loop().time()


class Latency:
    """Calls that take a second, more or less, so many of them at once.

    Attributes:
        calls: made so far.
        busy_seconds: that they took, one after the other.
    """

    def __init__(self, in_flight: int, spread: float, seed: int) -> None:
        self._slots = asyncio.Semaphore(in_flight)
        self._in_flight, self._spread = in_flight, spread
        self._random = random.Random(seed)
        self.calls = 0
        self.busy_seconds = 0.0

    async def call(self) -> None:
        """Wait for a place, and for an answer."""
        async with self._slots:
            seconds = self._random.uniform(1 - self._spread, 1 + self._spread)
            self.calls += 1
            self.busy_seconds += seconds
            await asyncio.sleep(seconds)

    @property
    def least_seconds(self) -> float:
        """The bound by work: every place busy from the first moment to the last."""
        return self.busy_seconds / self._in_flight
