"""The tracker on a real MLflow keeps the contract: over SQLite, over HTTP, over PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.job import Job
from burnish.mlflow_import import load_mlflow
from burnish.tracking.mlflow import MlflowTracker
from burnish.tracking.protocol import LoggedTrace, TraceValues
from burnish.tracking.testing import RunView, TraceView, TrackerContract
from tests.tracking.app_traces import log_trace

SERVER = """
import os, sys
os.environ.update(
    _MLFLOW_SERVER_FILE_STORE=f"sqlite:///{sys.argv[1]}/mlflow.db",
    _MLFLOW_SERVER_ARTIFACT_ROOT="mlflow-artifacts:/",
    _MLFLOW_SERVER_ARTIFACT_DESTINATION=f"{sys.argv[1]}/mlartifacts",
    _MLFLOW_SERVER_SERVE_ARTIFACTS="true",
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
)
import socket
import uvicorn
from mlflow.server.fastapi_app import app
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
"""


class MlflowContract(TrackerContract):
    """Looks at runs through MLflow's own client, which knows nothing of ours."""

    @pytest.fixture(autouse=True)
    def _scratch(self, tmp_path: Path) -> None:
        self.scratch = tmp_path

    def client(self, tracker: Any) -> Any:
        load_mlflow()
        from mlflow import MlflowClient

        return MlflowClient(tracker.address.tracking_uri, tracker.address.registry_uri)

    def view(self, tracker: Any, run_id: str) -> RunView:
        client = self.client(tracker)
        run = client.get_run(run_id)
        linked = json.loads(run.data.tags.get("mlflow.linkedPrompts", "[]"))
        names = list(run.data.metrics)
        # One request for each: the test with a thousand metrics only counts them.
        histories = {name: client.get_metric_history(run_id, name) for name in names[:20]}
        return RunView(
            status=run.info.status,
            tags=run.data.tags,
            params=run.data.params,
            metrics={name: [(m.step, m.value) for m in histories.get(name, [])] for name in names},
            artifacts=self.read_artifacts(client, run_id, None),
            prompts=[f"prompts:/{entry['name']}/{entry['version']}" for entry in linked],
            datasets=[entry.dataset.name for entry in run.inputs.dataset_inputs],
        )

    def read_artifacts(self, client: Any, run_id: str, folder: str | None) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry in client.list_artifacts(run_id, folder):
            if entry.is_dir:
                found |= self.read_artifacts(client, run_id, entry.path)
            else:
                path = Path(client.download_artifacts(run_id, entry.path, str(self.scratch)))
                found[entry.path] = path.read_text(encoding="utf-8")
        return found

    def traces(self, tracker: Any, job: Job, run_id: str) -> list[TraceView]:
        found = self.client(tracker).search_traces(locations=[job.experiment_id], run_id=run_id)
        return [
            TraceView(
                inputs=trace.data.spans[0].inputs,
                output=trace.data.spans[0].outputs,
                failed=trace.info.state == "ERROR",
                scores={a.name: a.value for a in trace.info.assessments if a.feedback is not None},
                expectations={a.name: a.value for a in trace.info.assessments if a.expectation is not None},
                split=trace.info.trace_metadata["burnish.split"],
            )
            for trace in found
        ]

    def log_trace(self, tracker: Any, experiment_id: str, trace: LoggedTrace, values: TraceValues) -> None:
        log_trace(tracker.address.tracking_uri, experiment_id, trace, values)

    def run_ids(self, tracker: Any, job: Job) -> list[str]:
        runs = self.client(tracker).search_runs(
            [job.experiment_id], filter_string=f"tags.`burnish.job_id` = '{job.job_id}'"
        )
        return [run.info.run_id for run in runs]

    def other(self, tracker: Any) -> MlflowTracker:
        return MlflowTracker(tracker.address.tracking_uri, artifact_root=tracker.address.artifact_root)


class TestOverSqlite(MlflowContract):
    @pytest.fixture
    def tracker(self, shared: MlflowTracker) -> MlflowTracker:
        return shared


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An MLflow server of its own process, with proxied artifacts."""
    folder = tmp_path_factory.mktemp("server")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            assert port, (folder / "log").read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


class TestOverHttp(MlflowContract):
    @pytest.fixture
    def tracker(self, server_url: str) -> MlflowTracker:
        return MlflowTracker(server_url, sleep=lambda seconds: None)

    def test_runs_prompts_and_experiments_have_pages(self, tracker: MlflowTracker, server_url: str) -> None:
        job = self.make_job(tracker)
        run_id = tracker.ensure_run(job)
        page = f"{server_url}/#/experiments/{job.experiment_id}"
        assert tracker.link(f"runs:/{run_id}").url == f"{page}/runs/{run_id}"
        assert tracker.link(f"experiments:/{job.experiment_id}").url == page
        name = job.source_prompt_uri.removeprefix("prompts:/").partition("/")[0]
        assert tracker.link(job.source_prompt_uri).url == f"{server_url}/#/prompts/{name}"


@pytest.fixture(scope="module")
def on_postgres(
    postgres_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> MlflowTracker:
    uri = postgres_database().replace("postgresql://", "postgresql+psycopg://", 1)
    return MlflowTracker(uri, artifact_root=str(tmp_path_factory.mktemp("artifacts")))


@pytest.mark.postgres
class TestOverPostgres(MlflowContract):
    @pytest.fixture
    def tracker(self, on_postgres: MlflowTracker) -> MlflowTracker:
        return on_postgres
