"""Which running attempts have stopped writing heartbeats."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from burnish.domain.records import Heartbeat


class LivenessMonitor:
    """Finds attempts whose heartbeat has not changed for some time.

    It compares what it sees with what it saw, and measures the time in between on its own monotonic
    clock: no two machines' clocks are compared, and none can jump. Time in which nobody looked (the
    store was away, this process was stopped) counts only a little: then it was the monitor that slept.

    Args:
        timeout_seconds: without a new heartbeat, after which an attempt counts as dead.
        check_every_seconds: how often :meth:`check` is meant to be called.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        timeout_seconds: float,
        check_every_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._longest_step = 2 * check_every_seconds
        self._clock = clock
        self._checked_at: float | None = None
        self._unchanged_seconds: dict[Heartbeat, float] = {}

    def check(self, heartbeats: Sequence[Heartbeat]) -> list[Heartbeat]:
        """The latest heartbeats of attempts that count as dead. One that stays so is named again after as
        much time."""
        now = self._clock()
        step = 0.0 if self._checked_at is None else min(now - self._checked_at, self._longest_step)
        self._checked_at = now
        before = self._unchanged_seconds
        self._unchanged_seconds = {
            heartbeat: before[heartbeat] + step if heartbeat in before else 0.0 for heartbeat in heartbeats
        }
        dead = [beat for beat, seconds in self._unchanged_seconds.items() if seconds >= self._timeout_seconds]
        for heartbeat in dead:
            self._unchanged_seconds[heartbeat] = 0.0
        return dead
