"""Jobs that MLflow's own prompt optimization has made, on a server with users over PostgreSQL.

Run as ``python -m tests.access.earlier_jobs FOLDER``, with the database's URI in the folder's file
``database``; see :mod:`tests.access.served`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.access.served import ADMIN, BASE, USERS, Served, add_users, client_of, grant, set_environment
from tests.tracking.mlflow_jobs import Mlflow

WHO = (*USERS, ADMIN)


async def main(folder: Path) -> dict[str, Any]:
    database = (folder / "database").read_text()
    set_environment(
        folder, MLFLOW_TRACKING_URI=database, _MLFLOW_SERVER_ARTIFACT_DESTINATION=str(folder / "artifacts")
    )
    from burnish.api.app import create_app
    from burnish.api.mlflow_app import behind
    from burnish.bootstrap import open_services
    from burnish.config import Settings
    from burnish.tracking.mlflow import MlflowTracker

    settings = Settings(
        store_uri=f"sqlite:///{folder}/jobs.db", tracking_uri=database, mlflow_app="basic-auth", workers=0
    )
    mounted = behind(settings)
    assert mounted is not None
    services = await open_services(settings)
    try:
        async with (
            client_of(await mounted.loaded()) as mlflow,
            client_of(create_app(services, settings, mlflow_app=mounted)) as ours,
        ):
            await add_users(mlflow)
            made = await asyncio.to_thread(Mlflow.behind, MlflowTracker(database))
            return await _drive(made, mlflow, ours)
    finally:
        await services.close(1.0)


async def _drive(made: Mlflow, mlflow: Served, ours: Served) -> dict[str, Any]:
    body = {"name": "before"}
    experiment = (await mlflow.admin("POST", "/api/2.0/mlflow/experiments/create", body))["experiment_id"]
    await grant(mlflow, "ana", experiment, "EDIT")
    await grant(mlflow, "ben", experiment, "READ")
    done, running = made.submit(experiment), made.submit(experiment)
    made.finish(done)
    made.jobs.start_job(running.job_id)

    async def status(user: str, method: str, path: str) -> int:
        return (await ours.ask(user, method, BASE + path)).status_code

    async def seen(user: str) -> list[str]:
        page = (await ours.ask(user, "GET", f"{BASE}/search")).json()
        return sorted(job["job_id"] for job in page.get("jobs", ()))

    found: dict[str, Any] = {"made": sorted([done.job_id, running.job_id])}
    found["job"] = (await ours.admin("GET", f"{BASE}/{done.job_id}"))["job"]
    found["get"] = {user: await status(user, "GET", f"/{done.job_id}") for user in WHO}
    found["search"] = {user: await seen(user) for user in WHO}
    found["delete running"] = await status(ADMIN, "DELETE", f"/{running.job_id}")
    order = ("cat", "ben", "ana")  # who may do more comes later
    found["cancel"] = {user: await status(user, "POST", f"/{running.job_id}/cancel") for user in order}
    found["canceled"] = [made.jobs.get_job(running.job_id).status.name, made.run_of(running).info.status]
    for user in (*order, ADMIN):
        found.setdefault("delete", {})[user] = await status(user, "DELETE", f"/{running.job_id}")
    found["deleted"] = [await status(ADMIN, "GET", f"/{running.job_id}"), await seen("ben")]
    found["left"] = [done.job_id]
    return found


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "found.json").write_text(json.dumps(asyncio.run(main(place))))
