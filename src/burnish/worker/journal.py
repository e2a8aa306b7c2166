"""The journal of one attempt, kept in the store by group commit.

Calls that end at about the same time share one transaction: while one is being written the next
gathers, so a commit costs each of them a fraction.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from burnish.domain.usage import Usage
from burnish.errors import AttemptSuperseded, StoreUnavailable
from burnish.llm.identity import request_hash
from burnish.llm.protocol import Completion, Purpose, Request
from burnish.store.protocol import CallKey, JournalEntry, JournalRecords


@dataclass(slots=True)
class _Batch:
    """What one transaction writes, and who waits for it."""

    written: asyncio.Future[None]
    begun: list[tuple[CallKey, Usage]] = field(default_factory=list)
    finished: list[JournalEntry] = field(default_factory=list)
    abandoned: list[CallKey] = field(default_factory=list)

    def fail(self, error: Exception) -> None:
        """Whoever waits hears of it."""
        self.written.set_exception(error)
        self.written.exception()  # seen, should every caller have left


class StoreJournal:
    """Implements ``llm.protocol.Journal`` for one attempt of a job. Make it with :meth:`open`.

    Attributes:
        calls_finished: by this attempt.
    """

    def __init__(self, store: JournalRecords, job_id: str, attempt: int, known: dict[CallKey, Completion]):
        self._store = store
        self._job_id = job_id
        self._attempt = attempt
        self._known = known
        self._next: _Batch | None = None
        self._writer: asyncio.Task[None] | None = None
        self._fenced: AttemptSuperseded | None = None
        self.calls_finished = 0

    @classmethod
    async def open(cls, store: JournalRecords, job_id: str, attempt: int) -> StoreJournal:
        """The journal with every call that was finished before.

        Raises:
            StoreUnavailable
        """
        entries = await store.journal_read(job_id)
        return cls(store, job_id, attempt, {entry.key: _completion(entry) for entry in entries})

    def find(self, request: Request, purpose: Purpose) -> Completion | None:
        """The finished call, from memory."""
        return self._known.get(_key(request, purpose))

    async def begin(self, request: Request, purpose: Purpose, reserved: Usage) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        batch = self._gathering()
        batch.begun.append((_key(request, purpose), reserved))
        await self._committed(batch)

    async def finish(self, request: Request, purpose: Purpose, completion: Completion) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        entry = JournalEntry(
            key=_key(request, purpose),
            text=completion.text,
            finish_reason=completion.finish_reason,
            usage=completion.usage,
        )
        batch = self._gathering()
        batch.finished.append(entry)
        await self._committed(batch)
        self._known[entry.key] = _completion(entry)
        self.calls_finished += 1

    async def abandon(self, request: Request, purpose: Purpose) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        batch = self._gathering()
        batch.abandoned.append(_key(request, purpose))
        await self._committed(batch)

    async def close(self) -> None:
        """Wait until what was handed in is written, or known not to be. May be called twice.

        Who is cancelled here stops waiting, and takes nothing along: an answer that was paid for is kept.
        """
        if self._writer is not None:
            await asyncio.wait((self._writer,))

    def _gathering(self) -> _Batch:
        if self._fenced is not None:
            raise AttemptSuperseded(self._job_id, self._attempt) from self._fenced
        if self._next is None:
            self._next = _Batch(asyncio.get_running_loop().create_future())
            if self._writer is None or self._writer.done():
                self._writer = asyncio.create_task(self._write())
                self._writer.add_done_callback(self._stopped)
        return self._next

    async def _committed(self, batch: _Batch) -> None:
        await asyncio.shield(batch.written)  # a caller who leaves does not take the others along

    async def _write(self) -> None:
        """Write batch after batch until none is waiting."""
        while (batch := self._next) is not None:
            self._next = None
            try:
                await self._store.journal_write(
                    self._job_id, self._attempt, batch.begun, batch.finished, batch.abandoned
                )
            except asyncio.CancelledError:  # by a process that ends all its tasks
                batch.fail(_stopped_writing())
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
                if isinstance(error, AttemptSuperseded):
                    self._fenced = error
                batch.fail(error)
            else:
                batch.written.set_result(None)

    def _stopped(self, writer: asyncio.Task[None]) -> None:
        """Cancelled, it leaves what had gathered behind; nobody would write that."""
        if self._writer is writer and self._next is not None:
            batch, self._next = self._next, None
            batch.fail(_stopped_writing())


def _stopped_writing() -> StoreUnavailable:
    return StoreUnavailable("the journal's writer was stopped; this may not have been written")


def _key(request: Request, purpose: Purpose) -> CallKey:
    return CallKey(
        role=purpose.role,
        candidate_id=purpose.candidate_id,
        example_id=purpose.example_id,
        phase=purpose.phase,
        sample=purpose.sample,
        request_hash=request_hash(request),
    )


def _completion(entry: JournalEntry) -> Completion:
    return Completion(text=entry.text, usage=entry.usage, finish_reason=entry.finish_reason, replayed=True)
