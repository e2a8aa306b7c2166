"""A private event loop in a thread of its own, for those who do not await."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_CLOSE_SECONDS = 5.0


class Loop:
    """Starts when it is first needed; ends when it is closed, or when nobody holds it any more.

    Args:
        on_close: run on the loop before it ends.
    """

    def __init__(self, on_close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._inner = _Inner(on_close)
        self._finalizer = weakref.finalize(self, self._inner.close)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it there and wait for it here. An interrupt here cancels it there."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._inner.running())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """May be called twice; what is run after it starts the loop again."""
        self._inner.close()


class _Inner:
    """The thread. Apart from :class:`Loop`, so that the thread does not keep that one alive."""

    def __init__(self, on_close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._on_close = on_close
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run, args=(self._loop, self._on_close), name="burnish-client", daemon=True
                )
                self._thread.start()
            return self._loop

    def close(self) -> None:
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_CLOSE_SECONDS)


def _run(loop: asyncio.AbstractEventLoop, on_close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        loop.run_forever()
        loop.run_until_complete(_end(on_close))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _end(on_close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await on_close()
