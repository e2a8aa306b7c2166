"""Which failed requests are tried again, and after how long."""

from __future__ import annotations

from dataclasses import dataclass

from burnish.concurrency import Backoff
from burnish.errors import ModelError, ModelTimeout, ModelUnavailable, ModelUnreadable

_PATIENT = Backoff(base_seconds=0.5, cap_seconds=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """How often and how patiently one call is tried.

    Attributes:
        tries: requests for one call, the first included.
        few_tries: the same where requests time out (each costs a whole deadline, and may be paid) or are
            answered with what is no answer.
        backoff: the pauses; its cap also holds for a pause that the provider asks for.
    """

    tries: int = 6
    few_tries: int = 2
    backoff: Backoff = _PATIENT

    def pause_seconds(self, error: ModelError, failures: int) -> float | None:
        """How long to pause before the next try, or ``None`` when there is none.

        Args:
            failures: failed tries of this call so far, this one included.
        """
        if not isinstance(error, ModelUnavailable):
            return None
        few = isinstance(error, (ModelTimeout, ModelUnreadable))
        if failures >= (self.few_tries if few else self.tries):
            return None
        asked_for = min(error.retry_after_seconds or 0.0, self.backoff.cap_seconds)
        return max(self.backoff.pause_seconds(failures), asked_for)
