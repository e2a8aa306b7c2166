"""Watching the list of jobs: every change once, one reader for all, a place that is found again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from burnish.api.app import create_app
from burnish.api.job_hub import JobHub
from burnish.api.streams import Streams
from burnish.api.testing import FakeServices, play_job, serving
from burnish.config import Settings
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import JobConfig
from burnish.domain.records import Report
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import StoreUnavailable
from burnish.proto.convert import job_to_json

BASE = "/api/3.0/mlflow/prompt-optimization/jobs"


class Watcher:
    """Reads one stream, item by item."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self._rest: list[tuple[str, dict[str, Any]]] = []

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Id and data of the next item; heartbeats are passed over."""
        while not self._rest:
            part = await asyncio.wait_for(anext(self._parts), 60)
            for block in part.decode().split("\n\n"):
                lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
                if lines:
                    self._rest.append((lines["id"], json.loads(lines["data"])))
        return self._rest.pop(0)

    async def kinds(self, count: int) -> list[tuple[str, str]]:
        found = [await self.next() for _ in range(count)]
        return [(data["kind"], data.get("job_id", "")) for _, data in found]

    async def close(self) -> None:
        await self._parts.aclose()  # type: ignore[attr-defined]


class CountingStore:
    """The store, with its reads of versions counted; ``away`` makes them fail."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.reads = 0
        self.away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def versions(self, **options: Any) -> Any:
        self.reads += 1
        if self.away:
            raise StoreUnavailable("away")
        return await self._store.versions(**options)


async def new_job(services: FakeServices, experiment_id: str = "0") -> str:
    config = JobConfig(
        source_prompt_uris=(services.source(),), dataset_id=services.dataset(), scorers=("exact_match",)
    )
    job, _ = await services.jobs.submit(experiment_id, config)
    return job.job_id


async def test_a_list_is_watched_from_reset_to_deletion(services: FakeServices) -> None:
    old = await new_job(services)
    watcher = Watcher(JobHub(services.store, 0.005).watch())
    assert await watcher.kinds(1) == [("RESET", "")]
    job_id = await new_job(services)
    _, created = await watcher.next()
    assert created == {
        "kind": "CREATED",
        "job_id": job_id,
        "job": job_to_json(await services.store.get(job_id)),
    }
    await play_job(services, job_id)
    while (data := (await watcher.next())[1])["job"]["state"]["status"] != "JOB_STATUS_COMPLETED":
        assert (data["kind"], data["job_id"]) == ("CHANGED", job_id)
    assert data["job"] == job_to_json(await services.store.get(job_id))
    await services.store.delete(job_id)
    await services.store.delete(old)
    assert sorted(await watcher.kinds(2)) == sorted([("DELETED", job_id), ("DELETED", old)])


async def test_usage_and_resuming_are_changes_and_heartbeats_are_none(services: FakeServices) -> None:
    job_id = await new_job(services)
    job = await services.store.take(job_id, "w")
    watcher = Watcher(JobHub(services.store, 0.005, heartbeat_seconds=0.05).watch())
    await watcher.next()
    await services.store.report(job_id, job.attempt, Report())
    await services.store.report(
        job_id, job.attempt, Report(usage=UsageByRole({Role.TARGET: Usage(3, 1, 1, None)}))
    )
    assert (await watcher.next())[1]["job"]["usage"]["calls"] == 3
    await services.store.fence(job_id)
    assert (await watcher.next())[1]["job"]["state"]["status"] == "JOB_STATUS_CANCELED"
    await services.store.reopen(job_id)
    assert (await watcher.next())[1]["job"]["state"]["status"] == "JOB_STATUS_PENDING"


async def test_a_hundred_open_lists_cost_one_reader(services: FakeServices) -> None:
    counting = CountingStore(services.store)
    hub = JobHub(counting, poll_seconds=0.005)
    watchers = [Watcher(hub.watch()) for _ in range(100)]
    assert {kind for watcher in watchers for kind, _ in await watcher.kinds(1)} == {"RESET"}
    before = counting.reads
    job_id = await new_job(services)
    assert {item for watcher in watchers for item in await watcher.kinds(1)} == {("CREATED", job_id)}
    assert counting.reads - before < 100


async def test_a_watcher_goes_on_behind_what_it_has(services: FakeServices) -> None:
    hub = JobHub(services.store, poll_seconds=0.005)
    first, second = Watcher(hub.watch()), Watcher(hub.watch())
    last_id, _ = await first.next()
    await second.next()
    await first.close()
    made = [await new_job(services), await new_job(services)]
    items = [await second.next() for _ in made]
    again = Watcher(hub.watch(last_id))
    assert await again.kinds(2) == [("CREATED", data["job_id"]) for _, data in items]
    again = Watcher(hub.watch(items[0][0]))
    assert await again.kinds(1) == [("CREATED", items[1][1]["job_id"])]


async def test_the_place_is_kept_while_nobody_watches(services: FakeServices) -> None:
    hub = JobHub(services.store, poll_seconds=0.005)
    watcher = Watcher(hub.watch())
    last_id, _ = await watcher.next()
    await watcher.close()
    job_id = await new_job(services)
    assert await Watcher(hub.watch(last_id)).kinds(1) == [("CREATED", job_id)]
    hub.close()


@pytest.mark.parametrize("last_id", ["", "x", "0123456789ab-7", "-1", "²-²", "{epoch}-99", "{epoch}-"])
async def test_a_place_that_is_not_known_begins_with_reset(services: FakeServices, last_id: str) -> None:
    hub = JobHub(services.store, poll_seconds=0.005)
    first, _ = await Watcher(hub.watch()).next()
    watcher = Watcher(hub.watch(last_id.format(epoch=first.partition("-")[0])))
    assert await watcher.kinds(1) == [("RESET", "")]


async def test_only_jobs_of_the_experiments_asked_for(services: FakeServices) -> None:
    hub = JobHub(services.store, poll_seconds=0.005)
    seven = services.tracker.ensure_experiment("seven")
    watcher = Watcher(hub.watch(experiment_ids=[seven]))
    await watcher.next()
    other, wanted = await new_job(services), await new_job(services, seven)
    assert await watcher.kinds(1) == [("CREATED", wanted)]
    await services.store.delete(other)
    await services.store.delete(wanted)
    assert await watcher.kinds(1) == [("DELETED", wanted)]


async def test_a_store_that_is_away_ends_the_stream_and_the_next_begins_anew(services: FakeServices) -> None:
    counting = CountingStore(services.store)
    hub = JobHub(counting, poll_seconds=0.005)
    watcher = Watcher(hub.watch())
    last_id, _ = await watcher.next()
    counting.away = True
    with pytest.raises(StopAsyncIteration):
        await watcher.next()
    counting.away = False
    assert await Watcher(hub.watch(last_id)).kinds(1) == [("RESET", "")]


async def test_the_reader_stops_when_nobody_has_watched_for_a_while(services: FakeServices) -> None:
    now = [0.0]
    counting = CountingStore(services.store)
    hub = JobHub(counting, poll_seconds=0.001, clock=lambda: now[0])
    watcher = Watcher(hub.watch())
    await watcher.next()
    await watcher.close()
    now[0] = 31.0
    await asyncio.wait_for(hub.idle(), 60)
    before = counting.reads
    assert await Watcher(hub.watch()).kinds(1) == [("RESET", "")]
    assert counting.reads > before
    hub.close()


async def test_over_http_and_closed_with_the_server(services: FakeServices) -> None:
    app = create_app(services, Settings(), streams=Streams.of(services.store, 0.005))
    async with serving(app) as url, aiohttp.ClientSession(url) as http:
        async with http.get(f"{BASE}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            watcher = Watcher(aiter(stream.content.iter_any()))
            last_id, _ = await watcher.next()
        job_id = await new_job(services)
        await services.store.take(job_id, "w")
        await services.store.update(job_id, 1, {}, [NewEvent(EventKind.WARNING, {"message": "x"})])
        async with http.get(f"{BASE}/events", headers={"Last-Event-ID": last_id}) as stream:
            watcher = Watcher(aiter(stream.content.iter_any()))
            assert (await watcher.next())[1]["job_id"] == job_id
            app.state.streams.close()
            with pytest.raises(StopAsyncIteration):
                while True:
                    await watcher.next()
