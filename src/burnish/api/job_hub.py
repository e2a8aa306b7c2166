"""Watching the list of jobs: any number of open lists cost one reader of the store in each process.

The reader compares versions of jobs. Those that have not ended are looked at each time, all others as
often as that costs little: a job that ended changes only by being deleted, resumed or registered by hand.
Which process changed a job makes no difference.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from burnish.api.backlog import Backlog
from burnish.api.event_hub import HEARTBEAT
from burnish.api.routes import Visible
from burnish.domain.job import Job, JobStatus
from burnish.domain.records import JobVersion
from burnish.errors import BurnishError
from burnish.proto.convert import job_to_json
from burnish.store.protocol import JobStore

_log = logging.getLogger(__name__)

_LINGER_SECONDS = 30.0
"""The reader goes on for so long when nobody watches, so that a client that comes back finds its place."""

_SHARE_OF_SWEEPS = 0.05
"""At most this part of the time is spent on looking at all jobs."""


@dataclass(frozen=True, slots=True)
class _Item:
    workspace: str
    experiment_id: str
    encoded: bytes


class JobFeed:
    """What happened to jobs, read once for all watchers.

    Attributes:
        epoch: names this reader; numbers mean nothing to another one.
        ready: the jobs that there are have been read, so that every change from now on is seen.
        watchers: how many there are.
        idle_since: when the last of them left.
    """

    def __init__(self, store: JobStore, poll_seconds: float, clock: Callable[[], float]) -> None:
        self.epoch = uuid.uuid4().hex[:12]
        self.backlog: Backlog[_Item] = Backlog()
        self.ready = asyncio.Event()
        self.watchers = 0
        self.idle_since = clock()
        self._store = store
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._known: dict[str, JobVersion] = {}

    async def read(self) -> None:
        """Read on until nobody has watched for a while."""
        failure = None
        try:
            self._known = dict(await self._store.versions())
            self.ready.set()
            sweep_at = 0.0
            while self.watchers or self._clock() - self.idle_since < _LINGER_SECONDS:
                await asyncio.sleep(self._poll_seconds)
                began = self._clock()
                everything = began >= sweep_at
                versions = await self._store.versions(unfinished=not everything)
                await self._report(self._differing(versions, everything))
                if everything:
                    sweep_at = self._clock() + (self._clock() - began) / _SHARE_OF_SWEEPS
        except BurnishError as error:
            failure = error
        finally:
            self.ready.set()
            self.backlog.end(failure)

    def position(self, last_id: str) -> int | None:
        """The number in an item's id; ``None`` where it is not known here what came after it."""
        epoch, _, number = last_id.partition("-")
        if epoch != self.epoch or not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        after = int(number)
        return after if self.backlog.first - 1 <= after <= self.backlog.latest else None

    def encode(self, number: int, kind: str, job_id: str | None = None, job: Job | None = None) -> bytes:
        """One server-sent event. Its data is the ``JobListEvent`` message."""
        data: dict[str, object] = {"kind": kind}
        if job_id is not None:
            data["job_id"] = job_id
        if job is not None:
            data["job"] = job_to_json(job)
        return b"id: %s-%d\ndata: %s\n\n" % (self.epoch.encode(), number, orjson.dumps(data))

    def _differing(self, versions: Mapping[str, JobVersion], everything: bool) -> list[str]:
        """Jobs whose version is another than the known one, and those that should be among these and are
        not: deleted or, where only unfinished ones were asked for, ended."""
        gone = [
            job_id
            for job_id, known in self._known.items()
            if job_id not in versions and (everything or not JobStatus(known.status).terminal)
        ]
        return [job_id for job_id, version in versions.items() if self._known.get(job_id) != version] + gone

    async def _report(self, job_ids: Sequence[str]) -> None:
        """Say what became of these jobs."""
        if not job_ids:
            return
        found = await self._store.get_existing(job_ids)
        for job_id in job_ids:
            before = self._known.pop(job_id, None)
            if job_id in found:
                job, version = found[job_id]
                if version != before:
                    self._append("CHANGED" if before else "CREATED", job_id, version, job)
                self._known[job_id] = version
            elif before is not None:
                self._append("DELETED", job_id, before, None)
        self.backlog.wake()

    def _append(self, kind: str, job_id: str, version: JobVersion, job: Job | None) -> None:
        number = self.backlog.latest + 1
        encoded = self.encode(number, kind, job_id, job)
        self.backlog.append(number, _Item(version.workspace, version.experiment_id, encoded))


class JobHub:
    """The feed of the list of jobs, for everybody who has it open.

    Args:
        poll_seconds: how often the store is looked at.
        heartbeat_seconds: silence after which a watcher gets a sign of life.
    """

    def __init__(
        self,
        store: JobStore,
        poll_seconds: float = 0.7,
        heartbeat_seconds: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._clock = clock
        self._feed: JobFeed | None = None
        self._reading: asyncio.Task[None] | None = None
        self._closed = False

    async def idle(self) -> None:
        """Return when nothing is being read any more."""
        if self._reading is not None:
            await asyncio.wait([self._reading])

    async def watch(
        self,
        last_id: str = "",
        experiment_ids: Collection[str] = (),
        visible: Callable[[], Visible] = Visible,
    ) -> AsyncIterator[bytes]:
        """Server-sent events behind ``last_id``. Where these are not known any more, or there is none, the
        first is RESET. Where the store goes away, or a watcher falls too far behind, the stream ends and its
        client comes back.

        Args:
            experiment_ids: only jobs of these; empty: all.
            visible: what the watcher may see now.
        """
        wanted = frozenset(experiment_ids)
        try:
            async with self._open_feed() as feed:
                backlog = feed.backlog
                if (after := feed.position(last_id)) is None:
                    await feed.ready.wait()
                    after = backlog.latest
                    yield feed.encode(after, "RESET")
                while not self._closed and after >= backlog.first - 1:
                    if items := backlog.since(after):
                        after = backlog.latest
                        seen = visible()
                        shown = [
                            item.encoded
                            for item in items
                            if (not wanted or item.experiment_id in wanted)
                            and item.workspace == seen.workspace
                            and seen.shows(item.experiment_id)
                        ]
                        if shown:
                            yield b"".join(shown)
                    elif backlog.ended:
                        return
                    elif not await backlog.change(self._heartbeat_seconds):
                        yield HEARTBEAT
        except BurnishError as error:
            _log.warning("a watcher of the list of jobs was let go: %s", error)

    def close(self) -> None:
        """End every stream: a server that stops would wait for them."""
        self._closed = True
        if self._reading is not None and self._feed is not None:
            self._reading.cancel()
            self._feed.backlog.end()

    @asynccontextmanager
    async def _open_feed(self) -> AsyncIterator[JobFeed]:
        feed = self._feed
        if feed is None or feed.backlog.ended:
            self._feed = feed = JobFeed(self._store, self._poll_seconds, self._clock)
            self._reading = asyncio.create_task(feed.read(), name="watch-jobs")
        feed.watchers += 1
        try:
            yield feed
        finally:
            feed.watchers -= 1
            feed.idle_since = self._clock()
