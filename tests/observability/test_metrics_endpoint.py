"""``/metrics`` on the server's port, and on a port of its own for a worker."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx2 as httpx
import pytest

from burnish.api.app import create_app
from burnish.api.testing import FakeServices, fake_services
from burnish.cli.metrics import serving_metrics
from burnish.config import Settings
from burnish.domain.job import JobStatus
from burnish.errors import InvalidInput
from burnish.observability.metrics import Metrics
from burnish.observability.scrape import Scrape


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[FakeServices]:
    async with fake_services(tmp_path) as opened:
        yield opened


async def _nothing() -> Mapping[JobStatus, int]:
    return {}


async def test_the_server_has_it(services: FakeServices, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-some-length\n", encoding="utf-8")
    scrape = Scrape(Metrics(), services.store.count_by_status)
    app = create_app(services, Settings(auth_token_file=str(tokens)), scrape=scrape)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        assert (await http.get("/metrics")).status_code == 401
        answer = await http.get("/metrics", headers={"authorization": "Bearer a-token-of-some-length"})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert 'burnish_jobs{status="COMPLETED"} 0.0' in answer.text


async def test_a_worker_has_it_on_a_port_of_its_own() -> None:
    async with serving_metrics(Settings(metrics_port=0), Scrape(Metrics(), _nothing)) as address:
        assert address is not None
        assert address.startswith("http://127.0.0.1:")
        async with httpx.AsyncClient() as http:
            answer = await http.get(address)
            assert "burnish_store_up 1.0" in answer.text
            refused = await http.get(address, headers={"host": "elsewhere.example"})
            assert refused.status_code == 403
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient() as http:
            await http.get(address)


async def test_nobody_listens_unasked() -> None:
    async with serving_metrics(Settings(), Scrape(Metrics(), _nothing)) as address:
        assert address is None


async def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"metrics_port: '{port}'.*in use.*choose another"):
            async with serving_metrics(Settings(metrics_port=port), Scrape(Metrics(), _nothing)):
                pass
