"""Blocking calls with effects outside this process (on MLflow), which nobody may abandon half-way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

Result = TypeVar("Result")
P = ParamSpec("P")


class SerializedCalls:
    """Runs blocking calls of one attempt in threads, one after the other.

    A thread cannot be interrupted. The task that awaits a call may be cancelled; the call itself goes
    on, and :meth:`wait` says when the last one is over. So an attempt's last call on MLflow is never
    overtaken by one that it made before.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._unfinished: set[asyncio.Task[Any]] = set()

    async def __call__(self, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """Make the call in its turn.

        Returns:
            What it returns; its errors are raised as they are.
        """
        return await asyncio.shield(self.start(call, *args, **kwargs))

    def start(self, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> asyncio.Task[Result]:
        """Begin the call without waiting for it.

        Returns:
            A task that holds its result, also for a caller that was cancelled while it waited. Never
            cancel this task: the thread behind it would go on unseen.
        """

        async def run() -> Result:
            async with self._turn:
                return await asyncio.to_thread(call, *args, **kwargs)

        task = asyncio.create_task(run())
        self._unfinished.add(task)
        task.add_done_callback(self._finished)
        return task

    async def wait(self, timeout_seconds: float) -> bool:
        """Wait until no call is unfinished.

        Returns:
            Whether that came in time.
        """
        if self._unfinished:
            await asyncio.wait(self._unfinished, timeout=timeout_seconds)
        return not self._unfinished

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it when the caller was cancelled
