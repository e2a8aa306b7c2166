"""A journal that ends with its process."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from burnish.domain.records import CallKey
from burnish.domain.usage import Usage
from burnish.llm.protocol import Completion


class MemoryJournal:
    """Implements ``llm.protocol.Journal``; what a crash leaves is in ``begun`` and ``finished``."""

    def __init__(self) -> None:
        self.begun: dict[CallKey, Usage] = {}
        self.finished: dict[CallKey, Completion] = {}

    def find(self, key: CallKey) -> Completion | None:
        """The finished call."""
        found = self.finished.get(key)
        return replace(found, replayed=True) if found else None

    async def begin(self, key: CallKey, reserved: Usage) -> None:
        """Noted, and a second time changes nothing, as in the store."""
        await asyncio.sleep(0)
        self.begun.setdefault(key, reserved)

    async def finish(self, key: CallKey, completion: Completion) -> None:
        """Kept."""
        await asyncio.sleep(0)
        self.begun.pop(key, None)
        self.finished[key] = completion

    async def abandon(self, key: CallKey) -> None:
        """Taken back."""
        await asyncio.sleep(0)
        self.begun.pop(key, None)
