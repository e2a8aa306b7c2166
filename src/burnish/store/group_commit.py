"""Group commit: what is written while a transaction is under way shares the next one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Entry = TypeVar("Entry")
Answer = TypeVar("Answer")

# A transaction costs about the same for one entry as for fifty: what is dear is the commit. So after each
# one there is a pause of a few times its own length, in which entries gather. Under load transactions
# then take at most a quarter of the time and grow instead of multiplying; the database stays free for
# other writers, and the pause is too short for anybody to notice (20 ms at most).
_PAUSE_PER_TRANSACTION = 3.0
_LONGEST_PAUSE_SECONDS = 0.02
_MOST_ENTRIES = 500  # in one transaction: more would keep the first of them waiting for the last


class GroupCommit(Generic[Entry, Answer]):
    """Gathers entries from many tasks into few transactions, one at a time.

    One at a time, because two transactions of the same entries' jobs would wait for each other's locks, and
    because what arrives during the first is the second's batch: the batch sizes itself by the load.

    Callbacks move it on, not a task: a task could be cancelled together with the caller that started it,
    and leave everybody else waiting.

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
        self._is_scheduled = False  # a transaction is under way, or the next one has a time
        self._not_before = 0.0

    def __call__(self, entry: Entry) -> asyncio.Future[Answer]:
        """Hand an entry in. Whoever is cancelled, or cancels the future, does not take it back.

        Returns:
            A future that has the entry's answer when it is committed; else the entry's own error, or that of
            its transaction.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the loop before is closed, and nobody waits there any more
            self._loop, self._waiting, self._is_scheduled = loop, [], False
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((entry, answer))
        self._schedule(loop)
        return answer

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting and not self._is_scheduled:
            self._is_scheduled = True
            # By the loop even when idle, never at once: eight calls that finish in the same round of the
            # loop then share one transaction instead of the first going alone and seven waiting for it.
            loop.call_later(max(0.0, self._not_before - self._clock()), self._commit, loop)

    def _commit(self, loop: asyncio.AbstractEventLoop) -> None:
        batch, self._waiting = self._waiting[:_MOST_ENTRIES], self._waiting[_MOST_ENTRIES:]
        began = self._clock()

        def committed(transaction: asyncio.Future[Sequence[Answer | Exception]]) -> None:
            now = self._clock()
            self._not_before = now + min(_PAUSE_PER_TRANSACTION * (now - began), _LONGEST_PAUSE_SECONDS)
            self._is_scheduled = False
            _answer(batch, transaction)
            self._schedule(loop)

        try:
            transaction = self._begin([entry for entry, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait get it
            transaction = loop.create_future()
            transaction.set_exception(error)
        transaction.add_done_callback(committed)


def _answer(
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
        if waiter.cancelled():
            continue
        if isinstance(answer, BaseException):
            waiter.set_exception(answer)
            waiter.exception()  # marked as seen: a cancelled caller does not look any more
        else:
            waiter.set_result(answer)
