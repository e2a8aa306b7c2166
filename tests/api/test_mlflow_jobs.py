"""MLflow's own jobs behind our server: run where that is wanted, else refused in words that help."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from burnish.api.mlflow_jobs import check_jobs, explaining
from burnish.config import Settings
from burnish.errors import InvalidInput
from burnish.llm.testing.scripted_server import ScriptedServer
from tests.chaos.processes import free_port

MLFLOW_SAYS = (
    "Mlflow server job execution feature is not enabled, please set environment variable "
    "'MLFLOW_SERVER_ENABLE_JOB_EXECUTION' to 'true' to enable it."
)


async def asked(app: ASGIApp) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(explaining(app)), base_url="http://localhost"
    ) as client:
        return await client.post("/ajax-api/3.0/mlflow/scorer/invoke")


async def test_where_nobody_runs_them_mlflow_makes_no_run_for_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    async def mlflow(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        await JSONResponse({})(scope, receive, send)

    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    assert (await asked(mlflow)).status_code == 501
    assert calls == []
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "true")
    assert (await asked(mlflow)).status_code == 200
    assert calls == ["/ajax-api/3.0/mlflow/scorer/invoke"]


async def test_where_nobody_runs_them_the_flag_is_named() -> None:
    answer = await asked(JSONResponse({"error_code": "INTERNAL_ERROR", "message": MLFLOW_SAYS}, 500))
    assert answer.status_code == 501
    assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
    assert "--mlflow-jobs" in answer.json()["message"]


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_every_other_answer_is_left_alone(status: int) -> None:
    async def parts() -> Any:
        yield b'{"message": '
        yield b'"another"}'

    answer = await asked(StreamingResponse(parts(), status))
    assert (answer.status_code, answer.json()) == (status, {"message": "another"})


def test_an_mlflow_elsewhere_runs_its_own() -> None:
    with pytest.raises(InvalidInput, match="elsewhere"):
        check_jobs(Settings(tracking_uri="http://mlflow:5000", mlflow_jobs=True))


def test_jobs_that_would_not_be_let_in_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        tracking_uri=f"sqlite:///{tmp_path}/m.db", mlflow_jobs=True, auth_token_file=str(tmp_path / "t")
    )
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN", raising=False)
    with pytest.raises(InvalidInput, match="MLFLOW_TRACKING_TOKEN"):
        check_jobs(settings)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t")
    check_jobs(settings)


MADE = """
import json, mlflow
from mlflow.genai import make_judge

experiment = mlflow.set_experiment("judged")
with mlflow.start_span("answer") as span:
    span.set_inputs({"question": "How are you?"})
    span.set_outputs("I am well, thank you.")
mlflow.flush_trace_async_logging()
text = "Is {{ outputs }} a polite answer to {{ inputs }}?"
judge = make_judge(name="polite", instructions=text, model="openai:/judge", feedback_value_type=str)
request = {"experiment_id": experiment.experiment_id, "serialized_scorer": json.dumps(judge.model_dump())}
print(json.dumps({**request, "trace_ids": [span.trace_id], "log_assessments": True}))
"""
"""A trace, and the request for a judge's run on it as MLflow's page sends it."""


@pytest.mark.skipif(not os.environ.get("TEST_MLFLOW_SERVER"), reason="ten processes that import MLflow")
@pytest.mark.timeout(1800)
async def test_mlflow_s_runner_runs_a_judge_on_a_trace(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/mlflow.db"
    said = json.dumps({"result": "yes", "rationale": "It thanks."})
    async with ScriptedServer(lambda request: said) as model:
        environment = os.environ | {
            "MLFLOW_TRACKING_URI": database,
            "OPENAI_API_KEY": "none",
            "OPENAI_API_BASE": f"{model.url}/v1",  # MLflow's own judges read one or the other
            "OPENAI_BASE_URL": f"{model.url}/v1",
            "BURNISH_STORE_URI": f"sqlite:///{tmp_path}/jobs.db",
        }
        made = await asyncio.to_thread(
            subprocess.check_output, [sys.executable, "-c", MADE], cwd=tmp_path, env=environment
        )
        with started(tmp_path, database, environment) as (url, server):
            async with httpx.AsyncClient(base_url=url, timeout=120) as http:
                job = await _ended(http, server, json.loads(made.splitlines()[-1]))
    assert job["status"] == "SUCCEEDED", (job, (tmp_path / "log").read_text())
    [scored] = job["result"].values()
    if any("pip install litellm" in failure["error_message"] for failure in scored["failures"]):
        pytest.skip("the job has ended, but this MLflow (3.9) asks for such judges by litellm only")
    assert scored["failures"] == []
    assert [entry["feedback"]["value"] for entry in scored["assessments"]] == ["yes"]


@contextmanager
def started(
    folder: Path, database: str, environment: Mapping[str, str]
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """``burnish server --mlflow-jobs``: its URL and process."""
    port = str(free_port())
    command = [sys.executable, "-m", "burnish.cli.main", "server", "--port", port, "--workers", "0"]
    command += ["--tracking-uri", database, "--mlflow-jobs"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # the runner has children
        server.wait()


async def _ended(http: httpx.AsyncClient, server: subprocess.Popen[bytes], request: Any) -> Any:
    """The job of the judge's run, when it has ended."""
    while True:
        assert server.poll() is None
        try:
            submitted = await http.post("/ajax-api/3.0/mlflow/scorer/invoke", json=request)
            break
        except httpx.TransportError:
            await asyncio.sleep(0.2)
    assert submitted.status_code == 200, submitted.text
    [job] = submitted.json()["jobs"]
    while True:
        found = (await http.get(f"/ajax-api/3.0/jobs/{job['job_id']}")).json()
        if found["status"] not in ("PENDING", "RUNNING"):
            return found
        await asyncio.sleep(0.5)
