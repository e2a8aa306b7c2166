"""Which failures are tried again, and after how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from burnish.concurrency import Backoff
from burnish.errors import ModelError, ModelTimeout, ModelUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """Exponential backoff with full jitter (AWS Architecture Blog 2015, "Exponential Backoff And Jitter").

    Attributes:
        attempts: requests for one call, the first included.
        timeout_attempts: the same where requests time out: each costs a whole deadline, and may be paid.
        longest_wait_seconds: cap on a single wait, also on one the provider asks for.
    """

    attempts: int = 6
    timeout_attempts: int = 2
    base_seconds: float = 0.5
    longest_wait_seconds: float = 60.0

    def delay(self, error: ModelError, failures: int, draw: Callable[[], float]) -> float | None:
        """Seconds to wait before the next attempt, or ``None`` when there is none.

        Args:
            failures: failed attempts of this call so far, this one included.
            draw: a number in [0, 1).
        """
        if not isinstance(error, ModelUnavailable):
            return None
        if failures >= (self.timeout_attempts if isinstance(error, ModelTimeout) else self.attempts):
            return None
        backoff = Backoff(base_seconds=self.base_seconds, cap_seconds=self.longest_wait_seconds, draw=draw)
        return max(
            backoff.pause_seconds(failures), min(error.retry_after_seconds or 0.0, self.longest_wait_seconds)
        )
