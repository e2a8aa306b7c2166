"""A server with workspaces: whose jobs are seen from where, and that a job runs in its own.

Run as ``python -m tests.access.workspaces FOLDER``; see :mod:`tests.access.served`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.access.served import BASE, Served, client_of, set_environment

TEAM = {"x-mlflow-workspace": "team-a"}


async def main(folder: Path) -> dict[str, Any]:
    set_environment(folder, MLFLOW_ENABLE_WORKSPACES="true")
    from burnish.api.app import create_app
    from burnish.api.mlflow_app import behind
    from burnish.bootstrap import open_services
    from burnish.config import Settings

    settings = Settings(
        store_uri=f"sqlite:///{folder}/burnish.db", tracking_uri=f"sqlite:///{folder}/mlflow.db"
    )
    mounted = behind(settings)
    assert mounted is not None
    services = await open_services(settings)
    await services.warm_up()
    working = asyncio.create_task(services.work())
    try:
        async with client_of(create_app(services, settings, mlflow_app=mounted)) as server:
            return await _ask(server)
    finally:
        await services.close(1.0)
        await working


async def _ask(server: Served) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        return await server.ask(None, method, path, body, **headers)

    made = await ask("POST", "/api/3.0/mlflow/workspaces", {"name": "team-a"})
    assert made.status_code in (200, 201), made.text
    body = {"name": "e"}
    experiment = (await ask("POST", "/api/2.0/mlflow/experiments/create", body, **TEAM)).json()[
        "experiment_id"
    ]
    csv = "review,expected_response\n" + "".join(f"it is good {n},positive\n" for n in range(12))
    query = f"experiment_id={experiment}&file_name=a.csv&target=expected_response"
    uploaded = await server.http.post(f"{BASE}/catalog/datasets?{query}", content=csv, headers=TEAM)
    assert uploaded.status_code == 200, uploaded.text
    await _register(ask)
    request = {
        "experiment_id": experiment,
        "source_prompt_uri": "prompts:/sentiment/1",
        "config": {
            "optimizer_type": "OPTIMIZER_TYPE_FEW_SHOT",
            "dataset_id": uploaded.json()["dataset"]["dataset_id"],
            "scorers": ["exact_match"],
            "model": "scripted:/sentiment",
            "budget": {"max_calls": 60},
        },
    }
    created = await ask("POST", BASE, request, **TEAM)
    assert created.status_code == 200, created.text
    job = created.json()["job"]["job_id"]
    found["workspace"] = created.json()["job"]["workspace"]
    for _ in range(600):
        shown = (await ask("GET", f"{BASE}/{job}", **TEAM)).json()["job"]
        if shown["state"]["status"].removeprefix("JOB_STATUS_") in ("COMPLETED", "FAILED"):
            break
        await asyncio.sleep(0.1)
    found["end"] = [shown["state"]["status"], shown["state"].get("error_message", "")]
    run = f"/api/2.0/mlflow/runs/get?run_id={shown['run_id']}"
    found["run"] = (await ask("GET", run, **TEAM)).json()["run"]["info"]["status"]
    found["elsewhere"] = {}
    for path in ("", "/events", "/candidates", "/inputs", "/examples", "/evaluations", "/edits"):
        found["elsewhere"][path] = (await ask("GET", f"{BASE}/{job}{path}")).status_code
    found["elsewhere"]["cancel"] = (await ask("POST", f"{BASE}/{job}/cancel")).status_code
    found["elsewhere"]["delete"] = (await ask("DELETE", f"{BASE}/{job}")).status_code
    found["searched"] = {
        "team-a": len((await ask("GET", f"{BASE}/search", **TEAM)).json().get("jobs", ())),
        "default": len((await ask("GET", f"{BASE}/search")).json().get("jobs", ())),
    }
    for name in ("team-b", "Not a name!"):
        refused = await ask("GET", f"{BASE}/search", **{"x-mlflow-workspace": name})
        found[name] = [refused.status_code, refused.json()["error_code"], refused.json()["message"]]
    found["ready"] = (await ask("GET", "/ready")).json()
    found["deleted"] = (await ask("DELETE", f"{BASE}/{job}", **TEAM)).status_code
    return found


async def _register(ask: Any) -> None:
    """A prompt in the workspace, as MLflow's clients make it."""
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    body = {"name": "sentiment", "tags": tags}
    made = await ask("POST", "/api/2.0/mlflow/registered-models/create", body, **TEAM)
    assert made.status_code == 200, made.text
    text = {"key": "mlflow.prompt.text", "value": "What is the sentiment? {{review}}"}
    body = {"name": "sentiment", "source": "dummy-source", "tags": [*tags, text]}
    made = await ask("POST", "/api/2.0/mlflow/model-versions/create", body, **TEAM)
    assert made.status_code == 200, made.text


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "found.json").write_text(json.dumps(asyncio.run(main(place))))
