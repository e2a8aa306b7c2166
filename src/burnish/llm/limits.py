"""How fast one model may be asked: requests and tokens a minute, and how many requests at once.

The number at once adapts as TCP's window does (additive increase, multiplicative decrease; Chiu and
Jain 1989): it grows while answers come, and halves when the provider pushes back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from burnish.errors import ModelError, ModelTimeout

_BURST_SECONDS = 10.0
_FIRST_WINDOW = 64.0
_LONGEST_PAUSE_SECONDS = 60.0
_SLOW = 3.0  # times the best pace seen
_SLOW_WINDOW = 8.0  # slowness alone never brings the window below this
_TOKENS_OF_OVERHEAD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """What the operator knows of a provider's limits; ``None``: not known, only adapted to."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    max_concurrency: int = 512


@dataclass(slots=True, eq=False)
class Slot:
    """Leave to make one request."""

    started_at: float


class Limiter:
    """Shares one model among all jobs of the process, first come, first served."""

    def __init__(
        self, limits: RateLimits, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._buckets = [
            (_Bucket(per_minute, clock), counts_tokens)
            for per_minute, counts_tokens in (
                (limits.requests_per_minute, False),
                (limits.tokens_per_minute, True),
            )
            if per_minute is not None
        ]
        self._most = float(limits.max_concurrency)
        self._window = min(_FIRST_WINDOW, self._most)
        self._growing_fast = True
        self._narrowed_at = -1.0
        self._paused_until = 0.0
        self._pace = _Pace()
        self._queue: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0

    @property
    def window(self) -> int:
        """How many requests may be in flight now."""
        return int(self._window)

    async def acquire(self, tokens: int) -> Slot:
        """Wait for leave to send a request of about ``tokens`` tokens, answer included."""
        await self._enter()
        try:
            for bucket, counts_tokens in self._buckets:
                if (delay := bucket.take(tokens if counts_tokens else 1)) > 0:
                    await self._sleep(delay)
            while (delay := self._paused_until - self._clock()) > 0:
                await self._sleep(delay)
        except BaseException:
            self.cancelled()
            raise
        return Slot(self._clock())

    def answered(self, slot: Slot, completion_tokens: int) -> None:
        """The request was answered: room for more, unless answers have become slow."""
        self.in_flight -= 1
        seconds = self._clock() - slot.started_at
        slow = self._pace.is_slow(seconds / (_TOKENS_OF_OVERHEAD + completion_tokens))
        if slow and self._window > _SLOW_WINDOW:
            self._narrow(slot, 0.9)
        elif self.in_flight + 1 >= self._window / 2:
            self._window = min(self._most, self._window + (1.0 if self._growing_fast else 1 / self._window))
        self._admit()

    def failed(self, slot: Slot, error: ModelError) -> None:
        """The request failed: fewer at once if the provider pushes back or does not keep up."""
        self.in_flight -= 1
        if error.throttled or isinstance(error, ModelTimeout):
            self._narrow(slot, 0.5)
        if error.retry_after_seconds is not None:
            pause = min(error.retry_after_seconds, _LONGEST_PAUSE_SECONDS)
            self._paused_until = max(self._paused_until, self._clock() + pause)
        self._admit()

    def cancelled(self) -> None:
        """The request was aborted; this says nothing of the provider."""
        self.in_flight -= 1
        self._admit()

    async def _enter(self) -> None:
        if not self._queue and self.in_flight < self.window:
            self.in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn came at the same moment: pass it on
                self.cancelled()
            raise

    def _admit(self) -> None:
        while self._queue and self.in_flight < self.window:
            turn = self._queue.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def _narrow(self, slot: Slot, factor: float) -> None:
        """Once for each window: requests sent before the last narrowing show nothing new."""
        if slot.started_at < self._narrowed_at:
            return
        self._window = max(1.0, self._window * factor)
        self._narrowed_at = self._clock()
        self._growing_fast = False


class _Bucket:
    """A token bucket that lets its content go below zero and says how long to wait for that."""

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._rate = per_minute / 60
        self._size = max(1.0, self._rate * _BURST_SECONDS)
        self._content = self._size
        self._clock = clock
        self._filled_at = clock()

    def take(self, amount: float) -> float:
        """Seconds to wait before going ahead."""
        now = self._clock()
        self._content = min(self._size, self._content + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._content -= amount
        return max(0.0, -self._content / self._rate)


class _Pace:
    """Smoothed seconds for each token of the answer, against the best there was."""

    def __init__(self) -> None:
        self._smooth: float | None = None
        self._best = float("inf")

    def is_slow(self, pace: float) -> bool:
        self._smooth = pace if self._smooth is None else 0.9 * self._smooth + 0.1 * pace
        self._best = min(self._best * 1.001, self._smooth)  # forgets slowly: a provider may change for good
        return self._smooth > _SLOW * self._best
