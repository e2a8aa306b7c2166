"""The page's files and documents, below any path; and what it is allowed to load."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from burnish.api.app import create_app
from burnish.api.page import mlflow_address, page_routes
from burnish.api.testing import FakeServices
from burnish.config import Settings

INDEX = '<!doctype html><html><head><title>B</title></head><body><script src="./assets/a.js"></script>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "built"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(INDEX)
    (built / "favicon.svg").write_text("<svg/>")
    (built / "assets" / "a.js").write_text("1")
    (built / "assets" / "a.js.gz").write_bytes(b"packed")
    (tmp_path / "secret.txt").write_text("secret")
    return built


@pytest.fixture
async def http(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Mount("/", routes=page_routes({"a": '"</head>'}, "", folder))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/burnish/", "./"),
        ("/burnish/new", "./"),
        ("/burnish/jobs/abc", "../"),
        ("/burnish/jobs/a%2Fb", "../"),
        ("/burnish/a/b/c?tab=x/y", "../../"),
    ],
)
async def test_a_document_leads_back_to_the_base_from_every_depth(
    http: httpx.AsyncClient, path: str, base: str
) -> None:
    answer = await http.get(path)
    assert answer.status_code == 200
    assert f'<head><base href="{base}">' in answer.text
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_document_names_what_its_page_loads_first(http: httpx.AsyncClient, folder: Path) -> None:
    (folder / "preload.json").write_text('{"jobs": ["assets/job.js"]}')
    answer = await http.get("/burnish/jobs/abc?tab=x")
    assert '<link rel=modulepreload fetchpriority=low crossorigin href="./assets/job.js">' in answer.text
    assert answer.text.index("<base") < answer.text.index("modulepreload"), "its address is relative"
    assert "job.js" not in (await http.get("/burnish/")).text
    data = '<link rel=preload as=fetch crossorigin href="../api/3.0/mlflow/prompt-optimization/jobs/abc">'
    assert data in answer.text and data not in (await http.get("/burnish/")).text


async def test_a_document_runs_no_script_of_its_own_and_asks_no_other_host(http: httpx.AsyncClient) -> None:
    first, second = await http.get("/burnish/"), await http.get("/burnish/")
    policy = first.headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in policy
    assert policy != second.headers["content-security-policy"], "a nonce is used once"
    found = re.search(r'nonce="([^"]+)"', first.text)
    assert found and f"'nonce-{found[1]}'" in rules["style-src"]


async def test_what_is_shown_cannot_leave_its_attribute(http: httpx.AsyncClient) -> None:
    assert (await http.get("/burnish/")).text.count("</head>") == 1


async def test_assets_are_kept_for_ever_and_come_packed_where_that_is_understood(
    http: httpx.AsyncClient,
) -> None:
    plain = await http.get("/burnish/assets/a.js", headers={"accept-encoding": "identity"})
    assert plain.text == "1" and "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")
    async with http.stream("GET", "/burnish/assets/a.js", headers={"accept-encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert b"".join([part async for part in packed.aiter_raw()]) == b"packed"


async def test_an_asset_of_an_earlier_build_is_no_document(http: httpx.AsyncClient) -> None:
    assert (await http.get("/burnish/assets/old.js")).status_code == 404


@pytest.mark.parametrize("path", ["/burnish/..%2Fsecret.txt", "/burnish/%2E%2E/secret.txt", "/burnish/%00"])
async def test_nothing_outside_of_the_folder_is_served(http: httpx.AsyncClient, path: str) -> None:
    assert "secret" not in (await http.get(path)).text


async def test_without_a_slash_the_address_is_mended(http: httpx.AsyncClient) -> None:
    answer = await http.get("/burnish")
    assert answer.status_code == 307 and answer.headers["location"] == "burnish/"


async def test_where_nothing_is_built_the_answer_says_how(tmp_path: Path) -> None:
    app = Starlette(routes=page_routes({}, "", tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        answer = await http.get("/burnish/jobs/1")
    assert answer.status_code == 503 and "make setup" in answer.text


@pytest.mark.parametrize("prefix", ["", "/lab"])
async def test_the_root_leads_to_the_page_unless_mlflow_is_there(services: FakeServices, prefix: str) -> None:
    async def mlflow_app(scope: Any, receive: Any, send: Any) -> None:
        await httpx_like_ok(send)

    for mounted in (None, mlflow_app):
        app = create_app(services, Settings(), mlflow_app=mounted, prefix=prefix)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answer = await http.get(f"{prefix}/")
            assert answer.status_code == (200 if mounted else 307)
            assert (await http.get(f"{prefix}/burnish/")).status_code in (200, 503)


async def httpx_like_ok(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"MLflow"})


@pytest.mark.parametrize(
    ("uri", "mounted", "address"),
    [
        ("sqlite:///mlflow.db", True, "../"),
        ("https://user:word@mlflow.example/base/", False, "https://mlflow.example/base/"),
        ("sqlite:///mlflow.db", False, None),
    ],
)
def test_links_to_mlflow_show_no_password(uri: str, mounted: bool, address: str | None) -> None:
    assert mlflow_address(uri, mounted) == address
