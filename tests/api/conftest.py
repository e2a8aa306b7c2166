"""An application on a real store, asked without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from burnish.api.app import create_app
from burnish.api.testing import FakeServices, fake_services
from burnish.config import Settings

BASE = "/api/3.0/mlflow/prompt-optimization/jobs"


@dataclass(frozen=True)
class Api:
    """A client, and what stands behind the server."""

    http: httpx.AsyncClient
    services: FakeServices

    async def call(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        """The JSON of an answer that must have this status."""
        answer = await self.http.request(method, BASE + path, json=body, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def create(self, **changes: Any) -> dict[str, Any]:
        job: dict[str, Any] = (await self.call("POST", "", self.services.request(**changes)))["job"]
        return job


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[FakeServices]:
    async with fake_services(tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(services: FakeServices) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(create_app(services, Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Api(client, services)
