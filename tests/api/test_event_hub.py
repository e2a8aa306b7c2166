"""Watching a job: every event once and in order, one reader for many watchers, an end after the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from burnish.api.app import create_app
from burnish.api.event_hub import PAGE, EventHub
from burnish.api.streams import Streams
from burnish.api.testing import FakeServices, play_job, serving
from burnish.config import Settings
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import JobStatus
from burnish.domain.records import Report
from burnish.errors import StoreUnavailable

BASE = "/api/3.0/mlflow/prompt-optimization/jobs"


async def new_job(services: FakeServices) -> str:
    from burnish.api.wire import read_job_request
    from burnish.proto.message import message_from_json
    from burnish.proto.service_pb2 import CreatePromptOptimizationJob

    message = message_from_json(services.request(), CreatePromptOptimizationJob())
    request = read_job_request(message)
    job, _ = await services.jobs.submit(request.experiment_id, request.config, request.tags)
    return job.job_id


def progress(number: int) -> NewEvent:
    return NewEvent(EventKind.PROGRESS, {"completed": number})


def events_in(stream: bytes) -> list[dict[str, Any]]:
    """The data of each event; checks that its id is its sequence number."""
    found = []
    for block in stream.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append(json.loads(lines["data"]))
            assert lines["id"] == str(found[-1]["sequence"])
    return found


async def collect(parts: AsyncIterator[bytes]) -> list[dict[str, Any]]:
    return events_in(b"".join([part async for part in parts]))


class CountingStore:
    """The store, with its reads of events counted; ``away`` makes them fail."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.reads = 0
        self.away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read_again(self, times: int = 1) -> None:
        """Wait for as many further reads."""
        wanted = self.reads + times
        await until(lambda: self.reads >= wanted)

    async def events(self, *arguments: Any) -> Any:
        self.reads += 1
        if self.away:
            raise StoreUnavailable("away")
        return await self._store.events(*arguments)


async def until(reached: Callable[[], bool]) -> None:
    """Let others run until it is so."""
    async with asyncio.timeout(60):
        while not reached():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


async def test_a_watcher_sees_every_event_once_and_then_the_end(services: FakeServices) -> None:
    job_id = await new_job(services)
    counting = CountingStore(services.store)
    watcher = asyncio.create_task(collect(EventHub(counting, poll_seconds=0.005).watch(job_id, 0)))
    await until(lambda: counting.reads >= 2)
    await play_job(services, job_id)
    seen = await asyncio.wait_for(watcher, 60)
    assert [event["sequence"] for event in seen] == [1, 2, 3, 4, 5]
    assert [event["kind"] for event in seen] == ["CREATED", "STARTED", "CANDIDATE", "CANDIDATE", "ENDED"]
    assert seen[-1]["data"] == {"status": "COMPLETED", "stop_reason": "FINISHED"}


@pytest.mark.parametrize("after", [0, 1, 3, 4])
async def test_a_watcher_goes_on_behind_what_it_has(services: FakeServices, after: int) -> None:
    job_id = await new_job(services)
    await play_job(services, job_id)
    seen = await asyncio.wait_for(collect(EventHub(services.store, 0.005).watch(job_id, after)), 60)
    assert [event["sequence"] for event in seen] == list(range(after + 1, 6))


async def test_a_hundred_watchers_cost_one_reader(services: FakeServices) -> None:
    job_id = await new_job(services)
    job = await services.store.take(job_id, "w")
    counting = CountingStore(services.store)
    hub = EventHub(counting, poll_seconds=0.01)
    watchers = [asyncio.create_task(collect(hub.watch(job_id, n % 3))) for n in range(100)]
    for number in range(20):
        await services.store.report(job_id, job.attempt, Report(events=[progress(number)]))
        await counting.read_again()
    await services.store.update(
        job_id, job.attempt, {"status": JobStatus.FAILED}, [NewEvent(EventKind.ENDED, {})]
    )
    seen = await asyncio.wait_for(asyncio.gather(*watchers), 60)
    for number, events in enumerate(seen):
        assert [event["sequence"] for event in events] == list(range(number % 3 + 1, 24))
    assert counting.reads < 100


async def test_watchers_may_start_anywhere_even_behind_the_end(services: FakeServices) -> None:
    job_id = await new_job(services)
    job = await services.store.take(job_id, "w")
    await services.store.report(job_id, job.attempt, Report(events=[progress(n) for n in range(3 * PAGE)]))
    total = 3 * PAGE + 3
    counting = CountingStore(services.store)
    hub = EventHub(counting, poll_seconds=0.005)
    starts = [10 * PAGE, 0, 2 * PAGE, total - 1]
    watchers = [asyncio.create_task(collect(hub.watch(job_id, after))) for after in starts]
    await until(lambda: counting.reads >= 8)
    await services.store.update(
        job_id, job.attempt, {"status": JobStatus.FAILED}, [NewEvent(EventKind.ENDED, {})]
    )
    seen = await asyncio.wait_for(asyncio.gather(*watchers), 60)
    for after, events in zip(starts, seen, strict=True):
        assert [event["sequence"] for event in events] == list(range(after + 1, total + 1))


async def test_a_job_that_was_resumed_is_watched_past_its_first_end(services: FakeServices) -> None:
    job_id = await new_job(services)
    await services.store.request_cancel(job_id)
    await services.store.reopen(job_id)
    counting = CountingStore(services.store)
    watcher = asyncio.create_task(collect(EventHub(counting, 0.005).watch(job_id, 0)))
    await until(lambda: counting.reads >= 4)
    assert not watcher.done()
    await services.store.request_cancel(job_id)
    kinds = [event["kind"] for event in await asyncio.wait_for(watcher, 60)]
    assert kinds == ["CREATED", "CANCEL_REQUESTED", "ENDED", "RESUMED", "CANCEL_REQUESTED", "ENDED"]


async def test_a_deleted_job_and_a_store_that_is_away_end_the_stream(services: FakeServices) -> None:
    job_id = await new_job(services)
    counting = CountingStore(services.store)
    hub = EventHub(counting, poll_seconds=0.005)
    watcher = asyncio.create_task(collect(hub.watch(job_id, 0)))
    await counting.read_again(3)
    counting.away = True
    assert len(await asyncio.wait_for(watcher, 60)) == 1
    counting.away = False
    watcher = asyncio.create_task(collect(hub.watch(job_id, 0)))
    await counting.read_again(3)
    await services.store.delete(job_id)
    assert len(await asyncio.wait_for(watcher, 60)) == 1


async def test_silence_is_broken_by_heartbeats_and_ended_by_closing(services: FakeServices) -> None:
    job_id = await new_job(services)
    hub = EventHub(services.store, poll_seconds=0.005, heartbeat_seconds=0.01)
    parts: list[bytes] = []

    async def watch() -> None:
        async for part in hub.watch(job_id, 1):
            parts.append(part)

    watcher = asyncio.create_task(watch())
    await until(lambda: len(parts) >= 2)
    hub.close()
    await asyncio.wait_for(watcher, 60)
    assert parts and set(parts) == {b": heartbeat\n\n"}


async def test_a_reader_stops_when_nobody_watches(services: FakeServices) -> None:
    job_id = await new_job(services)
    counting = CountingStore(services.store)
    hub = EventHub(counting, poll_seconds=0.005)
    stream = hub.watch(job_id, 0)
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    await until(lambda: f"watch-{job_id}" not in {task.get_name() for task in asyncio.all_tasks()})


async def test_over_http_as_a_stream_and_as_pages(services: FakeServices) -> None:
    job_id = await new_job(services)
    app = create_app(services, Settings(), streams=Streams.of(services.store, 0.005))
    async with serving(app) as url, aiohttp.ClientSession(url) as http:
        path, accept = f"{BASE}/{job_id}/events", {"Accept": "text/event-stream"}
        async with http.get(path, headers=accept) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            await play_job(services, job_id)
            assert [event["sequence"] for event in events_in(await stream.read())] == [1, 2, 3, 4, 5]
        async with http.get(path + "?after=1", headers={**accept, "Last-Event-ID": "3"}) as stream:
            assert [event["sequence"] for event in events_in(await stream.read())] == [4, 5]
        async with http.get(path, headers={**accept, "Last-Event-ID": "5"}) as stream:
            assert (stream.status, await stream.read()) == (204, b"")
        async with http.get(path + "?after=1&max_results=2") as page:
            found = await page.json()
            assert [event["sequence"] for event in found["events"]] == [2, 3]
            assert found["next_after"] == 3
        async with http.get(path + "?after=5") as page:
            assert await page.json() == {"next_after": 5}


@pytest.mark.parametrize("header", ["x", "-1", "1.5", "²", "9" * 19])
async def test_a_last_event_id_that_is_none_is_refused(api: Any, header: str) -> None:
    job_id = (await api.create())["job_id"]
    headers = {"Last-Event-ID": header.encode("latin-1", "replace")}
    answer = await api.call("GET", f"/{job_id}/events", status=400, headers=headers)
    assert "Last-Event-ID" in answer["message"]


async def test_a_negative_after_is_refused(api: Any) -> None:
    job_id = (await api.create())["job_id"]
    await api.call("GET", f"/{job_id}/events?after=-1", status=400)
