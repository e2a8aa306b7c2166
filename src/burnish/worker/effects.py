"""Blocking calls with effects outside (MLflow), which nobody may abandon half-way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

Result = TypeVar("Result")
P = ParamSpec("P")


class Effects:
    """Runs one attempt's effects in threads, one after the other.

    A thread cannot be interrupted. Who awaits an effect may be cancelled; the effect goes on, and
    :meth:`settled` says when the last one is over, so that an end is not overtaken by what came before.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()

    async def __call__(self, effect: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """The effect's own result or error."""
        return await asyncio.shield(self.begin(effect, *args, **kwargs))

    def begin(self, effect: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> asyncio.Task[Result]:
        """The effect under way, for who wants its result even after having left; never cancel it."""

        async def run() -> Result:
            async with self._turn:
                return await asyncio.to_thread(effect, *args, **kwargs)

        task = asyncio.create_task(run())
        self._under_way.add(task)
        task.add_done_callback(self._over)
        return task

    async def settled(self, timeout_seconds: float) -> bool:
        """Wait until no effect is under way.

        Returns:
            Whether that came in time.
        """
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=timeout_seconds)
        return not self._under_way

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # seen, should who asked have left
