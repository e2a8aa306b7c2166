"""What becomes of a job and of open streams when their user loses the permission, and is deleted.

Run as ``python -m tests.access.running FOLDER``; see :mod:`tests.access.served`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.access.served import (
    ADMIN,
    BASE,
    PASSWORD,
    Served,
    basic,
    client_of,
    delete_user,
    grant,
    revoke,
    set_environment,
    share_prompt,
)

HEARTBEAT = ": heartbeat"


async def main(folder: Path) -> dict[str, Any]:
    set_environment(folder)
    from burnish.api import admission
    from burnish.api.app import create_app
    from burnish.api.event_hub import EventHub
    from burnish.api.job_hub import JobHub
    from burnish.api.mlflow_app import behind
    from burnish.api.streams import Streams
    from burnish.api.testing import serving
    from burnish.bootstrap import open_services
    from burnish.config import Settings

    admission.ASK_SECONDS = 0.0  # at every part of a stream, and at each heartbeat
    settings = Settings(
        store_uri=f"sqlite:///{folder}/burnish.db",
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
        mlflow_app="basic-auth",
    )
    mounted = behind(settings)
    assert mounted is not None
    services = await open_services(settings)
    await services.warm_up()
    store = services.store
    streams = Streams(EventHub(store, 0.05, 0.1), JobHub(store, 0.05, 0.1))
    app = create_app(services, settings, mlflow_app=mounted, streams=streams)
    async with client_of(await mounted.loaded()) as mlflow, serving(app) as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            found = await _lose_permission(services, mlflow, Served(http))
        streams.close()
    return found


async def _lose_permission(services: Any, mlflow: Served, ours: Served) -> dict[str, Any]:
    lost, kept = [
        (await mlflow.admin("POST", "/api/2.0/mlflow/experiments/create", {"name": name}))["experiment_id"]
        for name in ("lost", "kept")
    ]
    for user in ("ana", "ben"):
        await mlflow.admin("POST", "/api/2.0/mlflow/users/create", {"username": user, "password": PASSWORD})
        await grant(mlflow, user, lost, "EDIT")
    await grant(mlflow, "ana", kept, "READ")
    request = await _request(ours, lost)
    canceled, running = [await _create(ours, "ana", request) for _ in range(2)]
    await share_prompt(mlflow, "ben", "sentiment")
    bens = await _create(ours, "ben", request)
    await delete_user(mlflow, "ben", [lost])
    found: dict[str, Any] = {"running": running, "canceled": canceled}
    events, feed = Watched(ours, f"{BASE}/{running}/events"), Watched(ours, f"{BASE}/events")
    await events.shows("CREATED")
    await feed.shows("RESET")
    await ours.admin("POST", f"{BASE}/{canceled}/cancel")
    await feed.shows(canceled)
    await revoke(mlflow, "ana", lost)
    await events.ended()
    await feed.heartbeats(3)
    found["before"] = feed.seen
    working = asyncio.create_task(services.work())
    found["jobs"] = [await _ended(ours, job_id) for job_id in (running, bens)]
    other = await _create(ours, ADMIN, {**request, "experiment_id": kept})
    await ours.admin("POST", f"{BASE}/{other}/cancel")
    await feed.shows(other)
    found["after"] = feed.seen.removeprefix(found["before"])
    feed.stop()
    await services.close(1.0)
    await working
    return found


ENDS = ("JOB_STATUS_COMPLETED", "JOB_STATUS_FAILED")


async def _ended(ours: Served, job_id: str) -> Any:
    while True:
        job = (await ours.admin("GET", f"{BASE}/{job_id}"))["job"]
        if job["state"]["status"] in ENDS:
            return job
        await asyncio.sleep(0.1)


async def _request(ours: Served, experiment_id: str) -> dict[str, Any]:
    """The body of a create, with a dataset and a prompt of ana's."""
    query = f"experiment_id={experiment_id}&file_name=a.csv&target=expected_response"
    csv = "review,expected_response\n" + "".join(f"it is good {n},positive\n" for n in range(12))
    uploaded = await ours.http.post(f"{BASE}/catalog/datasets?{query}", content=csv, headers=basic("ana"))
    assert uploaded.status_code == 200, uploaded.text
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    text = {"key": "mlflow.prompt.text", "value": "What is the sentiment? {{review}}"}
    version = {"name": "sentiment", "source": "dummy-source", "tags": [*tags, text]}
    for path, body in (
        ("registered-models", {"name": "sentiment", "tags": tags}),
        ("model-versions", version),
    ):
        made = await ours.ask("ana", "POST", f"/api/2.0/mlflow/{path}/create", body)
        assert made.status_code == 200, made.text
    config = {
        "optimizer_type": "OPTIMIZER_TYPE_FEW_SHOT",
        "dataset_id": uploaded.json()["dataset"]["dataset_id"],
        "scorers": ["exact_match"],
        "model": "scripted:/sentiment",
        "budget": {"max_calls": 60},
    }
    return {"experiment_id": experiment_id, "source_prompt_uri": "prompts:/sentiment/1", "config": config}


async def _create(ours: Served, user: str, request: dict[str, Any]) -> str:
    created = await ours.ask(user, "POST", BASE, request)
    assert created.status_code == 200, created.text
    job_id: str = created.json()["job"]["job_id"]
    return job_id


class Watched:
    """A stream that ana has open."""

    def __init__(self, ours: Served, path: str) -> None:
        self.seen = ""
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._read(ours, path))

    async def _read(self, ours: Served, path: str) -> None:
        headers = {**basic("ana"), "accept": "text/event-stream"}
        async with ours.http.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            async for part in answer.aiter_text():
                self.seen += part
                self._changed.set()

    async def shows(self, text: str, times: int = 1) -> None:
        while self.seen.count(text) < times:
            assert not self._task.done(), self.seen
            self._changed.clear()
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait([self._task, changed], return_when=asyncio.FIRST_COMPLETED)

    async def heartbeats(self, count: int) -> None:
        await self.shows(HEARTBEAT, self.seen.count(HEARTBEAT) + count)

    async def ended(self) -> None:
        await self._task

    def stop(self) -> None:
        self._task.cancel()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "found.json").write_text(json.dumps(asyncio.run(main(place))))
