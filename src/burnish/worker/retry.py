"""Whether an attempt that failed is worth another one. Policy only: it decides, others act."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from burnish.concurrency import Backoff
from burnish.errors import OutsideFailure


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with equal jitter (half of each delay is fixed), for causes outside the job only.

    Attributes:
        limit: retries in a row; 0 never retries.
        base_seconds, cap_seconds: the n-th delay, n from 0, is drawn from [½, 1] × min(cap, base × 3ⁿ).
        draw: random number in [0, 1).
    """

    limit: int
    draw: Callable[[], float] = random.random
    base_seconds: float = 2.0
    cap_seconds: float = 60.0

    def decide(self, error: BaseException, retries_so_far: int) -> float | None:
        """Seconds until the next attempt; ``None``: give up, the job has failed."""
        if not isinstance(error, OutsideFailure) or retries_so_far >= self.limit:
            return None
        return self.delay_seconds(retries_so_far)

    def delay_seconds(self, retries_so_far: int, cap_seconds: float | None = None) -> float:
        """How long to wait before the next one."""
        cap_seconds = self.cap_seconds if cap_seconds is None else cap_seconds
        backoff = Backoff(
            base_seconds=self.base_seconds, factor=3.0, cap_seconds=cap_seconds, jitter=0.5, draw=self.draw
        )
        return backoff.pause_seconds(retries_so_far + 1)
