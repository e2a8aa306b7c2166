"""Putting an optimized prompt into use, and taking it back, by MLflow's prompt aliases."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from burnish.errors import InvalidInput, InvalidState
from burnish.service.jobs import require_completed
from burnish.store.protocol import JobStore
from burnish.tracking.protocol import Tracker

_VERSION_URI = re.compile(r"prompts:/(?P<name>[^/@]+)/(?P<version>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """An alias that was moved. ``previous_version`` is ``None`` when the alias is new."""

    name: str
    alias: str
    version: int
    previous_version: int | None


class Prompts:
    """Promote and roll back."""

    def __init__(self, store: JobStore, tracker: Tracker) -> None:
        self._store = store
        self._tracker = tracker

    async def promote(self, job_id: str, alias: str) -> Promotion:
        """Point the alias at the job's optimized version.

        Raises:
            NotFound
            InvalidState: the job has no optimized version.
            InvalidInput: the alias is empty.
        """
        return await self._point(alias, require_completed(await self._store.get(job_id)))

    async def roll_back(self, job_id: str, alias: str) -> Promotion:
        """Point the alias back at the version the job started from.

        Raises:
            NotFound
            InvalidState: the source is not a numbered version.
            InvalidInput: the alias is empty.
        """
        return await self._point(alias, (await self._store.get(job_id)).source_prompt_uri)

    async def _point(self, alias: str, uri: str) -> Promotion:
        if not alias.strip():
            raise InvalidInput.of("alias", alias, "name the alias to move, for example production")
        match = _VERSION_URI.fullmatch(uri)
        if match is None:
            raise InvalidState(f"{uri} is not a numbered prompt version, an alias cannot point at it")
        name, version = match["name"], int(match["version"])
        previous = await asyncio.to_thread(self._tracker.set_alias, name, alias, version)
        return Promotion(name=name, alias=alias, version=version, previous_version=previous)
