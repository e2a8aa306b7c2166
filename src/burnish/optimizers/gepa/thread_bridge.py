"""A thread of its own for blocking code that asks an event loop for its answers.

gepa's engine blocks; a job lives on an event loop. The engine runs in a thread that stops at each
question until the loop has answered. It is not one of the loop's default executor: those are few, and
hundreds of searches may wait at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
Answer = TypeVar("Answer")


class EngineCancelled(BaseException):
    """Raised in the thread to end it. No ``except Exception`` on its way can swallow it."""


class EngineThread(Generic[Result]):
    """Runs one piece of blocking code; made and awaited on the job's event loop."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._failure: BaseException | None = None
        self._answering: asyncio.Task[Any] | None = None

    async def run(self, work: Callable[[], Result]) -> Result:
        """What ``work`` returns. However this ends, also by cancellation, the thread has ended too.

        Raises:
            BaseException: the failure of an :meth:`ask` or of :meth:`fail`, else what ``work`` raised.
        """
        ended: asyncio.Future[Result] = self._loop.create_future()
        context = contextvars.copy_context()

        def body() -> None:
            try:
                result = context.run(work)
            except BaseException as error:  # noqa: BLE001 - raised where the thread is awaited
                self._loop.call_soon_threadsafe(ended.set_exception, self._failure or error)
            else:
                self._loop.call_soon_threadsafe(ended.set_result, result)

        thread = threading.Thread(target=body, name=self._name, daemon=True)
        thread.start()
        try:
            return await asyncio.shield(ended)
        finally:
            self._close()
            await _wait_through_cancellation(ended)
            thread.join()

    def ask(self, question: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """From the thread: wait for the loop's answer.

        Raises:
            EngineCancelled: the question failed, or the search is over; :meth:`run` raises the cause.
        """
        answer: Future[Answer] = Future()
        self._loop.call_soon_threadsafe(self._begin, question, answer)
        return answer.result()

    def fail(self, error: BaseException) -> None:
        """On the loop: end the thread; :meth:`run` raises ``error``. The first failure counts."""
        self._failure = self._failure or error
        self._close()

    def _begin(self, question: Callable[[], Coroutine[Any, Any, Any]], answer: Future[Any]) -> None:
        if self._closed:
            answer.set_exception(EngineCancelled())
            return
        self._answering = self._loop.create_task(question())
        self._answering.add_done_callback(lambda task: self._pass_on(task, answer))

    def _pass_on(self, task: asyncio.Task[Any], answer: Future[Any]) -> None:
        """Pass an answer on; not from within the task, which may be cancelled before it begins."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            answer.set_result(task.result())
            return
        if not self._closed:
            self._failure = self._failure or error
        answer.set_exception(EngineCancelled())

    def _close(self) -> None:
        self._closed = True
        if self._answering is not None:
            self._answering.cancel()


async def _wait_through_cancellation(ended: asyncio.Future[Any]) -> None:
    """Wait until it has ended, through any further cancellation; its result is the caller's matter."""
    cancelled: asyncio.CancelledError | None = None
    while not ended.done():
        try:
            await asyncio.wait([ended])
        except asyncio.CancelledError as error:
            cancelled = error
    if not ended.cancelled():
        ended.exception()  # mark as retrieved
    if cancelled is not None:
        raise cancelled
