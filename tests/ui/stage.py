"""A real server on a temporary folder, with real jobs on a scripted model, for the page to show.

python -m tests.ui.stage          # until interrupted; prints the address
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burnish.llm.testing.faults import Faults
from burnish.llm.testing.scripted_server import ScriptedServer
from tests.ui import triage

JOBS = "/api/3.0/mlflow/prompt-optimization/jobs"
FINAL = {"JOB_STATUS_COMPLETED", "JOB_STATUS_FAILED", "JOB_STATUS_CANCELED"}
_START_SECONDS = 180.0
_FOREVER_SECONDS = 3600.0
READER = "a-token-that-only-reads"
"""Of every server that asks for tokens."""
_BURNISH = ("burnish.cli.main", "server", "--workers", "2")
_MLFLOW = ("mlflow", "server", "--app-name", "burnish", "--host", "127.0.0.1", "--workers", "1")


@dataclass
class Stage:
    """A running server and what its jobs can be made of.

    Attributes:
        url: of the server, without a path.
        under_mlflow: it is ``mlflow server`` with our app in it.
        models: the scripted model server; its ``faults`` may be replaced.
        usual: the faults it has had from the beginning.
    """

    folder: Path
    url: str
    models: ScriptedServer
    usual: Faults
    token: str | None = None
    under_mlflow: bool = False
    process: subprocess.Popen[bytes] | None = None
    datasets: dict[int, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer of the server.

        Raises:
            RuntimeError: it refused, with its words.
        """
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as found:
                return json.load(found)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def prompt(self, name: str, template: str | list[dict[str, str]] = triage.PROMPT) -> str:
        """URI of a new version of a prompt in MLflow's registry."""
        tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
        with contextlib.suppress(RuntimeError):
            self.ask("POST", "/api/2.0/mlflow/registered-models/create", {"name": name, "tags": tags})
        text = template if isinstance(template, str) else json.dumps(template)
        kind = "text" if isinstance(template, str) else "chat"
        tags += [
            {"key": "mlflow.prompt.text", "value": text},
            {"key": "_mlflow_prompt_type", "value": kind},
        ]
        body = {"name": name, "source": "prompt-template", "tags": tags}
        made = self.ask("POST", "/api/2.0/mlflow/model-versions/create", body)["model_version"]
        return f"prompts:/{name}/{made['version']}"

    def dataset(self, count: int = 120) -> str:
        """Id of a dataset with so many tickets."""
        if count not in self.datasets:
            body = {"name": f"tickets-{count}", "experiment_ids": ["0"]}
            made = self.ask("POST", "/api/3.0/mlflow/datasets/create", body)["dataset"]["dataset_id"]
            rows = {"records": json.dumps(triage.records(count))}
            self.ask("POST", f"/api/3.0/mlflow/datasets/{made}/records", rows)
            self.datasets[count] = str(made)
        return self.datasets[count]

    def create(self, prompt: str, optimizer: str = "GEPA", **changes: Any) -> str:
        """Id of a new job. ``changes`` are fields of the config, and ``tags``."""
        tags = changes.pop("tags", {"team": "support"})
        settings = changes.pop("settings", {})
        config = {
            "optimizer_type": f"OPTIMIZER_TYPE_{optimizer}",
            "dataset_id": self.dataset(changes.pop("records", 120)),
            "scorers": ["exact_match"],
            "model": "openai:/gpt-4o-mini",
            "reflection_model": "openai:/gpt-4o",
            "optimizer_config_json": json.dumps(settings),
            "max_output_tokens": 32,
            "budget": {"max_calls": 700},
            **changes,
        }
        body = {
            "experiment_id": "0",
            "source_prompt_uri": prompt,
            "config": {name: value for name, value in config.items() if value is not None},
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
        return str(self.ask("POST", JOBS, body)["job"]["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as the API shows it."""
        return dict(self.ask("GET", f"{JOBS}/{job_id}")["job"])

    def wait(self, job_id: str, seconds: float = 240.0) -> dict[str, Any]:
        """The job, once it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.job(job_id)
            if job["state"]["status"] in FINAL:
                return job
            time.sleep(0.2)
        raise TimeoutError(f"job {job_id} has not ended in {seconds:g} s")

    def clear(self) -> None:
        """As it was at first: no jobs, no prompts, no datasets, a server that runs, models in order."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.models.faults = self.usual
        for job in self.ask("POST", f"{JOBS}/search", {"max_results": 1000}).get("jobs", []):
            self.ask("DELETE", f"{JOBS}/{job['job_id']}")
        names = "/api/2.0/mlflow/registered-models"
        prompts = "?filter=tags.%60mlflow.prompt.is_prompt%60%3D%27true%27"
        for found in self.ask("GET", f"{names}/search{prompts}").get("registered_models", []):
            self.ask("DELETE", f"{names}/delete", {"name": found["name"]})
        sets = "/api/3.0/mlflow/datasets"
        for found in self.ask("POST", f"{sets}/search", {"experiment_ids": ["0"]}).get("datasets", []):
            self.ask("DELETE", f"{sets}/{found['dataset_id']}")
        self.datasets.clear()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        port = self.url.rpartition(":")[2]
        command = [sys.executable, "-m", *(_MLFLOW if self.under_mlflow else _BURNISH), "--port", port]
        if self.token:
            (self.folder / "tokens").write_text(f"{self.token}\nreader: {READER} read\n")
            command += ["--auth-token-file", str(self.folder / "tokens")]
        environment = {
            **os.environ,
            "OPENAI_BASE_URL": f"{self.models.url}/v1",
            "OPENAI_API_KEY": "no-key-is-needed-here",
            "BURNISH_STORE_URI": f"sqlite:///{self.folder / 'burnish.db'}",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
        }
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.ask("GET", "/ready")
                return
            except (OSError, RuntimeError):
                time.sleep(0.2)
        raise RuntimeError((self.folder / "server.log").read_text())

    def stop(self) -> None:
        """Stop the server."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


@contextmanager
def stage(
    folder: Path, *, latency_seconds: float = 0.02, token: str | None = None, under_mlflow: bool = False
) -> Iterator[Stage]:
    """Run models and server until left."""
    with _models(latency_seconds) as models, socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
        found.close()
        opened = Stage(folder, f"http://127.0.0.1:{port}", models, models.faults, token, under_mlflow)
        try:
            opened.start()
            yield opened
        finally:
            opened.stop()


@contextmanager
def _models(latency_seconds: float) -> Iterator[ScriptedServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = ScriptedServer(triage.answer, Faults(latency_seconds=latency_seconds))
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def fill(opened: Stage) -> dict[str, str]:
    """Jobs in every state, by its name; the last one is still running."""
    prompt, chat = opened.prompt("support-triage"), opened.prompt("support-chat", triage.CHAT)
    alone = {"reflection_model": None, "budget": {"max_calls": 400, "max_usd": 0.02}}
    jobs = {
        "improved": opened.create(prompt, tags={"team": "support", "run": "nightly"}),
        "unclear": opened.create(prompt, "JOINT_SEARCH", **alone),
        "chat": opened.create(chat, "METAPROMPT", scorers=["exact_match", "max_length:20"]),
        "few-shot": opened.create(chat, "FEW_SHOT", **alone),
    }
    for job_id in jobs.values():
        opened.wait(job_id)
    opened.models.faults, answered = Faults(latency_seconds=0.1), opened.models.requests
    jobs["canceled"] = opened.create(prompt, seed=1)
    while opened.models.requests < answered + 30:  # it has something to show
        time.sleep(0.05)
    opened.ask("POST", f"{JOBS}/{jobs['canceled']}/cancel")
    opened.wait(jobs["canceled"])
    opened.models.faults = Faults(shares={"401": 1})
    jobs["failed"] = opened.create(prompt, seed=2)
    opened.wait(jobs["failed"])
    opened.models.faults, answered = Faults(latency_seconds=0.1), opened.models.requests
    jobs["running"] = opened.create(
        prompt, seed=3, budget={"max_calls": 3000}, call_timeout_seconds=_FOREVER_SECONDS
    )
    while opened.models.requests < answered + 60:  # the source is scored, and the search has begun
        time.sleep(0.05)
    opened.models.faults = Faults(latency_seconds=_FOREVER_SECONDS)  # it stays as it is, on every machine
    return jobs


def main() -> None:
    """Stay until interrupted, with jobs to look at."""
    with tempfile.TemporaryDirectory() as name, stage(Path(name)) as opened:
        print(f"{opened.url}/burnish/", flush=True)
        for state, job_id in fill(opened).items():
            print(job_id, state, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
