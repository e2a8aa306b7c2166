"""A journal that ends with its process."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from burnish.domain.usage import Usage
from burnish.llm.protocol import AnyRequest, Completion, Purpose


class MemoryJournal:
    """Implements ``llm.protocol.Journal``; what a crash leaves is in ``begun`` and ``finished``."""

    def __init__(self) -> None:
        self.begun: dict[tuple[str, Purpose], Usage] = {}
        self.finished: dict[tuple[str, Purpose], Completion] = {}

    def find(self, request: AnyRequest, purpose: Purpose) -> Completion | None:
        """The finished call."""
        found = self.finished.get((request.digest, purpose))
        return replace(found, replayed=True) if found else None

    async def begin(self, request: AnyRequest, purpose: Purpose, reserved: Usage) -> None:
        """Noted, and a second time changes nothing, as in the store."""
        await asyncio.sleep(0)
        self.begun.setdefault((request.digest, purpose), reserved)

    async def finish(self, request: AnyRequest, purpose: Purpose, completion: Completion) -> None:
        """Kept."""
        await asyncio.sleep(0)
        self.begun.pop((request.digest, purpose), None)
        self.finished[request.digest, purpose] = completion

    async def abandon(self, request: AnyRequest, purpose: Purpose) -> None:
        """Taken back."""
        await asyncio.sleep(0)
        self.begun.pop((request.digest, purpose), None)
