"""Every user × every method × every level of permission, on our server and, for its five verbs, on MLflow's.

Run as ``python -m tests.access.table FOLDER``; see :mod:`tests.access.served`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.access.served import (
    ADMIN,
    BASE,
    LEVELS,
    USERS,
    Served,
    add_users,
    basic,
    client_of,
    delete_user,
    grant,
    revoke,
    set_environment,
    share_prompt,
)

REQUESTS: dict[str, tuple[str, str]] = {
    "createPromptOptimizationJob": ("POST", ""),
    "searchPromptOptimizationJobs": ("GET", "/search?experiment_id={experiment}"),
    "estimatePromptOptimizationJob": ("POST", "/estimate"),
    "getCatalogDataset": ("GET", "/catalog/datasets/{dataset}"),
    "uploadDataset": ("POST", "/catalog/datasets?experiment_id={experiment}&file_name=a.csv"),
    "makeDatasetFromTraces": ("POST", "/catalog/datasets/from-traces"),
    "listCatalogDatasets": ("GET", "/catalog/datasets?experiment_id={experiment}"),
    "listCatalogScorers": ("GET", "/catalog/scorers?experiment_id={experiment}"),
    "comparePromptOptimizationJobs": ("GET", "/compare?job_ids={job}&job_ids={other}"),
    "getPromptOptimizationJob": ("GET", "/{job}"),
    "deletePromptOptimizationJob": ("DELETE", "/{job}"),
    "cancelPromptOptimizationJob": ("POST", "/{job}/cancel"),
    "resumePromptOptimizationJob": ("POST", "/{job}/resume"),
    "listPromptOptimizationJobEvents": ("GET", "/{job}/events"),
    "listPromptOptimizationCandidates": ("GET", "/{job}/candidates"),
    "getPromptOptimizationJobInputs": ("GET", "/{job}/inputs"),
    "listPromptOptimizationExamples": ("GET", "/{job}/examples"),
    "getPromptOptimizationCandidate": ("GET", "/{job}/candidates/c"),
    "listPromptOptimizationEdits": ("GET", "/{job}/edits"),
    "registerPromptOptimizationCandidate": ("POST", "/{job}/candidates/c/register"),
    "listPromptOptimizationEvaluations": ("GET", "/{job}/evaluations"),
    "promoteOptimizedPrompt": ("POST", "/{job}/promote"),
    "rollbackOptimizedPrompt": ("POST", "/{job}/rollback"),
}
"""Those whose answer depends on an experiment; the lists have a test of their own."""

ENDING = {"deletePromptOptimizationJob", "cancelPromptOptimizationJob", "resumePromptOptimizationJob"}
"""They take new jobs; the others can share theirs."""

MLFLOWS_OWN = {"createPromptOptimizationJob", "searchPromptOptimizationJobs"}
MLFLOWS_RULES = {
    "getPromptOptimizationJob": "GetPromptOptimizationJob",
    "deletePromptOptimizationJob": "DeletePromptOptimizationJob",
    "cancelPromptOptimizationJob": "CancelPromptOptimizationJob",
}
"""Of these MLflow has rules that its server never finds, so it refuses them to all but admins
(docs/decisions/0210). The rules themselves are called."""


async def main(folder: Path) -> dict[str, Any]:
    set_environment(folder)
    from mlflow.protos import service_pb2

    from burnish.access.in_process import FlaskAnswers
    from burnish.access.mlflow import MlflowAuthority
    from burnish.api.app import create_app
    from burnish.api.mlflow_app import behind
    from burnish.api.testing import fake_services
    from burnish.config import Settings
    from burnish.store.testing.samples import a_config, a_job

    settings = Settings(tracking_uri=f"sqlite:///{folder}/mlflow.db", mlflow_app="basic-auth")
    mounted = behind(settings)
    assert mounted is not None
    async with (
        fake_services(folder) as services,
        client_of(await mounted.loaded()) as mlflow,
        client_of(create_app(services, settings, mlflow_app=mounted)) as ours,
    ):
        await add_users(mlflow)
        experiments = [await _experiment(mlflow, number) for number in range(len(LEVELS))]
        for shift, user in enumerate(USERS):
            for position, level in enumerate(LEVELS.values()):
                if level is not None:
                    await grant(mlflow, user, experiments[(position + shift) % len(LEVELS)][0], level)
        await _prompt(mlflow)
        made = 0
        mlflow_has_jobs = hasattr(service_pb2, "GetPromptOptimizationJob")
        found: dict[str, Any] = {"ours": {}, "mlflow": {}, "mlflow_has_jobs": mlflow_has_jobs}
        for shift, user in enumerate((*USERS, ADMIN)):
            for position, level in enumerate(LEVELS):
                experiment, dataset = experiments[(position + shift) % len(LEVELS)]
                jobs: list[str] = []
                for method, (verb, path) in REQUESTS.items():
                    if method in ENDING or not jobs:
                        jobs = [f"job-{made + step}" for step in range(2)]
                        made += 2
                        for job_id in jobs:
                            config = a_config(source_prompt_uris=("prompts:/sentiment/1",))
                            job = a_job(job_id, experiment_id=experiment, config=config)
                            await services.store.create(job)
                    names = {"experiment": experiment, "dataset": dataset, "job": jobs[0], "other": jobs[1]}
                    body = _body(method, experiment, dataset)
                    row = f"{user} {level} {method}"
                    answer = await ours.ask(user, verb, BASE + path.format(**names), body)
                    found["ours"][row] = answer.status_code
                    if not mlflow_has_jobs:
                        continue
                    if method in MLFLOWS_RULES:
                        found["mlflow"][row] = await asyncio.to_thread(_rule, method, user, experiment)
                    elif method in MLFLOWS_OWN:
                        answer = await mlflow.ask(user, verb, BASE + path.format(**names), body)
                        found["mlflow"][row] = answer.status_code != 403
        found |= await _lists(ours, experiments)
        found["unknown"] = await _unknown(ours, mlflow)
        found["whole"] = await _whole(mounted, experiments)
        found["left"] = await _left(mlflow, experiments)
        now = [0.0]
        authority = MlflowAuthority(FlaskAnswers(_flask), 5.0, lambda: now[0])
        app = create_app(services, settings, mlflow_app=mounted, authority=authority)
        await services.store.create(a_job("kept", experiment_id=experiments[1][0], created_by="cat"))
        async with client_of(app) as ours:
            found["withdrawn"] = await _withdrawn(ours, mlflow, experiments, now)
    return found


async def _whole(mounted: Any, experiments: list[tuple[str, str]]) -> dict[str, Any]:
    """The same permissions, found out by whole requests, as they are sent to a server elsewhere."""
    from burnish.access.protocol import Kind, Need, NewJob, Permission
    from burnish.access.server import AsgiAnswers, ServerAuthority
    from burnish.errors import PermissionDenied

    authority = ServerAuthority(AsgiAnswers(mounted.loaded), 0.0)
    found: dict[str, Any] = {}
    for shift, user in enumerate((*USERS, ADMIN)):
        caller = await authority.identify(basic(user))
        found[f"name {user}"] = caller.actor.name
        for position, level in enumerate(LEVELS):
            experiment, dataset = experiments[(position + shift) % len(LEVELS)]
            asked: dict[str, Any] = {
                **{kind.value: Need(kind, Kind.EXPERIMENT, experiment) for kind in Permission},
                "dataset": Need(Permission.READ, Kind.DATASET, dataset),
                "prompt": Need(Permission.UPDATE, Kind.PROMPT, "sentiment"),
                "create": NewJob(experiment, ("prompts:/sentiment/1",), ("Correctness",), dataset_id=dataset),
            }
            for name, need in asked.items():
                check = authority.check_new_job if isinstance(need, NewJob) else authority.check
                try:
                    await check(caller, need)
                    found[f"{user} {level} {name}"] = True
                except PermissionDenied:
                    found[f"{user} {level} {name}"] = False
        for kind in Kind:
            found[f"{kind} {user}"] = len(await authority.readable(caller, kind) or ())
    return found


async def _left(mlflow: Served, experiments: list[tuple[str, str]]) -> dict[str, Any]:
    """What all these questions have left in MLflow."""
    ids = [experiment for experiment, _ in experiments]
    runs = await mlflow.admin("POST", "/api/2.0/mlflow/runs/search", {"experiment_ids": ids})
    versions = await mlflow.admin("GET", "/api/2.0/mlflow/model-versions/search")
    return {"runs": len(runs.get("runs", ())), "versions": len(versions.get("model_versions", ()))}


async def _flask() -> Any:
    from mlflow.server import app

    return app


async def _withdrawn(
    ours: Served, mlflow: Served, experiments: list[tuple[str, str]], now: list[float]
) -> dict[str, Any]:
    """What a user sees when a permission is given and taken again, and when they are deleted."""
    experiment = experiments[1][0]
    found: dict[str, Any] = {}
    changes: dict[str, Callable[[], Awaitable[object]] | None] = {
        "before": None,
        "granted": partial(grant, mlflow, "ben", experiment, "EDIT"),
        "revoked": partial(revoke, mlflow, "ben", experiment),
        "deleted": partial(delete_user, mlflow, "cat", [experiment for experiment, _ in experiments]),
    }
    for name, change in changes.items():
        if change is not None:
            await change()
        user = "cat" if name == "deleted" else "ben"
        found[name] = [(await ours.ask(user, "GET", f"{BASE}/kept")).status_code]
        now[0] += 5.1  # so long a "yes" is believed
        found[name].append((await ours.ask(user, "GET", f"{BASE}/kept")).status_code)
    found["created_by"] = (await ours.ask(ADMIN, "GET", f"{BASE}/kept")).json()["job"]["created_by"]
    return found


async def _lists(ours: Served, experiments: list[tuple[str, str]]) -> dict[str, Any]:
    """What each user sees of lists that name no experiment."""
    found: dict[str, Any] = {"search": {}, "demo": {}, "optimizers": {}}
    names = {experiment: position for position, (experiment, _) in enumerate(experiments)}
    for user in (*USERS, ADMIN):
        jobs: list[str] = []
        token = ""
        while True:
            page = (await ours.ask(user, "GET", f"{BASE}/search?max_results=37{token}")).json()
            jobs += [job["experiment_id"] for job in page.get("jobs", ())]
            if "next_page_token" not in page:
                break
            token = f"&page_token={page['next_page_token']}"
        found["search"][user] = sorted({names[experiment] for experiment in jobs})
        found["demo"][user] = [
            (await ours.ask(user, method, f"{BASE}/demo")).status_code for method in ("GET", "POST")
        ]
        found["optimizers"][user] = (await ours.ask(user, "GET", f"{BASE}/catalog/optimizers")).status_code
    return found


async def _unknown(ours: Served, mlflow: Served) -> dict[str, Any]:
    """Who is nobody, or has a wrong password."""
    found: dict[str, Any] = {}
    for name, headers in (
        ("nobody", {}),
        ("wrong", {"authorization": "Basic YW5hOndyb25n"}),
        ("garbage", {"authorization": "Basic !!"}),
        ("bearer", {"authorization": "Bearer something"}),
    ):
        answers = []
        for served in (ours, mlflow):
            answer = await served.http.get(f"{BASE}/search?experiment_id=0", headers=headers)
            answers.append((answer.status_code, answer.headers.get("www-authenticate")))
        found[name] = answers
    return found


async def _experiment(mlflow: Served, number: int) -> tuple[str, str]:
    """A new experiment with a dataset: their ids."""
    made = await mlflow.admin("POST", "/api/2.0/mlflow/experiments/create", {"name": f"e{number}"})
    experiment_id = made["experiment_id"]
    body = {"name": f"d{number}", "experiment_ids": [experiment_id]}
    dataset = (await mlflow.admin("POST", "/api/3.0/mlflow/datasets/create", body))["dataset"]
    return experiment_id, dataset["dataset_id"]


async def _prompt(mlflow: Served) -> None:
    """A prompt that every user may edit."""
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    await mlflow.admin(
        "POST", "/api/2.0/mlflow/registered-models/create", {"name": "sentiment", "tags": tags}
    )
    for user in USERS:
        await share_prompt(mlflow, user, "sentiment")


def _body(method: str, experiment: str, dataset: str) -> Any:
    if method in ("createPromptOptimizationJob", "estimatePromptOptimizationJob"):
        config = {
            "optimizer_type": "OPTIMIZER_TYPE_UNSPECIFIED",  # refused behind the guard: nothing is made
            "dataset_id": dataset,
            "scorers": ["Correctness"],
        }
        return {"experiment_id": experiment, "source_prompt_uri": "prompts:/sentiment/1", "config": config}
    if method == "makeDatasetFromTraces":
        return {"experiment_id": experiment, "max_results": -1}
    return {"alias": "live"} if method in ("promoteOptimizedPrompt", "rollbackOptimizedPrompt") else None


def _rule(method: str, user: str, experiment_id: str) -> bool:
    """What MLflow's rule for this verb says of a job of its own in the experiment."""
    from mlflow.protos import service_pb2
    from mlflow.server import app, auth, handlers

    store = handlers._get_job_store()
    job = store.create_job("optimize_prompts", json.dumps({"experiment_id": experiment_id}))
    verb, path = REQUESTS[method]
    path = BASE + path.format(job=job.job_id)
    with app.test_request_context(path, method=verb, headers=basic(user)):
        rule = auth.BEFORE_REQUEST_HANDLERS[getattr(service_pb2, MLFLOWS_RULES[method])]
        return auth.sender_is_admin() or bool(rule())


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "found.json").write_text(json.dumps(asyncio.run(main(place))))
