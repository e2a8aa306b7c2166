"""Coroutines for callers who do not await, also inside a running event loop (a notebook)."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_END_SECONDS = 15.0  # an interrupted job gives itself back within this time


def run_blocking(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run it on an event loop in a thread of its own, and wait for it here.

    An interrupt here (Ctrl-C) cancels it there, and is raised again when it has ended.
    """
    outcome: Future[T] = Future()
    tasks: list[asyncio.Task[T]] = []

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        return await make()

    def work() -> None:
        try:
            result = asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(work,), name="burnish-job", daemon=True
    )
    thread.start()
    try:
        return outcome.result()
    except BaseException:
        if not outcome.done() and tasks:
            tasks[0].get_loop().call_soon_threadsafe(tasks[0].cancel)
            thread.join(_END_SECONDS)
        raise
