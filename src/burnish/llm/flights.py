"""Single flight: callers who ask for the same thing at the same time share one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False)
class _Flight(Generic[Answer]):
    task: asyncio.Task[Answer]
    passengers: int = 0


class SingleFlight(Generic[Answer]):
    """Work under way, by key."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[Answer]] = {}

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """The answer to ``key``: of the work under way, or of ``work()`` begun now.

        When the last of its callers is cancelled, so is the work, and its end is awaited.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(work()))
        flight.passengers += 1
        try:
            return await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            if flight.passengers == 1 and not flight.task.done():
                self._flights.pop(key, None)  # whoever asks from now on begins anew
                flight.task.cancel()
                await asyncio.wait([flight.task])
            raise
        finally:
            flight.passengers -= 1
            if flight.task.done() and self._flights.get(key) is flight:
                del self._flights[key]
