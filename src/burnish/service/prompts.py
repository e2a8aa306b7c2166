"""Putting an optimized prompt into use, and taking it back, by MLflow's prompt aliases."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass

from burnish.domain.actor import NOBODY, Actor
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import Job
from burnish.domain.prompt import Prompt
from burnish.errors import InvalidInput, InvalidState, NotFound
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
    """Register by hand, promote and roll back."""

    def __init__(self, store: JobStore, tracker: Tracker) -> None:
        self._store = store
        self._tracker = tracker

    async def register(self, job_id: str, candidate_id: str, actor: Actor = NOBODY) -> tuple[str, ...]:
        """Register a candidate of a job that has ended, whatever the job's own policy says.

        Doing it again finds the same versions. The best candidate of a job that has registered none
        becomes its optimized prompt.

        Returns:
            One URI for each prompt of the job: the new version, or the source where it is left as it is.

        Raises:
            NotFound: there is no such job, or no such candidate of it.
            InvalidState: the job still runs, or the candidate is its source or was refused.
            TrackingUnavailable
        """
        job = await self._store.get(job_id)
        candidate = await self._registrable(job, candidate_id)
        uris, registered = [], []
        for source in await self._sources(job):
            template = candidate.texts[source.name]
            if template == source.template:
                uris.append(source.uri or source.name)
                continue
            uri = await asyncio.to_thread(self._tracker.register_winner, job, source, template)
            uris.append(uri)
            data = {"optimized_prompt_uri": uri, "candidate_id": candidate_id, "reason": "by hand"}
            registered.append(NewEvent(EventKind.REGISTERED, data, actor.name))
        for event in registered:
            optimized = uris if candidate_id == job.best_candidate_id else ()
            await self._store.record_registration(job_id, event, optimized)
        return tuple(uris)

    async def _sources(self, job: Job) -> tuple[Prompt, ...]:
        """The job's prompts as it was given them; a job of an earlier version has kept none."""
        if (inputs := await self._store.find_inputs(job.job_id)) is not None:
            return inputs.prompts
        uris = job.config.source_prompt_uris
        return tuple([await asyncio.to_thread(self._tracker.prompt, uri) for uri in uris])

    async def _registrable(self, job: Job, candidate_id: str) -> Candidate:
        records = await self._store.candidates(job.job_id)
        found = [record for record in records if record.candidate.candidate_id == candidate_id]
        if not found:
            raise NotFound("candidate", candidate_id)
        [record] = found
        if not job.status.terminal:
            raise InvalidState(f"job {job.job_id} is {job.status}; register a candidate when it has ended")
        if record.status is CandidateStatus.SOURCE:
            raise InvalidState(f"candidate {candidate_id} is the source prompt itself: nothing is new")
        if record.status is CandidateStatus.REFUSED:
            raise InvalidState(f"candidate {candidate_id} was refused: {record.reason}; choose another one")
        return record.candidate

    async def promote(self, job_id: str, alias: str, actor: Actor = NOBODY) -> Promotion:
        """Point the alias at the job's optimized version.

        Raises:
            NotFound
            InvalidState: the job has no optimized version.
            InvalidInput: the alias is empty.
        """
        uri = require_completed(await self._store.get(job_id))
        return await self._point(job_id, EventKind.PROMOTED, alias, uri, actor)

    async def roll_back(self, job_id: str, alias: str, actor: Actor = NOBODY) -> Promotion:
        """Point the alias back at the version the job started from.

        Raises:
            NotFound
            InvalidState: the source is not a numbered version.
            InvalidInput: the alias is empty.
        """
        uri = (await self._store.get(job_id)).source_prompt_uri
        return await self._point(job_id, EventKind.ROLLED_BACK, alias, uri, actor)

    async def _point(self, job_id: str, kind: EventKind, alias: str, uri: str, actor: Actor) -> Promotion:
        if not alias.strip():
            raise InvalidInput.of("alias", alias, "name the alias to move, for example production")
        match = _VERSION_URI.fullmatch(uri)
        if match is None:
            raise InvalidState(f"{uri} is not a numbered prompt version, an alias cannot point at it")
        name, version = match["name"], int(match["version"])
        previous = await asyncio.to_thread(self._tracker.set_alias, name, alias, version)
        moved = Promotion(name=name, alias=alias, version=version, previous_version=previous)
        await self._store.record_act(job_id, NewEvent(kind, asdict(moved), actor.name))
        return moved
