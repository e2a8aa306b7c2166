"""Who may ask: hosts, origins, tokens, sizes; for our routes and for MLflow's app behind them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import httpx2 as httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from burnish.access.tokens import read_tokens
from burnish.api.app import create_app
from burnish.api.auth import MAX_BODY_BYTES, AllowedHosts, check_exposure, is_exposed
from burnish.api.testing import FakeServices, serving
from burnish.config import Settings
from burnish.errors import InvalidInput

SEARCH = "/api/3.0/mlflow/prompt-optimization/jobs/search"
TOKEN = "correct-horse-battery-staple"


async def mlflow_app(scope: Any, receive: Any, send: Any) -> None:
    """Stands for MLflow's app: says how much it was sent."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"MLflow got {len(body)}")(scope, receive, send)


def client(services: FakeServices, **settings: Any) -> httpx.AsyncClient:
    app = create_app(services, Settings(**settings), mlflow_app=mlflow_app)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:5000")


@pytest.fixture
async def http(services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    async with client(services) as opened:
        yield opened


@pytest.fixture
async def guarded(services: FakeServices, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    file = tmp_path / "tokens"
    file.write_text(f"# for the team\n{TOKEN}\n\nanother-token-of-the-team\n")
    async with client(services, auth_token_file=str(file)) as opened:
        yield opened


@pytest.mark.parametrize("path", [SEARCH, "/health", "/anything/of/mlflow"])
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "evil.example:5000", "127.0.0.1.nip.io"]
)
async def test_another_name_is_refused_everywhere(http: httpx.AsyncClient, path: str, host: str) -> None:
    answer = await http.get(path, headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error_code"] == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:5000", "127.0.0.1:5000", "[::1]:5000", "192.168.0.7"]
)
async def test_loopback_and_addresses_in_digits_are_answered(http: httpx.AsyncClient, host: str) -> None:
    assert (await http.get(SEARCH, headers={"Host": host})).status_code == 200


async def test_a_name_that_was_allowed_is_answered(services: FakeServices) -> None:
    async with client(services, allowed_hosts=("burnish.example", "*.lab.example")) as http:
        for host in ("burnish.example", "a.lab.example:443"):
            origin = {"Origin": f"https://{host}"}
            assert (await http.post(SEARCH, headers={"Host": host, **origin}, json={})).status_code == 200
        assert (await http.get(SEARCH, headers={"Host": "lab.example"})).status_code == 403


@pytest.mark.parametrize("path", [SEARCH, "/api/2.0/mlflow/runs/create"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_another_sites_page_changes_nothing(
    http: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    assert (await http.post(path, headers=headers, json={})).status_code == 403


async def test_our_own_page_and_programs_may(http: httpx.AsyncClient) -> None:
    for headers in ({}, {"Origin": "http://localhost:5000"}):
        assert (await http.post(SEARCH, headers=headers, json={})).status_code == 200


async def test_liveness_needs_no_token(guarded: httpx.AsyncClient) -> None:
    answer = await guarded.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert (await guarded.get("/health/")).status_code != 200


@pytest.mark.parametrize("path", [SEARCH, "/docs", "/openapi.json", "/of/mlflow"])
async def test_without_a_token_nothing_is_answered(guarded: httpx.AsyncClient, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong-wrong-wrong-wrong"}, {"Authorization": "Basic !!"}):
        answer = await guarded.get(path, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
        assert "Bearer" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", [SEARCH, "/health", "/of/mlflow"])
async def test_a_token_opens_as_bearer_and_as_password(guarded: httpx.AsyncClient, path: str) -> None:
    basic = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
    for header in (f"Bearer {TOKEN}", "bearer another-token-of-the-team", f"Basic {basic}"):
        assert (await guarded.get(path, headers={"Authorization": header})).status_code == 200


@pytest.mark.parametrize(
    ("content", "remedy"),
    [("", "holds no token"), ("# none\n", "holds no token"), ("short\n", "less than 16 characters")],
)
def test_a_token_file_that_protects_nothing_is_refused(tmp_path: Path, content: str, remedy: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(content)
    with pytest.raises(InvalidInput, match=remedy) as caught:
        read_tokens(file)
    assert "short" not in str(caught.value)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_tokens(tmp_path / "none")


async def test_a_body_over_ten_megabytes_is_refused(services: FakeServices) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 2**20 + 1):
            yield b" " * 2**20

    app = create_app(services, Settings(), mlflow_app=mlflow_app)
    async with serving(app) as url, aiohttp.ClientSession(url) as http:
        for body in (BytesIO(b" " * (MAX_BODY_BYTES + 1)), in_pieces()):
            async with http.post(SEARCH, data=body) as answer:
                assert answer.status == 413
                assert (await answer.json())["message"] == "the body is larger than 10 MB"
        async with http.post(SEARCH, data=BytesIO(b" " * MAX_BODY_BYTES)) as answer:
            assert answer.status == 200
        async with http.post("/upload", data=BytesIO(b" " * (MAX_BODY_BYTES + 1))) as answer:
            assert await answer.text() == f"MLflow got {MAX_BODY_BYTES + 1}"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "burnish.example"])
def test_another_address_than_loopback_needs_tokens(host: str) -> None:
    assert is_exposed(Settings(host=host))
    with pytest.raises(InvalidInput, match="--auth-token-file"):
        check_exposure(Settings(host=host))
    assert not is_exposed(Settings(host=host, auth_token_file="tokens"))
    assert not is_exposed(Settings(host=host, no_auth=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_loopback_needs_none(host: str) -> None:
    assert not is_exposed(Settings(host=host))


async def test_answers_are_not_guessed_at_nor_framed(http: httpx.AsyncClient) -> None:
    for path in (SEARCH, "/of/mlflow"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"


def test_an_origin_is_ours_only_under_our_own_name() -> None:
    hosts = AllowedHosts(("burnish.example",))
    assert hosts.allows_origin("https://burnish.example", "10.0.0.7:5000")  # behind a proxy
    assert not hosts.allows_origin("https://10.0.0.8", "10.0.0.7:5000")
    assert not hosts.allows_origin("", "")
