"""A server with an MLflow behind it, asked over HTTP as MLflow's own clients ask theirs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from burnish.api.app import create_app
from burnish.api.testing import serving
from burnish.bootstrap import open_services
from burnish.config import Settings
from burnish.domain.dataset import Dataset
from burnish.domain.job import JobStatus
from burnish.domain.prompt import Prompt
from burnish.store.sql import SqlJobStore
from burnish.tracking.mlflow import MlflowTracker

BASE = "/api/3.0/mlflow/prompt-optimization/jobs"
WAYS = ("burnish server", "mlflow server") if os.environ.get("TEST_MLFLOW_SERVER") else ("burnish server",)
"""``make test-mlflow`` starts a whole ``mlflow server --app-name burnish`` too, which takes its time."""


@dataclass
class Replay:
    """The server, what stands behind it, and what it has answered."""

    http: httpx.Client
    tracker: MlflowTracker
    store_uri: str
    experiment_id: str
    prompt_uri: str
    dataset_id: str
    jobs: dict[str, Any] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, base: str = BASE) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        answer = self.http.request(method, base + path, json=body)
        return answer.status_code, answer.json()

    def request(self, **changes: Any) -> dict[str, Any]:
        """The body of MLflow's own example of a create."""
        body = {
            "experiment_id": self.experiment_id,
            "source_prompt_uri": self.prompt_uri,
            "config": {
                "optimizer_type": "OPTIMIZER_TYPE_GEPA",
                "dataset_id": self.dataset_id,
                "scorers": ["Correctness", "Safety"],
                "optimizer_config_json": '{"reflection_model": "openai:/gpt-4o", "max_metric_calls": 300}',
            },
            "tags": [{"key": "team", "value": "search"}],
        }
        return {name: value for name, value in {**body, **changes}.items() if value is not None}

    def config(self, **changes: Any) -> dict[str, Any]:
        return self.request(config={**self.request()["config"], **changes})

    def create(self, **changes: Any) -> Any:
        status, answer = self.ask("POST", "", self.request(**changes))
        assert status == 200, answer
        return answer["job"]

    def job(self, key: str) -> Any:
        """The job of that name, made when it is first asked for."""
        if key not in self.jobs:
            self.jobs[key] = self.create()
        return self.jobs[key]

    def run(self, run_id: str) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(self.tracker.address.tracking_uri).get_run(run_id)

    def runs(self) -> int:
        from mlflow import MlflowClient

        client = MlflowClient(self.tracker.address.tracking_uri)
        return len(client.search_runs([self.experiment_id]))

    def end(self, job_id: str, **changes: Any) -> None:
        """Do what a worker does in the end."""

        async def write() -> None:
            store = SqlJobStore(self.store_uri)
            job = await store.take(job_id, "worker")
            await store.update(job_id, job.attempt, {"status": JobStatus.COMPLETED, **changes})
            await store.close()

        asyncio.run(write())


@contextmanager
def burnish_server(settings: Settings) -> Iterator[str]:
    """The application on an event loop of its own."""
    started: Future[tuple[str, asyncio.AbstractEventLoop]] = Future()
    stop = asyncio.Event()

    async def serve() -> None:
        try:
            services = await open_services(settings)
            async with serving(create_app(services, settings)) as url:
                started.set_result((url, asyncio.get_running_loop()))
                await stop.wait()
            await services.close()
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    url, loop = started.result(60)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)


@contextmanager
def mlflow_server(settings: Settings, folder: Path) -> Iterator[str]:
    """``mlflow server --app-name burnish``, with one process that answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment: Mapping[str, str] = {
        **os.environ,
        "BURNISH_STORE_URI": settings.store_uri,
        "BURNISH_WORKERS": "0",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "burnish", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", settings.tracking_uri]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(timeout=60) as http:
            while True:
                try:
                    http.get(f"{url}/health")
                    break
                except httpx.TransportError:
                    assert process.poll() is None, (folder / "server.log").read_text()
                    time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # an older MLflow's child outlives it
        process.wait(30)


@pytest.fixture(scope="module", params=WAYS)
def replay(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    folder = tmp_path_factory.mktemp("replay")
    tracker = MlflowTracker(f"sqlite:///{folder}/mlflow.db", artifact_root=f"{folder}/mlruns")
    experiment_id = tracker.ensure_experiment("replay")
    model = {"provider": "openai", "model_name": "gpt-4o-mini"}
    prompt = tracker.ensure_prompt(
        Prompt(name="support", template="Answer: {{question}}", model_config=model)
    )
    records = [({"question": f"question {n}"}, {"expected_response": "yes"}) for n in range(12)]
    dataset = tracker.ensure_dataset(Dataset.of(records, "questions"), experiment_id)
    settings = Settings(
        store_uri=f"sqlite:///{folder}/jobs.db", tracking_uri=tracker.address.tracking_uri, workers=0
    )
    way = burnish_server(settings) if request.param == WAYS[0] else mlflow_server(settings, folder)
    with way as url, httpx.Client(base_url=url, timeout=60) as http:
        yield Replay(
            http, tracker, settings.store_uri, experiment_id, str(prompt.uri), str(dataset.dataset_id)
        )
