"""When so many calls of a job fail that going on makes no sense."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from burnish.errors import (
    BurnishError,
    ModelError,
    ModelRejected,
    ModelUnavailable,
    ModelUnreadable,
    ProviderUnavailable,
)

_RECENT = 20
_DRAIN_SECONDS = 1.0
_NEVER_ANSWERED = 5
_NEVER_READABLE = 2  # calls; the address is wrong, or something stands between


class CircuitBreaker:
    """Watches the calls of one attempt of a job, each after its retries, and opens for good.

    Args:
        failure_share: more failures than this share of the last 20 calls stop the job; so do 5 in a row
            from a provider that has never answered this attempt.
    """

    def __init__(self, failure_share: float) -> None:
        self._failure_share = failure_share
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        self._ever_answered = False
        self._ever_readable = False
        self._reason: BurnishError | None = None
        self._under_way = 0
        self._none_under_way = asyncio.Event()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around each request."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if self._under_way == 0:
                self._none_under_way.set()

    async def drain(self) -> None:
        """Where the job has been given up: let the requests under way end, for a second, before somebody
        cancels them. One that ends is charged what it cost, and one that is cancelled all that it may have
        cost."""
        if self._reason is None or self._under_way == 0:
            return
        self._none_under_way.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._none_under_way.wait()

    def check(self) -> None:
        """Stop where the job has been given up.

        Raises:
            ProviderUnavailable, ModelRejected: the job has been given up; its other calls stop too.
        """
        if self._reason is not None:
            raise self._reason

    def answered_before(self) -> None:
        """An earlier attempt has an answer: what cannot be read now is a mishap of the provider's."""
        self._ever_readable = True

    def answered(self) -> None:
        """A call was answered."""
        self._ever_answered = self._ever_readable = True
        self._recent.append(False)

    def failed(self, error: ModelError) -> None:
        """A call failed for good.

        Raises:
            ProviderUnavailable: too many did; names the last cause. The job may succeed later.
            ModelRejected: too many did because their requests were refused, or because nothing that the
                server answers can be read. It will not.
        """
        if error.systemic:
            self._reason = self._reason or error
        self._recent.append(True)
        failures = sum(self._recent)
        if isinstance(error, ModelUnreadable) and not self._ever_readable and failures >= _NEVER_READABLE:
            self._reason = ModelRejected(error.model, f"no answer could be read yet; the last one: {error}")
            raise self._reason from error
        never_answered = (
            not self._ever_answered and failures >= _NEVER_ANSWERED and isinstance(error, ModelUnavailable)
        )
        too_many = len(self._recent) == _RECENT and failures > self._failure_share * _RECENT
        if not (never_answered or too_many):
            return
        summary = f"{failures} of the last {len(self._recent)} model calls failed after their retries"
        if isinstance(error, ModelUnavailable):
            self._reason = ProviderUnavailable(f"{summary}; the last one: {error}")
        else:
            self._reason = ModelRejected(error.model, f"{summary}; the last one: {error}")
        raise self._reason from error
