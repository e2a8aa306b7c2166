"""Who has stopped giving signs of life."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from burnish.domain.records import Heartbeat


class Silence:
    """Finds attempts whose sign of life has not changed for some time.

    It compares what it sees with what it saw, and measures the time in between on its own monotonic
    clock: no two machines' clocks are compared, and none can jump. Time in which nobody looked (the
    store was away, this process was stopped) counts only a little: then it was the observer who slept.

    Args:
        seconds: silence after which an attempt counts as dead.
        look_every_seconds: how often :meth:`look` is meant to be called.
        clock: seconds, monotonic.
    """

    def __init__(
        self, seconds: float, look_every_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._longest_step = 2 * look_every_seconds
        self._clock = clock
        self._looked_at: float | None = None
        self._silent: dict[Heartbeat, float] = {}

    def look(self, signs: Sequence[Heartbeat]) -> list[Heartbeat]:
        """What is silent now. One that stays silent is told again after as much time."""
        now = self._clock()
        step = 0.0 if self._looked_at is None else min(now - self._looked_at, self._longest_step)
        self._looked_at = now
        before = self._silent
        self._silent = {sign: before[sign] + step if sign in before else 0.0 for sign in signs}
        dead = [sign for sign, silent in self._silent.items() if silent >= self._seconds]
        for sign in dead:
            self._silent[sign] = 0.0
        return dead
