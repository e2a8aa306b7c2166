"""Signing in and out: what the cookie is, what it opens, and what it does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import pytest

from burnish.access.tokens import Token, digest_of
from burnish.api.app import create_app
from burnish.api.session import COOKIE, CSRF_HEADER, SESSION_SECONDS, Sessions
from burnish.api.testing import FakeServices
from burnish.config import Settings

TOKEN = "correct-horse-battery-staple"
SEARCH = "/api/3.0/mlflow/prompt-optimization/jobs/search"
SESSION = "/burnish/session"
CSRF = {CSRF_HEADER: "1"}


def a_token(text: str) -> Token:
    return Token(digest_of(text))


@pytest.fixture
async def http(services: FakeServices, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    file = tmp_path / "tokens"
    file.write_text(TOKEN)
    app = create_app(services, Settings(auth_token_file=str(file)))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_signed_in_until_signed_out(http: httpx.AsyncClient) -> None:
    assert (await http.get(SEARCH)).status_code == 401
    answer = await http.post(SESSION, json={"token": f" {TOKEN} "}, headers=CSRF)
    assert answer.status_code == 200
    assert (await http.get(SEARCH)).status_code == 200
    assert (await http.delete(SESSION, headers=CSRF)).status_code == 200
    assert (await http.get(SEARCH)).status_code == 401


async def test_the_cookie_is_for_no_script_no_other_site_and_holds_no_token(http: httpx.AsyncClient) -> None:
    answer = await http.post(SESSION, json={"token": TOKEN}, headers={"x-forwarded-proto": "https"})
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"):
        assert part in cookie
    assert TOKEN not in cookie


async def test_over_plain_http_the_cookie_is_not_called_secure(http: httpx.AsyncClient) -> None:
    answer = await http.post(SESSION, json={"token": TOKEN})
    assert "Secure" not in answer.headers["set-cookie"]


@pytest.mark.parametrize("body", ['{"token": "wrong-token-of-a-guest"}', '{"token": ""}'])
async def test_a_wrong_token_opens_nothing(http: httpx.AsyncClient, body: str) -> None:
    answer = await http.post(SESSION, content=body)
    assert answer.status_code == 401 and "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", ["", "[1]", '{"token": 7}', "{", "[" * 5000, '{"token": "\\ud800"}'])
async def test_a_body_without_a_token_is_refused(http: httpx.AsyncClient, body: str) -> None:
    assert (await http.post(SESSION, content=body)).status_code in (400, 401)


async def test_a_cookie_alone_changes_nothing(http: httpx.AsyncClient) -> None:
    await http.post(SESSION, json={"token": TOKEN})
    assert (await http.post(SEARCH, json={})).status_code == 403
    assert (await http.post(SEARCH, json={}, headers=CSRF)).status_code == 200
    same = {"origin": "http://localhost"}  # MLflow's own pages send no header of ours
    assert (await http.post(SEARCH, json={}, headers=same)).status_code == 200
    other = {"origin": "http://evil.example", **CSRF}
    assert (await http.post(SEARCH, json={}, headers=other)).status_code == 403


async def test_the_page_is_not_asked_by_a_dialog_of_the_browser(http: httpx.AsyncClient) -> None:
    assert "Basic" in (await http.get(SEARCH)).headers["www-authenticate"]
    assert "Basic" not in (await http.get(SEARCH, headers=CSRF)).headers["www-authenticate"]


async def test_the_page_and_the_root_need_no_token_and_nothing_else_does_without(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get("/")).status_code == 307
    assert (await http.get("/burnish")).status_code == 307
    for path in ("/burnish/", "/burnish/jobs/1", "/burnish/assets/none.js"):
        assert (await http.get(path)).status_code != 401
    for path in ("/burnishes/", "/docs", "/openapi.json", "/burnish.json"):
        assert (await http.get(path)).status_code == 401


def test_a_session_ends() -> None:
    now = [1000.0]
    sessions = Sessions((a_token(TOKEN),), lambda: now[0])
    cookie = f"other=1; {COOKIE}={sessions.open(TOKEN)}"
    assert sessions.find_session(cookie)
    now[0] += SESSION_SECONDS + 1
    assert not sessions.find_session(cookie)


def test_a_session_ends_with_its_token() -> None:
    cookie = f"{COOKIE}={Sessions((a_token(TOKEN),)).open(TOKEN)}"
    assert Sessions((a_token("another-token-of-the-team"), a_token(TOKEN))).find_session(cookie)
    assert not Sessions((a_token("another-token-of-the-team"),)).find_session(cookie)


@pytest.mark.parametrize("value", ["", "1", ".", "99999999999.", "99999999999.0", "²3.x", "9" * 40 + ".x"])
def test_a_made_up_session_is_none(value: str) -> None:
    assert not Sessions((a_token(TOKEN),)).find_session(f"{COOKIE}={value}")


def test_an_end_cannot_be_moved() -> None:
    end, _, signature = str(Sessions((a_token(TOKEN),)).open(TOKEN)).partition(".")
    assert not Sessions((a_token(TOKEN),)).find_session(f"{COOKIE}={int(end) + 1}.{signature}")
