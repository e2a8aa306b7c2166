"""Liveness says the process turns; readiness names each part and what ails it."""

from __future__ import annotations

import httpx2 as httpx

from burnish.api.app import create_app
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
