"""Jobs of MLflow's own prompt optimization over HTTP: what works on them, and what is said of the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from burnish.access.protocol import Authority, Caller, Kind, Need, Open, Permission
from burnish.api.app import create_app
from burnish.api.testing import FakeServices, fake_services
from burnish.config import Settings
from burnish.domain.actor import Actor
from burnish.domain.job import Job, JobConfig, JobStatus, OptimizerType
from burnish.errors import PermissionDenied
from burnish.store.testing.samples import a_job
from burnish.tracking.earlier_jobs import FakeEarlierJobs
from tests.api.conftest import BASE, Api

DONE = "00000000-0000-0000-0000-000000000001"
RUNNING = "00000000-0000-0000-0000-000000000002"


def earlier(job_id: str, status: JobStatus, created_ms: int, **fields: Any) -> Job:
    config = JobConfig(
        source_prompt_uris=("prompts:/sentiment/1",),
        dataset_id="d-1",
        scorers=("Correctness",),
        optimizer_type=OptimizerType.METAPROMPT,
        reflection_model="openai:/large",
    )
    made = a_job(job_id, experiment_id="0", config=config, creation_timestamp_ms=created_ms, tags={})
    return replace(made, status=status, **fields)


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[FakeServices]:
    jobs = [
        earlier(DONE, JobStatus.COMPLETED, 1_000, final_eval_scores={"aggregate": 0.75}, run_id="r"),
        earlier(RUNNING, JobStatus.IN_PROGRESS, 2**45),
    ]
    async with fake_services(tmp_path, FakeEarlierJobs(jobs)) as opened:
        yield opened


async def test_get_says_what_mlflow_keeps_and_nothing_else(api: Api) -> None:
    assert (await api.call("GET", f"/{DONE}"))["job"] == {
        "job_id": DONE,
        "run_id": "r",
        "state": {"status": "JOB_STATUS_COMPLETED"},
        "experiment_id": "0",
        "source_prompt_uri": "prompts:/sentiment/1",
        "config": {
            "optimizer_type": "OPTIMIZER_TYPE_METAPROMPT",
            "dataset_id": "d-1",
            "scorers": ["Correctness"],
            "optimizer_config_json": '{"reflection_model": "openai:/large"}',
        },
        "creation_timestamp_ms": 1000,
        "final_eval_scores": {"aggregate": 0.75},
        "workspace": "default",
        "kind": "prompt",
        "origin": "mlflow",
    }


async def test_search_has_both_in_one_order(api: Api) -> None:
    ours = (await api.create())["job_id"]
    found, token = [], ""
    for _ in range(3):
        page = await api.call("POST", "/search", {"max_results": 1, "page_token": token})
        found += page["jobs"]
        token = page.get("next_page_token", "")
    assert [job["job_id"] for job in found] == [RUNNING, ours, DONE]
    assert [job.get("origin") for job in found] == ["mlflow", None, "mlflow"]
    assert token == ""


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("status = 'COMPLETED'", [DONE]),
        ("final_eval_scores.aggregate > 0.7", [DONE]),
        ("optimizer_type = 'METAPROMPT'", [RUNNING, DONE]),
        ("usage.calls >= 0", []),
        ("tags.team = 'search'", []),
        ("run_id = 'r'", [DONE]),
    ],
)
async def test_a_filter_judges_what_can_be_judged(api: Api, filter: str, expected: list[str]) -> None:
    page = await api.call("POST", "/search", {"filter": filter})
    assert [job["job_id"] for job in page.get("jobs", ())] == expected


async def test_another_experiment_has_none(api: Api) -> None:
    assert await api.call("POST", "/search", {"experiment_ids": ["7"]}) == {}
    assert len((await api.call("POST", "/search", {"experiment_id": "0"}))["jobs"]) == 2


async def test_cancel_and_delete(api: Api) -> None:
    refused = await api.call("DELETE", f"/{RUNNING}", status=400)
    assert "cancel it first" in refused["message"]
    assert (await api.call("POST", f"/{RUNNING}/cancel"))["job"]["state"]["status"] == "JOB_STATUS_CANCELED"
    await api.call("DELETE", f"/{RUNNING}")
    await api.call("GET", f"/{RUNNING}", status=404)
    await api.call("POST", f"/{DONE}/cancel", status=400)
    page = await api.call("POST", "/search", {})
    assert [job["job_id"] for job in page["jobs"]] == [DONE]


@pytest.mark.parametrize("path", ["/events", "/candidates", "/examples", "/edits", "/evaluations"])
async def test_a_list_of_what_mlflow_does_not_keep_is_empty(api: Api, path: str) -> None:
    assert not any((await api.call("GET", f"/{DONE}{path}")).values())


async def test_the_stream_of_its_events_ends_at_once(api: Api) -> None:
    headers = {"accept": "text/event-stream"}
    assert (await api.http.get(f"{BASE}/{DONE}/events", headers=headers)).status_code == 204


@pytest.mark.parametrize("path", ["/inputs", "/candidates/c"])
async def test_one_thing_that_mlflow_does_not_keep_is_not_found(api: Api, path: str) -> None:
    assert "origin: mlflow" in (await api.call("GET", f"/{DONE}{path}", status=404))["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/{DONE}/resume", {}),
        (f"/{DONE}/promote", {"alias": "production"}),
        (f"/{DONE}/rollback", {"alias": "production"}),
        (f"/{DONE}/candidates/c/register", {}),
    ],
)
async def test_what_only_our_jobs_can_is_refused(api: Api, path: str, body: dict[str, str]) -> None:
    answer = await api.call("POST", path, body, status=400)
    assert "origin: mlflow" in answer["message"]
    assert "refresh_inputs" in answer["message"]


async def test_it_is_not_compared(api: Api) -> None:
    ours = (await api.create())["job_id"]
    answer = await api.http.get(f"{BASE}/compare", params=[("job_ids", ours), ("job_ids", DONE)])
    assert answer.status_code == 400
    assert "origin: mlflow" in answer.text


async def test_it_is_made_again_here(api: Api) -> None:
    source, dataset = api.services.source(), api.services.dataset()
    again = {"like_job_id": DONE, "config": {"dataset_id": dataset, "scorers": ["exact_match"]}}
    refused = await api.call("POST", "", again, status=400)
    assert "refresh_inputs" in refused["message"]
    made = (await api.call("POST", "", {**again, "refresh_inputs": True}))["job"]
    assert made["source_prompt_uri"] == source
    assert made["config"]["optimizer_type"] == "OPTIMIZER_TYPE_METAPROMPT"
    assert "origin" not in made


class ReadsOnly(Open):
    """Everybody may read some experiments of one workspace, and change nothing."""

    def __init__(self, workspace: str, *experiment_ids: str) -> None:
        self._caller = Caller(Actor("ana", workspace))
        self._readable = frozenset(experiment_ids)

    async def identify(self, headers: Mapping[str, str]) -> Caller:
        return self._caller

    async def check(self, caller: Caller, need: Need, *, fresh: bool = False) -> None:
        if need.permission is not Permission.READ or need.name not in self._readable:
            raise PermissionDenied("Permission denied")

    async def readable(self, caller: Caller, kind: Kind, *, fresh: bool = False) -> frozenset[str] | None:
        return self._readable


@asynccontextmanager
async def as_somebody(services: FakeServices, authority: Authority) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(create_app(services, Settings(), authority=authority))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Api(client, services)


async def test_what_one_may_not_read_is_not_shown(services: FakeServices) -> None:
    async with as_somebody(services, ReadsOnly("default", "7")) as api:
        assert await api.call("POST", "/search", {}) == {}
        for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("DELETE", "")):
            await api.call(method, f"/{DONE}{path}", status=403)
        await api.call("POST", "", {"like_job_id": DONE, "refresh_inputs": True}, status=403)


async def test_who_may_only_read_changes_nothing(services: FakeServices) -> None:
    async with as_somebody(services, ReadsOnly("default", "0")) as api:
        assert len((await api.call("POST", "/search", {}))["jobs"]) == 2
        await api.call("GET", f"/{DONE}")
        for method, path in (("POST", "/cancel"), ("DELETE", "")):
            await api.call(method, f"/{RUNNING}{path}", status=403)


async def test_another_workspace_knows_none_of_them(services: FakeServices) -> None:
    async with as_somebody(services, ReadsOnly("team-a", "0")) as api:
        assert await api.call("POST", "/search", {}) == {}
        for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("DELETE", "")):
            await api.call(method, f"/{DONE}{path}", status=404)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_id_of_mlflow_s_form_that_there_is_not_is_404(api: Api, method: str) -> None:
    await api.call(method, f"/{DONE[:-1]}9", status=404)
    await api.call("POST", f"/{DONE[:-1]}9/resume", {}, status=404)
