"""Coroutines that share work, run beside one another, end together, or are tried again.

Nothing here knows what the work is. Only ``BudgetExhausted`` is special: it means that *further* work cannot
be paid for, while what is in progress has been paid for already, so it is finished and not thrown away.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from burnish.errors import BudgetExhausted

Result = TypeVar("Result")

_CANCEL_AGAIN_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class _Work(Generic[Result]):
    task: asyncio.Task[Result] = field(init=False)
    waiters: int = 0
    begun: bool = False


class SingleFlight(Generic[Result]):
    """Work in progress, by key: callers who want the same thing at the same time wait for one task.

    Work that nobody waits for any longer is cancelled. A failure is given to all who wait for it and then
    forgotten, so whoever asks later has it tried again.

    Args:
        concurrency: at most so many tasks work at the same time, the others queue; ``None``: no limit.
        keep: whether results are kept for later callers, too.
    """

    def __init__(self, concurrency: int | None = None, *, keep: bool = False) -> None:
        self._slots = asyncio.Semaphore(concurrency) if concurrency else None
        self._keep = keep
        self._shared: dict[Hashable, _Work[Result]] = {}

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result for ``key``: of the task there is, or of ``work()`` begun now."""
        mine = {key: self._enter(key, work)}
        try:
            return await asyncio.shield(mine[key].task)
        finally:
            if abandoned := self._leave(mine, [key]):
                await cancel_and_wait(*abandoned)

    async def join_all(
        self, keys: Sequence[Hashable], work: Callable[[int], Coroutine[Any, Any, Result]]
    ) -> list[Result]:
        """The results for ``keys``, in their order; ``work(i)`` makes the one for ``keys[i]`` if need be.

        The first failure is raised at once. After ``BudgetExhausted`` the tasks that have begun are
        finished first; those that still queue are not begun.
        """
        mine: dict[Hashable, _Work[Result]] = {}
        try:
            for place, key in enumerate(keys):
                if key not in mine:
                    mine[key] = self._enter(key, partial(work, place))
            if mine:
                await self._wait_for(mine)
            return [mine[key].task.result() for key in keys]
        finally:
            if abandoned := self._leave(mine, list(mine)):
                await cancel_and_wait(*abandoned)

    async def _wait_for(self, mine: dict[Hashable, _Work[Result]]) -> None:
        await asyncio.wait([work.task for work in mine.values()], return_when=asyncio.FIRST_EXCEPTION)
        if isinstance(_failure_of([work.task for work in mine.values()]), BudgetExhausted):
            await cancel_and_wait(*self._leave(mine, [key for key, work in mine.items() if not work.begun]))
            await asyncio.wait([work.task for work in mine.values()])
        if failure := _failure_of([work.task for work in mine.values()]):
            raise failure

    def _enter(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> _Work[Result]:
        shared = self._shared.get(key)
        if shared is None:
            shared = self._shared[key] = _Work()
            shared.task = asyncio.ensure_future(work() if self._slots is None else self._run(shared, work))
            shared.task.add_done_callback(partial(self._forget, key, shared))
        shared.waiters += 1
        return shared

    async def _run(self, shared: _Work[Result], work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        assert self._slots is not None
        async with self._slots:
            shared.begun = True
            return await work()

    def _forget(self, key: Hashable, shared: _Work[Result], task: asyncio.Task[Result]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if (failed or not self._keep) and self._shared.get(key) is shared:
            del self._shared[key]

    def _leave(
        self, mine: dict[Hashable, _Work[Result]], keys: Sequence[Hashable]
    ) -> list[asyncio.Task[Result]]:
        """Wait for these no longer.

        Returns:
            Tasks that nobody waits for now. The next caller for their keys already begins anew.
        """
        abandoned = []
        for key in keys:
            shared = mine.pop(key)
            shared.waiters -= 1
            if not shared.waiters and not shared.task.done():
                if self._shared.get(key) is shared:
                    del self._shared[key]
                abandoned.append(shared.task)
        return abandoned


async def gather_in_order(calls: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Run coroutines beside one another; their results in the order given.

    Raises:
        BudgetExhausted: of any, when the others have finished. Any other failure is raised at once, and the
            rest is cancelled.
    """
    results = []
    for result in await gather_affordable(calls):
        if isinstance(result, BudgetExhausted):
            raise result
        results.append(result)
    return results


async def gather_affordable(
    calls: Iterable[Coroutine[Any, Any, Result]],
) -> list[Result | BudgetExhausted]:
    """As :func:`gather_in_order`, for a caller who can use some of the results.

    Returns:
        In the order given: each result, or the ``BudgetExhausted`` in its place.
    """
    coroutines = list(calls)
    if len(coroutines) < 2:  # most often one scorer: it needs no task
        return [await _affordable(coroutine) for coroutine in coroutines]
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        left: Collection[asyncio.Future[Result]] = tasks
        while left:
            _, left = await asyncio.wait(left, return_when=asyncio.FIRST_EXCEPTION)
            if (failure := _failure_of(tasks)) and not isinstance(failure, BudgetExhausted):
                raise failure
        return [await _affordable(task) for task in tasks]
    finally:
        await cancel_and_wait(*tasks)


async def _affordable(call: Awaitable[Result]) -> Result | BudgetExhausted:
    try:
        return await call
    except BudgetExhausted as exhausted:
        return exhausted


def _failure_of(tasks: Collection[asyncio.Task[Any]]) -> BaseException | None:
    """What the first failed task raised, ``BudgetExhausted`` last of all; ``None`` without a failure."""
    failures = [task.exception() for task in tasks if task.done() and not task.cancelled()]
    found = [failure for failure in failures if failure is not None]
    return min(found, key=lambda failure: isinstance(failure, BudgetExhausted), default=None)


async def eventually(condition: Callable[[], bool], timeout_seconds: float = 10.0) -> None:
    """Wait for what other tasks, threads or processes bring about.

    Raises:
        TimeoutError: they have not in time.
    """
    async with asyncio.timeout(timeout_seconds):
        while not condition():  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.005)


async def cancel_and_wait(*tasks: asyncio.Task[Any], again_seconds: float = _CANCEL_AGAIN_SECONDS) -> None:
    """Cancel tasks and wait until each has really ended, so that none outlives its owner.

    A task that something else was waking at that moment can lose a cancellation (``asyncio.wait_for`` and
    some drivers swallow it), so it is sent again to what has not ended after ``again_seconds``. Their
    results and failures are left to whoever else waits for the tasks.
    """
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=again_seconds)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: asyncio would complain of an exception that nobody has retrieved


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to pause between tries of what failed: longer from try to try, with chance in it.

    Callers that failed together would otherwise come back together. See "Exponential Backoff And Jitter"
    (AWS Architecture Blog, 2015), whose *full jitter* is ``jitter=1`` and *equal jitter* is ``jitter=0.5``.

    Attributes:
        base_seconds: longest pause after the first failure; each further one multiplies it by ``factor``.
        cap_seconds: no pause is longer.
        jitter: share of each pause that is drawn at random, between 0 and 1.
        draw: random number in [0, 1).
        sleep: waits so many seconds.
    """

    base_seconds: float
    factor: float = 2.0
    cap_seconds: float = float("inf")
    jitter: float = 1.0
    draw: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def pause_seconds(self, failures: int) -> float:
        """How long to pause after so many failures in a row, 1 or more."""
        growth = self.factor ** min(failures - 1, 30)  # far beyond any cap, and no overflow
        longest = min(self.cap_seconds, self.base_seconds * growth)
        return longest * (1.0 - self.jitter + self.jitter * self.draw())

    def pauses_seconds(self, tries: int) -> Iterator[float]:
        """The pauses between so many tries."""
        return map(self.pause_seconds, range(1, tries))

    async def retry(
        self,
        work: Callable[[], Awaitable[Result]],
        *,
        tries: int,
        on: type[Exception] | tuple[type[Exception], ...],
    ) -> Result:
        """What ``work()`` returns, tried again after the failures named; the last one is raised."""
        for pause in self.pauses_seconds(tries):
            try:
                return await work()
            except on:
                await self.sleep(pause)
        return await work()
