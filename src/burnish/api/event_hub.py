"""Watching jobs: any number of watchers of one job cost one reader of the store.

A :class:`EventFeed` reads one job's new events, for as long as someone watches, and keeps the latest of
them as they go over the wire. Watchers take from the feed, each at its own pace; one that is further
behind than the feed remembers catches up from the store by itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import islice

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
        remember: how many events are kept for watchers that come or fall behind.
    """

    def __init__(
        self, store: JobStore, job_id: str, after: int, poll_seconds: float, remember: int = 10_000
    ) -> None:
        self.watchers = 0
        self.ended = False
        self._store = store
        self._job_id = job_id
        self._poll_seconds = poll_seconds
        self._latest = after
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=remember)
        self._changed = asyncio.Event()
        self._failure: BurnishError | None = None

    @property
    def first(self) -> int:
        """The oldest sequence number it remembers; the next one, where it remembers none."""
        return self._recent[0][0] if self._recent else self._latest + 1

    @property
    def latest(self) -> int:
        """The sequence number it has read up to."""
        return self._latest

    def since(self, after: int) -> bytes:
        """What it remembers with a greater sequence number, in order.

        Raises:
            BurnishError: the reader has failed, and there is nothing more to give.
        """
        behind = self._latest - after
        if behind > 0:
            start = max(0, len(self._recent) - behind)
            return b"".join(encoded for _, encoded in islice(self._recent, start, None))
        if self._failure is not None:
            raise self._failure
        return b""

    async def change(self, timeout_seconds: float) -> bool:
        """Wait for news, or for the end.

        Returns:
            Whether there were any in time.
        """
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), timeout_seconds)
        except TimeoutError:
            return False
        return True

    async def read(self) -> None:
        """Read on until the job has ended, or is gone."""
        idle_reads = 0
        last_kind: EventKind | None = None
        try:
            while True:
                events = await self._store.events(self._job_id, self._latest, PAGE)
                for event in events:
                    self._recent.append((event.sequence, encode(event)))
                    self._latest, last_kind = event.sequence, event.kind
                if events:
                    idle_reads = 0
                    self._wake()
                    continue
                if not self._recent and self._latest > 0:
                    self._latest = 0  # there is no such event: the watcher was mistaken
                    continue
                if last_kind is EventKind.ENDED or idle_reads % _IDLE_READS_BETWEEN_CHECKS == 0:
                    job = await self._store.get(self._job_id)
                    if job.status.terminal and not await self._store.events(self._job_id, self._latest, 1):
                        return
                idle_reads += 1
                await asyncio.sleep(self._poll_seconds)
        except NotFound:
            return  # deleted: the stream ends
        except BurnishError as error:
            self._failure = error
        finally:
            self.ended = True
            self._wake()

    def close(self) -> None:
        """Let every watcher go."""
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


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
            while not self._closed:
                while after < feed.first - 1:
                    missed = await self._store.events(job_id, after, PAGE)
                    if not missed:
                        break
                    yield b"".join(encode(event) for event in missed)
                    after = missed[-1].sequence
                if news := feed.since(after):
                    after = feed.latest
                    yield news
                elif feed.ended:
                    return
                elif not await feed.change(self._heartbeat_seconds):
                    yield HEARTBEAT

    def close(self) -> None:
        """End every stream: a server that stops would wait for them."""
        self._closed = True
        for feed, task in list(self._feeds.values()):
            task.cancel()
            feed.close()

    @asynccontextmanager
    async def _feed(self, job_id: str, after: int) -> AsyncIterator[EventFeed]:
        found = self._feeds.get(job_id)
        if found is None or found[0].ended:
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
