"""Who watches for long may lose the permission meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable

from burnish.api.routes import Call, Visible
from burnish.errors import BurnishError

_log = logging.getLogger(__name__)

ASK_SECONDS = 30.0
"""With the fifteen seconds between two heartbeats, a stream ends less than a minute after its permission."""


class Admission:
    """What a watcher was permitted, asked again from time to time.

    Args:
        clock: seconds.
    """

    def __init__(self, call: Call, clock: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._clock = clock
        self._visible = call.visible

    def visible(self) -> Visible:
        return self._visible

    async def guard(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The stream, for as long as it may be watched."""
        ask_at = self._clock() + ASK_SECONDS
        async for part in parts:
            if self._clock() >= ask_at:
                try:
                    self._visible = await self._call.admit_again()
                except BurnishError as refusal:
                    _log.info("a stream was ended: %s", refusal)
                    return
                ask_at = self._clock() + ASK_SECONDS
            yield part
