"""The file of tokens: what a line may say, and what a token may do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import pytest

from burnish.access.tokens import read_tokens
from burnish.api.app import create_app
from burnish.api.testing import REVIEWS, FakeServices, fake_services
from burnish.config import Settings
from burnish.domain.dataset import Dataset
from burnish.errors import InvalidInput
from burnish.store.testing.samples import a_job

BASE = "/api/3.0/mlflow/prompt-optimization/jobs"
FILE = """
# ours
an-old-token-without-a-name
ci: token-of-the-pipeline write 7 8
eve: token-of-somebody-who-looks read
one: token-for-experiment-seven read 7
"""
OLD, CI, EVE, ONE = (
    "an-old-token-without-a-name",
    "token-of-the-pipeline",
    "token-of-somebody-who-looks",
    "token-for-experiment-seven",
)


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[FakeServices]:
    async with fake_services(tmp_path) as opened:
        for number, experiment in enumerate(("7", "8", "9")):
            await opened.store.create(a_job(f"job-{number}", experiment_id=experiment))
        yield opened


@pytest.fixture
async def http(services: FakeServices, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "tokens").write_text(FILE)
    mlflow = httpx.ASGITransport
    app = create_app(services, Settings(auth_token_file=str(tmp_path / "tokens")), mlflow_app=answering)
    async with httpx.AsyncClient(transport=mlflow(app), base_url="http://localhost") as client:
        yield client


async def answering(scope: object, receive: object, send: object) -> None:
    """MLflow's application, which would do anything."""
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"{}"})  # type: ignore[operator]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("token", "allowed"),
    [
        (OLD, {"read 0", "read 2", "cancel 0", "cancel 2", "delete 0", "delete 2"}),
        (CI, {"read 0", "cancel 0", "delete 0"}),
        (EVE, {"read 0", "read 2"}),
        (ONE, {"read 0"}),
    ],
)
async def test_a_token_may_do_what_its_line_says(
    http: httpx.AsyncClient, token: str, allowed: set[str]
) -> None:
    found = set()
    for act, method, path in (("read", "GET", ""), ("cancel", "POST", "/cancel"), ("delete", "DELETE", "")):
        for number in (0, 2):
            answer = await http.request(method, f"{BASE}/job-{number}{path}", headers=bearer(token))
            assert answer.status_code in (200, 403), answer.text
            if answer.status_code == 200:
                found.add(f"{act} {number}")
    assert found == allowed


@pytest.mark.parametrize(
    ("token", "said"),
    [(OLD, None), (CI, "belong to nobody"), (EVE, "may only read"), (ONE, "belong to nobody")],
)
async def test_the_demo_is_for_who_may_write_everywhere(
    http: httpx.AsyncClient, token: str, said: str | None
) -> None:
    for method in ("GET", "POST"):
        answer = await http.request(method, f"{BASE}/demo", headers=bearer(token))
        assert answer.status_code == (403 if said else 200)
        assert (said or "") in answer.text


@pytest.mark.parametrize(("token", "seen"), [(OLD, 3), (CI, 2), (EVE, 3), (ONE, 1)])
async def test_a_search_shows_what_the_token_is_for(http: httpx.AsyncClient, token: str, seen: int) -> None:
    found = (await http.get(f"{BASE}/search", headers=bearer(token))).json()["jobs"]
    assert len(found) == seen


async def test_a_limited_token_does_not_reach_mlflow(http: httpx.AsyncClient) -> None:
    path = "/api/2.0/mlflow/experiments/delete"
    assert (await http.post(path, headers=bearer(OLD))).status_code == 200
    for token in (CI, EVE, ONE):
        answer = await http.post(path, headers=bearer(token))
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")


async def test_who_did_it_is_the_name_of_the_token(
    http: httpx.AsyncClient, services: FakeServices, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "burnish")
    canceled = await http.post(f"{BASE}/job-0/cancel", headers=bearer(CI))
    assert canceled.json()["job"]["canceled_by"] == "ci"
    events = (await http.get(f"{BASE}/job-0/events", headers=bearer(EVE))).json()["events"]
    assert [event.get("actor") for event in events] == [None, "ci", "ci"]
    assert "cancelPromptOptimizationJob by ci, job job-0, workspace default" in caplog.text
    found = await http.get(f"{BASE}/search?filter=canceled_by = 'ci'", headers=bearer(EVE))
    assert [job["job_id"] for job in found.json()["jobs"]] == ["job-0"]


async def test_a_key_of_one_user_says_nothing_to_another(
    http: httpx.AsyncClient, services: FakeServices
) -> None:
    request = services.request()
    made = [
        (await http.post(BASE, json=request, headers={**bearer(token), "idempotency-key": "k"})).json()
        for token in (OLD, OLD)
    ]
    assert made[0]["job"]["job_id"] == made[1]["job"]["job_id"]
    other = await http.post(BASE, json=request, headers={**bearer(CI), "idempotency-key": "k"})
    assert other.status_code == 403  # experiment 0 is not its


async def test_a_limited_token_takes_the_datasets_of_its_experiments(
    http: httpx.AsyncClient, services: FakeServices
) -> None:
    services.tracker.experiments |= {"7": "seven", "9": "nine"}
    request = services.request(experiment_id="7")
    for experiment, seen in (("7", 200), ("9", 403)):
        data = Dataset.of(REVIEWS, f"reviews of {experiment}")
        dataset_id = services.tracker.ensure_dataset(data, experiment).dataset_id
        shown = await http.get(f"{BASE}/catalog/datasets/{dataset_id}", headers=bearer(CI))
        assert shown.status_code == seen, shown.text
        body = {**request, "config": {**request["config"], "dataset_id": dataset_id}}
        made = await http.post(BASE, json=body, headers=bearer(CI))
        assert made.status_code == seen, made.text
    missing = await http.get(f"{BASE}/catalog/datasets/d-none", headers=bearer(CI))
    assert missing.status_code == 403  # as another experiment's


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ci: short", "less than 16"),
        ("ci:", "has no token"),
        ("ci: token-of-the-pipeline admin", "neither read nor write"),
        ("a: token-of-the-pipeline\nb: token-of-the-pipeline", "twice"),
        ("# nothing", "holds no token"),
    ],
)
def test_a_wrong_line_is_refused_and_not_shown(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(line)
    with pytest.raises(InvalidInput, match=said) as refused:
        read_tokens(file)
    assert "pipeline" not in str(refused.value)


def test_a_bare_token_may_hold_anything(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("with:a-colon-but-no-blank\nwith blanks and so on\n")
    assert [(token.name, token.unlimited) for token in read_tokens(file)] == [(None, True)] * 2


def test_users_and_tokens_exclude_each_other() -> None:
    with pytest.raises(InvalidInput, match="exclude each other"):
        Settings.read({"BURNISH_MLFLOW_APP": "basic-auth", "BURNISH_AUTH_TOKEN_FILE": "tokens"})
