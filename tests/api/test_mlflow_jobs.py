"""MLflow's own jobs behind our server: run where that is wanted, else refused in words that help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from burnish.api.mlflow_jobs import check_jobs, explaining
from burnish.config import Settings
from burnish.errors import InvalidInput

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
