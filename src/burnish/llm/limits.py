"""How fast one model may be asked: requests and tokens a minute, and how many requests at once.

The number at once adapts as TCP's window does (additive increase, multiplicative decrease; Chiu and
Jain 1989): it grows while answers come, halves when the provider pushes back, and narrows while answers are
slow for as long as that makes them faster.
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
_NARROWINGS = 3  # by so many together answers become a quarter faster, where it is their number that slows
_FASTER = 0.9  # of the pace before them
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
        self._narrowed_for_pace: list[tuple[float, float]] = []  # window and pace before each, while slow
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
        if not slow:
            self._narrowed_for_pace.clear()
        if self.in_flight + 1 >= self._window / 2:  # else it is not the window that holds requests back
            if slow and self._window > _SLOW_WINDOW:
                self._narrow_for_pace(slot)
            else:
                self._window = min(
                    self._most, self._window + (1.0 if self._growing_fast else 1 / self._window)
                )
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

    def _narrow_for_pace(self, slot: Slot) -> None:
        """Narrow for slow answers, or undo it and take them for the usual where fewer at once did not help.

        The first narrowing does not count: the smoothed pace may still have been on its way up.
        """
        if slot.started_at < self._narrowed_at:
            return
        before = self._narrowed_for_pace
        if len(before) > _NARROWINGS and self._pace.smooth > _FASTER * before[-_NARROWINGS][1]:
            self._window = before[0][0]
            self._pace.take_as_usual()
            before.clear()
            return
        before.append((self._window, self._pace.smooth))
        self._narrow(slot, 0.9)

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
    """Smoothed seconds for each token of the answer, against the best there was.

    Attributes:
        smooth: of the last answers.
    """

    def __init__(self) -> None:
        self.smooth = 0.0
        self._best = float("inf")

    def is_slow(self, pace: float) -> bool:
        self.smooth = 0.9 * self.smooth + 0.1 * pace if self._best < float("inf") else pace
        self._best = min(self._best * 1.001, self.smooth)  # forgets slowly: a provider may change for good
        return self.smooth > _SLOW * self._best

    def take_as_usual(self) -> None:
        """The model is as fast as that now."""
        self._best = self.smooth
