"""Every route of the service, attacked by who may not. The routes and their fields are read from the service,
so that a new one is attacked too, or fails here."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from burnish.access.protocol import WORKSPACE_HEADER, Caller, Kind, Need, NewJob, Permission
from burnish.api.app import create_app
from burnish.api.openapi import document
from burnish.api.routes import BASE_PATHS, SERVICE, rule_of
from burnish.api.testing import FakeServices, fake_services, play_job
from burnish.config import Settings
from burnish.domain.actor import Actor
from burnish.domain.dataset import Dataset
from burnish.domain.job import DEFAULT_WORKSPACE
from burnish.domain.prompt import Prompt
from burnish.errors import NotAuthenticated, NotFound, PermissionDenied

OPEN = "0"
SECRET = "h1dden"  # in every text of what is hidden, and in no request
ROUTES = [
    (method.name, verb, rule_of(method).path, method.input_type)
    for method in SERVICE.methods
    for verb in rule_of(method).methods
]
SAME_FOR_ALL = {"listCatalogOptimizers", "listCatalogProviders"}
NAME_NOTHING = {
    "after",
    "columns",
    "dry_run",
    "filter",
    "max_results",
    "name_contains",
    "order_by",
    "page_token",
}
NAME_NOTHING |= {
    "allow_personal_data",
    "example_ids",
    "expected_version",
    "feedback",
    "mask",
    "refresh_inputs",
}
NAME_NOTHING |= {"sample", "scorer", "split", "tags", "target", "version"}
"""Fields that do not name a thing; another one must be named in ``hidden``."""


class TwoUsers:
    """``reader`` may read one experiment and nothing else; ``owner`` may do everything, in two workspaces."""

    async def identify(self, headers: Mapping[str, str]) -> Caller:
        kind, _, rest = headers.get("authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(rest) not in (b"reader:right", b"owner:right"):
            raise NotAuthenticated("who?", 'Basic realm="test"')
        workspace = headers.get(WORKSPACE_HEADER, DEFAULT_WORKSPACE)
        if workspace not in (DEFAULT_WORKSPACE, "team"):
            raise NotFound("workspace", workspace)
        return Caller(Actor(base64.b64decode(rest).decode().partition(":")[0], workspace))

    async def check(self, caller: Caller, need: Need, *, fresh: bool = False) -> None:
        readable = await self.readable(caller, need.kind)
        if readable is not None and (need.permission is not Permission.READ or need.name not in readable):
            raise PermissionDenied("Permission denied")

    async def check_new_job(self, caller: Caller, wanted: NewJob) -> None:
        await self.check(caller, Need(Permission.UPDATE, Kind.EXPERIMENT, wanted.experiment_id))

    async def readable(self, caller: Caller, kind: Kind, *, fresh: bool = False) -> frozenset[str] | None:
        if caller.actor.workspace != DEFAULT_WORKSPACE:
            return frozenset()  # nothing is there
        return None if caller.actor.name == "owner" else frozenset({OPEN})


def basic(user: str, password: str = "right") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


UNKNOWN: dict[str, tuple[dict[str, str], int]] = {
    "no credentials": ({}, 401),
    "a wrong password": (basic("reader", "wrong"), 401),
    "no such user": (basic("eve"), 401),
    "an empty password": (basic("reader", ""), 401),
    "a token": ({"authorization": "Bearer right"}, 401),
    "no such workspace": ({**basic("owner"), WORKSPACE_HEADER: "team-9"}, 404),
}
STRANGERS = {"reader": basic("reader"), "another workspace": {**basic("owner"), WORKSPACE_HEADER: "team"}}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[FakeServices]:
    async with fake_services(tmp_path) as opened:
        yield opened


@pytest.fixture
async def http(services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(services, Settings(), authority=TwoUsers()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
async def hidden(services: FakeServices, http: httpx.AsyncClient) -> dict[str, Any]:
    """Field → what names something hidden: the owner's job, which has run, and what it was made of."""
    tracker = services.tracker
    experiment = tracker.ensure_experiment(f"{SECRET} experiment")
    template = f"{SECRET} {{{{review}}}}"
    tracker.ensure_prompt(Prompt(name="theirs", template=template, model_config={"model_name": "small"}))
    records = [({"review": f"{SECRET} {n}"}, {"expected_response": SECRET}) for n in range(20)]
    dataset = tracker.ensure_dataset(Dataset.of(records, f"{SECRET} data"), experiment).dataset_id
    request = services.request(experiment_id=experiment, source_prompt_uri="prompts:/theirs/1")
    request["config"]["dataset_id"] = dataset
    tags = [{"key": "note", "value": SECRET}]
    job_ids = []
    for _ in range(2):
        made = await http.post(BASE_PATHS[0], json={**request, "tags": tags}, headers=basic("owner"))
        assert made.status_code == 200, made.text
        job_ids.append(made.json()["job"]["job_id"])
    await play_job(services, job_ids[0])
    candidates = await services.store.candidates(job_ids[0])
    return {
        "job_id": job_ids[0],
        "like_job_id": job_ids[0],
        "job_ids": job_ids,
        "candidate_id": candidates[0].candidate.candidate_id,
        "experiment_id": experiment,
        "experiment_ids": [experiment],
        "dataset_id": dataset,
        "name": "theirs",
        "alias": "live",
        "file_name": "a.csv",
        "source_prompt_uri": "prompts:/theirs/1",
        "config": request["config"],
    }


def request_of(verb: str, path: str, message: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """A request for all that the names name."""
    found = {field.name for field in message.fields if f"{{{field.name}}}" not in path}
    values = {name: names[name] for name in sorted(found) if name in names}
    url = re.sub(r"\{(\w+)\}", lambda match: str(names[match[1]]), path)
    if verb == "GET" or "file_name" in values:
        return {"method": verb, "url": url, "params": values}
    return {"method": verb, "url": url, "json": values}


async def test_every_field_is_known_here(hidden: dict[str, Any]) -> None:
    fields = {field.name for *_, message in ROUTES for field in message.fields}
    assert fields - hidden.keys() - NAME_NOTHING == set()


def test_the_document_has_the_same_routes() -> None:
    paths = document()["paths"].items()
    documented = {(verb.upper(), path) for path, verbs in paths for verb in verbs}
    assert documented == {(verb, BASE_PATHS[0] + path) for _, verb, path, _ in ROUTES}


@pytest.mark.parametrize("base", BASE_PATHS)
async def test_the_unknown_learn_nothing(http: httpx.AsyncClient, hidden: dict[str, Any], base: str) -> None:
    http.base_url = httpx.URL(f"http://localhost{base}")
    for _, verb, path, message in ROUTES:
        for who, (headers, status) in UNKNOWN.items():
            answer = await http.request(**request_of(verb, path, message, hidden), headers=headers)
            assert answer.status_code == status, (verb, path, who, answer.text)
            assert SECRET not in answer.text, (verb, path, who)


@pytest.mark.parametrize("who", STRANGERS)
async def test_a_stranger_learns_and_changes_nothing(
    services: FakeServices, http: httpx.AsyncClient, hidden: dict[str, Any], who: str
) -> None:
    """What is hidden is answered as what there is not; where both cannot be told apart, word for word."""
    http.base_url = httpx.URL(f"http://localhost{BASE_PATHS[0]}")
    before = [await services.store.get(job_id) for job_id in hidden["job_ids"]]
    datasets = dict(services.tracker.datasets)
    nothing = {
        name: ["no-such-a", "no-such-b"] if name == "job_ids" else "no-such"
        for name in hidden.keys() - {"alias", "file_name", "config"}
    }
    for method, verb, path, message in ROUTES:
        asked = request_of(verb, path, message, hidden)
        answer = await http.request(**asked, headers=STRANGERS[who])
        row = (verb, path, who, answer.text)
        assert SECRET not in answer.text and SECRET not in str(answer.headers), row
        if method in SAME_FOR_ALL:
            assert answer.status_code == 200, row
            continue
        if answer.status_code == 200:  # a list, of what is theirs
            assert "{" not in path and not any(job_id in answer.text for job_id in hidden["job_ids"]), row
        else:
            assert answer.status_code in (403, 404), row
        if who == "another workspace" and "{job_id}" in path:
            unknown = await http.request(
                **request_of(verb, path, message, {**hidden, **nothing}), headers=STRANGERS[who]
            )
            assert answer.status_code == unknown.status_code == 404, row
            assert answer.text.replace(hidden["job_id"], "no-such") == unknown.text, row
    assert [await services.store.get(job.job_id) for job in before] == before
    assert len(await services.store.versions()) == 2
    assert services.tracker.datasets == datasets
    assert len(services.tracker.versions["theirs"]) == 2  # the source, and the owner's winner


OPEN_TO_ALL = {"/", "/health", "/ready", "/openapi.json", "/docs", "/burnish", "/burnish/session"}
"""Beside the page's own files: whether the server is there, what it can do, and where one signs in."""


async def no_metrics(accept: str) -> tuple[bytes, str]:
    return b"", accept


async def test_only_methods_of_the_service_are_open_by_name(services: FakeServices) -> None:
    services.tracker.away = True
    app = create_app(services, Settings(), authority=TwoUsers(), scrape=no_metrics)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        for route in app.routes:
            path = getattr(route, "path", "")
            if path.startswith((*BASE_PATHS, "/burnish/")) or path in OPEN_TO_ALL:
                continue
            assert (await http.get(path)).status_code == 401, path
        told = await http.get("/ready")
        assert (told.status_code, told.json()["checks"]["tracking"]) == (503, "not ready")
        told = await http.get("/ready", headers=basic("owner"))
        assert told.json()["checks"]["tracking"] == "MLflow in memory is away"


async def test_lists_of_a_stranger_do_not_count_what_is_hidden(
    services: FakeServices, http: httpx.AsyncClient, hidden: dict[str, Any]
) -> None:
    """Neither in pages that are shorter than asked for, nor in their tokens."""
    http.base_url = httpx.URL(f"http://localhost{BASE_PATHS[0]}")
    for path in ("/search", "/catalog/experiments", "/catalog/prompts"):
        answer = (await http.get(f"{path}?max_results=1", headers=basic("reader"))).json()
        assert "next_page_token" not in answer, path
    found = (await http.get("/catalog/experiments", headers=basic("reader"))).json()["experiments"]
    assert [entry["experiment_id"] for entry in found] == [OPEN]
    named = await http.get("/catalog/experiments?name_contains=h1d&max_results=1", headers=basic("reader"))
    assert named.json() == {}
    both = await http.get(f"/compare?job_ids={hidden['job_id']}&job_ids=none", headers=basic("reader"))
    assert (both.status_code, both.json()["message"]) == (404, f"job '{hidden['job_id']}' does not exist")
