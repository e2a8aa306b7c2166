"""Group commit: what is written while a transaction is under way shares the next one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Entry = TypeVar("Entry")
Answer = TypeVar("Answer")

_REST = 3.0  # of the time a transaction took: under load they take a quarter of the time, and grow instead
_LONGEST_REST_SECONDS = 0.02
_MOST_ENTRIES = 500


class GroupCommit(Generic[Entry, Answer]):
    """Gathers entries from many tasks into few transactions, one at a time.

    It is moved by callbacks and has no task of its own: nobody can cancel it and leave the others waiting.

    Args:
        begin: starts a transaction for some entries elsewhere. Its result has an answer, or the error to
            raise, for each of them in their order.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        begin: Callable[[Sequence[Entry]], asyncio.Future[Sequence[Answer | Exception]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._begin = begin
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[tuple[Entry, asyncio.Future[Answer]]] = []
        self._is_moving = False  # a transaction is under way, or the next one has a time
        self._not_before = 0.0

    async def __call__(self, entry: Entry) -> Answer:
        """Returns when the entry is committed, with its answer. A caller who is cancelled does not take
        the entry back.

        Raises:
            Exception: the entry's own error, or that of its transaction.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # another one than before, which is gone with all its waiters
            self._loop, self._waiting, self._is_moving = loop, [], False
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((entry, answer))
        self._move(loop)
        return await asyncio.shield(answer)

    def _move(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting and not self._is_moving:
            self._is_moving = True
            # Not at once even when idle: who comes in the same round of the loop shares it.
            loop.call_later(max(0.0, self._not_before - self._clock()), self._commit, loop)

    def _commit(self, loop: asyncio.AbstractEventLoop) -> None:
        batch, self._waiting = self._waiting[:_MOST_ENTRIES], self._waiting[_MOST_ENTRIES:]
        began = self._clock()

        def committed(transaction: asyncio.Future[Sequence[Answer | Exception]]) -> None:
            now = self._clock()
            self._not_before = now + min(_REST * (now - began), _LONGEST_REST_SECONDS)
            self._is_moving = False
            _tell(batch, transaction)
            self._move(loop)

        try:
            transaction = self._begin([entry for entry, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
            transaction = loop.create_future()
            transaction.set_exception(error)
        transaction.add_done_callback(committed)


def _tell(
    batch: Sequence[tuple[Entry, asyncio.Future[Answer]]],
    transaction: asyncio.Future[Sequence[Answer | Exception]],
) -> None:
    failure: BaseException | None = None
    answers: Sequence[Answer | Exception] = ()
    if transaction.cancelled():
        failure = RuntimeError("the transaction was cancelled")
    elif (failure := transaction.exception()) is None:
        answers = transaction.result()
    for place, (_, waiter) in enumerate(batch):
        answer = failure if failure is not None else answers[place]
        if isinstance(answer, BaseException):
            waiter.set_exception(answer)
            waiter.exception()  # seen, should its caller have left
        else:
            waiter.set_result(answer)
