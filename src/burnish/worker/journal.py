"""The journal of one attempt, kept in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from burnish.domain.records import CallKey, JournalEntry
from burnish.domain.usage import Usage
from burnish.errors import AttemptSuperseded
from burnish.llm.protocol import Completion
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
        self._under_way: set[asyncio.Future[None]] = set()
        self._fenced: AttemptSuperseded | None = None
        self.calls_finished = 0

    @classmethod
    async def open(cls, store: JournalRecords, job_id: str, attempt: int) -> StoreJournal:
        """The journal with every call that was finished before.

        Raises:
            StoreUnavailable
        """
        entries = await store.journal_read(job_id)
        return cls(store, job_id, attempt, {entry.key: Completion.from_entry(entry) for entry in entries})

    def find(self, key: CallKey) -> Completion | None:
        """The finished call, from memory."""
        found = self._known.get(key)
        if found is None and key.phase == "test":  # earlier versions wrote "search" for the sealed test too
            found = self._known.get(replace(key, phase="search"))
        return found

    async def begin(self, key: CallKey, reserved: Usage) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        await self._write(begun=[(key, reserved)])

    async def finish(self, key: CallKey, completion: Completion) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        entry = completion.to_entry(key)
        await self._write(finished=[entry])
        self._known[key] = Completion.from_entry(entry)
        self.calls_finished += 1

    async def abandon(self, key: CallKey) -> None:
        """
        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        await self._write(abandoned=[key])

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

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._under_way.discard(writing)
        if not writing.cancelled() and isinstance(error := writing.exception(), AttemptSuperseded):
            self._fenced = error
