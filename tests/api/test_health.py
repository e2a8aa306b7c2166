"""Liveness says the process turns; readiness names each part and what ails it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx2 as httpx

from burnish.api.app import create_app
from burnish.api.mlflow_app import LazyApp
from burnish.api.testing import FakeServices
from burnish.config import Settings
from burnish.errors import InvalidState


async def test_alive_and_ready(services: FakeServices) -> None:
    app = create_app(services, Settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        assert (await http.get("/health")).json() == {"status": "ok"}
        answer = await http.get("/ready")
        checks = {"store": "ok", "tracking": "ok", "dispatcher": "ok"}
        assert (answer.status_code, answer.json()) == (200, {"status": "ready", "checks": checks})


async def test_alive_and_not_ready(services: FakeServices) -> None:
    async def worker() -> None:
        raise InvalidState("the worker has ended")

    services.tracker.away = True
    app = create_app(services, Settings(), worker=worker)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        answer = await http.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["checks"] == {
            "store": "ok",
            "tracking": "MLflow in memory is away",
            "dispatcher": "the worker has ended",
        }
        assert (await http.get("/health")).status_code == 200


async def ok(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"MLflow"})


async def test_requests_for_mlflow_wait_until_it_is_loaded_and_ours_do_not(services: FakeServices) -> None:
    go_on = threading.Event()

    def load() -> Any:
        go_on.wait(10)
        return ok

    mlflow = LazyApp(load)
    app = create_app(services, Settings(), mlflow_app=mlflow)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        waiting = asyncio.create_task(http.get("/version"))
        assert (await http.get("/health")).status_code == 200
        answer = await http.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["checks"]["tracking"] == "MLflow's server is being loaded"
        assert not waiting.done()
        go_on.set()
        assert (await waiting).text == "MLflow"
        assert (await http.get("/ready")).status_code == 200


async def test_an_mlflow_that_cannot_be_loaded_is_reported(services: FakeServices) -> None:
    def load() -> Any:
        raise ImportError("no module named mlflow")

    mlflow = LazyApp(load)
    app = create_app(services, Settings(), mlflow_app=mlflow)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        answer = await http.get("/version")
        assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        found = (await http.get("/ready")).json()["checks"]["tracking"]
        assert found == "MLflow's server could not be loaded: no module named mlflow"
