"""Single flight: what several callers ask for at the same time is worked out once, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from burnish.errors import BudgetExhausted

Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class _Flight(Generic[Result]):
    task: asyncio.Task[Result]
    callers: int = 0
    begun: bool = False


class Flights(Generic[Result]):
    """Results by key, at most ``concurrency`` worked out at the same time.

    A failure is not kept: whoever asks again has it tried again.
    """

    def __init__(self, concurrency: int) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._flights: dict[Hashable, _Flight[Result]] = {}

    async def join(
        self, keys: Sequence[Hashable], work: Callable[[int], Coroutine[Any, Any, Result]]
    ) -> list[Result]:
        """Results for ``keys``, in their order; ``work(i)`` makes the one for ``keys[i]`` if need be.

        The first failure is raised at once, and what no other caller waits for is cancelled; only after
        ``BudgetExhausted`` is work that has begun finished first, since it is paid for.
        """
        mine: dict[Hashable, _Flight[Result]] = {}
        try:
            for place, key in enumerate(keys):
                if key not in mine:
                    mine[key] = self._board(key, partial(work, place))
            if mine:
                await self._arrive(mine)
            return [mine[key].task.result() for key in keys]
        finally:
            await self._leave(mine, list(mine))

    async def _arrive(self, mine: dict[Hashable, _Flight[Result]]) -> None:
        await asyncio.wait([flight.task for flight in mine.values()], return_when=asyncio.FIRST_EXCEPTION)
        if isinstance(failure_of([flight.task for flight in mine.values()]), BudgetExhausted):
            await self._leave(mine, [key for key, flight in mine.items() if not flight.begun])
            await asyncio.wait([flight.task for flight in mine.values()])
        if failure := failure_of([flight.task for flight in mine.values()]):
            raise failure

    def _board(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> _Flight[Result]:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(self._fly(key, work)))
            flight.task.add_done_callback(partial(self._land, key, flight))
        flight.callers += 1
        return flight

    async def _fly(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        async with self._slots:
            self._flights[key].begun = True
            return await work()

    def _land(self, key: Hashable, flight: _Flight[Result], task: asyncio.Task[Result]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if failed and self._flights.get(key) is flight:
            del self._flights[key]

    async def _leave(self, mine: dict[Hashable, _Flight[Result]], keys: Sequence[Hashable]) -> None:
        abandoned = []
        for key in keys:
            flight = mine.pop(key)
            flight.callers -= 1
            if not flight.callers and not flight.task.done():
                flight.task.cancel()
                if self._flights.get(key) is flight:  # the next caller begins anew
                    del self._flights[key]
                abandoned.append(flight.task)
        if abandoned:
            await asyncio.wait(abandoned)


def failure_of(tasks: Collection[asyncio.Task[Any]]) -> BaseException | None:
    """What the first failed task raised, ``BudgetExhausted`` last of all; ``None`` without a failure."""
    failures = [task.exception() for task in tasks if task.done() and not task.cancelled()]
    found = [failure for failure in failures if failure is not None]
    return min(found, key=lambda failure: isinstance(failure, BudgetExhausted), default=None)


async def together(work: Sequence[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Results of coroutines that run at the same time, in their order.

    The first failure is raised at once and the others are cancelled; only after ``BudgetExhausted``
    are they finished first, since they are paid for.
    """
    if not work:
        return []
    tasks = [asyncio.ensure_future(coroutine) for coroutine in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        if isinstance(failure_of(tasks), BudgetExhausted):
            await asyncio.wait(tasks)
        if failure := failure_of(tasks):
            raise failure
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
