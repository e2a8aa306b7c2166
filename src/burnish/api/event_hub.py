"""Watching jobs: any number of watchers of one job cost one reader of the store.

A :class:`EventFeed` reads one job's new events, for as long as someone watches, and keeps the latest of
them as they go over the wire. Watchers take from the feed, each at its own pace; one that is further
behind than the feed remembers catches up from the store by itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from burnish.api.backlog import Backlog
from burnish.domain.events import Event, EventKind
from burnish.errors import BurnishError, NotFound
from burnish.proto.convert import event_to_proto
from burnish.proto.message import message_to_json
from burnish.store.protocol import JobStore

_log = logging.getLogger(__name__)

HEARTBEAT = b": heartbeat\n\n"
PAGE = 1000
_IDLE_READS_BETWEEN_CHECKS = 20  # of a quiet job's status, should its end not be its last event


def encode(event: Event) -> bytes:
    """One server-sent event. Its id is the sequence number; its data is the ``JobEvent`` message."""
    data = json.dumps(message_to_json(event_to_proto(event)), ensure_ascii=False, separators=(",", ":"))
    return f"id: {event.sequence}\ndata: {data}\n\n".encode()


class EventFeed:
    """New events of one job, read once for all watchers.

    Args:
        after: the sequence number to read on from. Where the job has no such event, from the first.
    """

    def __init__(self, store: JobStore, job_id: str, after: int, poll_seconds: float) -> None:
        self.watchers = 0
        self.backlog: Backlog[bytes] = Backlog(after)
        self._store = store
        self._job_id = job_id
        self._poll_seconds = poll_seconds

    async def read(self) -> None:
        """Read on until the job has ended, or is gone."""
        failure = None
        try:
            await self._read()
        except NotFound:
            pass  # deleted: the stream ends
        except BurnishError as error:
            failure = error
        finally:
            self.backlog.end(failure)

    async def _read(self) -> None:
        backlog, idle_reads = self.backlog, 0
        last_kind: EventKind | None = None
        while True:
            events = await self._store.events(self._job_id, backlog.latest, PAGE)
            for event in events:
                backlog.append(event.sequence, encode(event))
                last_kind = event.kind
            if events:
                idle_reads = 0
                backlog.wake()
                continue
            if not len(backlog) and backlog.latest > 0:
                backlog.latest = 0  # there is no such event: the watcher was mistaken
                continue
            if last_kind is EventKind.ENDED or idle_reads % _IDLE_READS_BETWEEN_CHECKS == 0:
                job = await self._store.get(self._job_id)
                if job.status.terminal and not await self._store.events(self._job_id, backlog.latest, 1):
                    return
            idle_reads += 1
            await asyncio.sleep(self._poll_seconds)


class EventHub:
    """The feeds of all jobs that someone watches.

    Args:
        poll_seconds: how often a feed looks for new events.
        heartbeat_seconds: silence after which a watcher gets a sign of life.
    """

    def __init__(self, store: JobStore, poll_seconds: float = 0.3, heartbeat_seconds: float = 15.0) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._feeds: dict[str, tuple[EventFeed, asyncio.Task[None]]] = {}
        self._closed = False

    async def watch(self, job_id: str, after: int) -> AsyncIterator[bytes]:
        """The job's events behind ``after`` as server-sent events, until it has ended.

        Where the store goes away in between, the stream just ends: its client comes back and goes on
        from the last event it has.
        """
        try:
            async with aclosing(self._watch(job_id, after)) as parts:
                async for part in parts:
                    yield part
        except BurnishError as error:
            _log.warning("a watcher of job %s was let go: %s", job_id, error)

    async def _watch(self, job_id: str, after: int) -> AsyncGenerator[bytes]:
        async with self._feed(job_id, after) as feed:
            backlog = feed.backlog
            while not self._closed:
                while after < backlog.first - 1:
                    missed = await self._store.events(job_id, after, PAGE)
                    if not missed:
                        break
                    yield b"".join(encode(event) for event in missed)
                    after = missed[-1].sequence
                if news := backlog.since(after):
                    after = backlog.latest
                    yield b"".join(news)
                elif backlog.ended:
                    return
                elif not await backlog.change(self._heartbeat_seconds):
                    yield HEARTBEAT

    def close(self) -> None:
        """End every stream: a server that stops would wait for them."""
        self._closed = True
        for feed, task in list(self._feeds.values()):
            task.cancel()
            feed.backlog.end()

    @asynccontextmanager
    async def _feed(self, job_id: str, after: int) -> AsyncIterator[EventFeed]:
        found = self._feeds.get(job_id)
        if found is None or found[0].backlog.ended:
            feed = EventFeed(self._store, job_id, max(0, after - PAGE), self._poll_seconds)
            task = asyncio.create_task(feed.read(), name=f"watch-{job_id}")
            self._feeds[job_id] = found = (feed, task)
        feed, task = found
        feed.watchers += 1
        try:
            yield feed
        finally:
            feed.watchers -= 1
            if feed.watchers == 0:
                task.cancel()
                if self._feeds.get(job_id) is found:
                    del self._feeds[job_id]
