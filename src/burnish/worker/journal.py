"""The journal of one attempt, kept in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from burnish.domain.records import CallKey, JournalEntry
from burnish.domain.usage import Usage
from burnish.errors import AttemptSuperseded
from burnish.llm.journal_entry import call_key, completion_of, entry_of
from burnish.llm.protocol import AnyRequest, Completion, Purpose
from burnish.store.protocol import JournalRecords


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
        self._under_way: set[asyncio.Task[None]] = set()
        self._fenced: AttemptSuperseded | None = None
        self.calls_finished = 0

    @classmethod
    async def open(cls, store: JournalRecords, job_id: str, attempt: int) -> StoreJournal:
        """The journal with every call that was finished before.

        Raises:
            StoreUnavailable
        """
        entries = await store.journal_read(job_id)
        return cls(store, job_id, attempt, {entry.key: completion_of(entry) for entry in entries})

    def find(self, request: AnyRequest, purpose: Purpose) -> Completion | None:
        """The finished call, from memory."""
        key = call_key(request, purpose)
        found = self._known.get(key)
        if found is None and key.phase == "test":  # earlier versions wrote "search" for the sealed test too
            found = self._known.get(replace(key, phase="search"))
        return found

    async def begin(self, request: AnyRequest, purpose: Purpose, reserved: Usage) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        await self._write(begun=[(call_key(request, purpose), reserved)])

    async def finish(self, request: AnyRequest, purpose: Purpose, completion: Completion) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        entry = entry_of(request, purpose, completion)
        await self._write(finished=[entry])
        self._known[entry.key] = completion_of(entry)
        self.calls_finished += 1

    async def abandon(self, request: AnyRequest, purpose: Purpose) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        await self._write(abandoned=[call_key(request, purpose)])

    async def close(self) -> None:
        """Wait until what was handed in is written, or known not to be. May be called twice."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _write(
        self,
        begun: Sequence[tuple[CallKey, Usage]] = (),
        finished: Sequence[JournalEntry] = (),
        abandoned: Sequence[CallKey] = (),
    ) -> None:
        """Write; a caller who is cancelled does not take it back."""
        if self._fenced is not None:
            raise AttemptSuperseded(self._job_id, self._attempt) from self._fenced
        writing = asyncio.ensure_future(
            self._store.journal_write(self._job_id, self._attempt, begun, finished, abandoned)
        )
        self._under_way.add(writing)
        writing.add_done_callback(self._written)
        await asyncio.shield(writing)

    def _written(self, writing: asyncio.Task[None]) -> None:
        self._under_way.discard(writing)
        if not writing.cancelled() and isinstance(error := writing.exception(), AttemptSuperseded):
            self._fenced = error
