"""Whole jobs over REST: Burnish's server and MLflow's own, asking one scripted model server on loopback.

What is timed is what a user waits for: from the request that creates the job until it is seen to be
COMPLETED. Every server is warm: a job has run on it before. MLflow's server needs an environment of its
own, because its job wants litellm:

    python -m venv /tmp/peer && /tmp/peer/bin/pip install mlflow==3.17.2 litellm huey gepa==0.1.4

MLflow's job validates on the very records that it learns from, so it gets the 30 validation examples;
Burnish gets the 60 training examples besides, and no test split, which MLflow has not either.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.planted_insight import BUDGET, SOURCE, TRAIN, VALIDATION, Planted
from burnish.domain.dataset import Example
from burnish.llm.protocol import Request
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.scripted_server import ScriptedServer

JOBS = "/api/3.0/mlflow/prompt-optimization/jobs"
TEST = 500
TIMEOUT_SECONDS = 600.0
WARM_UP = 2 * VALIDATION + 12

_QUESTION = re.compile(r"(?:train|validation|test) \d+")

SET_UP = """
import json, mlflow, sys
from mlflow.genai.datasets import create_dataset
mlflow.set_tracking_uri(sys.argv[1])
given = json.load(sys.stdin)
model = {"provider": "openai", "model_name": "target"}
prompt = mlflow.genai.register_prompt("planted", given["source"], model_config=model)
data = create_dataset(name="planted", experiment_id="0")
data.merge_records(given["records"])
if given["regex"]:
    from mlflow.genai.scorers import RegexMatch
    RegexMatch(name="right", pattern="^right$").register(experiment_id="0")
print(json.dumps({"source_prompt_uri": prompt.uri, "dataset_id": data.dataset_id}))
"""
"""Run by the server's own Python, so that both get their prompt and data set in the same way."""


@dataclass(frozen=True, slots=True)
class Served:
    """A finished job.

    Attributes:
        seconds: from the request that creates it until it is seen to be COMPLETED.
        calls: requests that its models were asked.
        score: the true score of the prompt it registered, or of the source where it registered none.
    """

    seconds: float
    calls: int
    score: float


class PlantedModel:
    """The target and the reflection model as a script of the model server."""

    def __init__(self, world: Planted) -> None:
        self._world = world
        parts = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
        self._examples: dict[str, Example] = {
            str(example.inputs["question"]): example
            for part, count in parts.items()
            for example in world.examples(count, part)
        }

    def __call__(self, request: Request) -> str:
        text = "\n\n".join(message.content for message in request.messages)
        if request.model.endswith("reflector"):
            return self._world.rewrite(text)
        question = _QUESTION.findall(text)[-1]
        example = self._examples[question]
        return self._world.feedback(
            example, self._world.is_right(text.replace(question, "{{question}}"), example)
        )

    def true_score(self, prompt: str) -> float:
        return self._world.true_score(prompt, self._world.examples(TEST, "test"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A server to be asked for jobs.

    Attributes:
        python: of the environment it is installed in.
        command: its arguments, with ``{port}``.
        engine: MLflow's job engine, where it is not the default.
        is_burnish: it takes our settings.
    """

    name: str
    python: str
    command: tuple[str, ...]
    engine: str = ""
    is_burnish: bool = False

    def config(self, budget: int, seed: int) -> dict[str, Any]:
        settings: dict[str, Any] = {"reflection_model": "openai:/reflector", "max_metric_calls": budget}
        config: dict[str, Any] = {"optimizer_type": "OPTIMIZER_TYPE_GEPA", "scorers": ["right"]}
        if self.is_burnish:
            config |= {"scorers": ["exact_match"], "concurrency": 16, "seed": seed}
            config |= {"split": {"train": 2 / 3, "validation": 1 / 3, "test": 0}}
        else:
            settings["gepa_kwargs"] = {"seed": seed}
        return {**config, "optimizer_config_json": json.dumps(settings)}


def burnish() -> Peer:
    command = ("-m", "burnish.cli.main", "server", "--port", "{port}", "--log-format", "json")
    return Peer(name="burnish", python=sys.executable, command=command, is_burnish=True)


def mlflow(python: str, engine: str = "") -> Peer:
    command: tuple[str, ...] = (
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        "sqlite:///mlflow.db",
        "--port",
        "{port}",
    )
    command += ("--no-serve-artifacts", "--default-artifact-root", "artifacts")  # the executor wants files
    command += ("--workers", "1")  # of several, the one that imports for its first job is ended as hung
    return Peer(name=f"mlflow, {engine or 'huey'}", python=python, command=command, engine=engine)


class Server:
    """A running server, with its prompt and data set."""

    def __init__(self, peer: Peer, url: str, model: ScriptedServer, script: PlantedModel) -> None:
        self._peer = peer
        self._url = url
        self.model = model
        self._script = script
        self._made: dict[str, str] = {}

    async def set_up(self, world: Planted) -> None:
        parts = (("train", TRAIN), ("validation", VALIDATION))
        examples = [example for part, count in parts for example in world.examples(count, part)]
        if not self._peer.is_burnish:
            examples = examples[TRAIN:]
        records = [
            {"inputs": dict(e.inputs), "expectations": {"expected_response": "right"}} for e in examples
        ]
        given = {"source": SOURCE, "records": records, "regex": not self._peer.is_burnish}
        done = await asyncio.to_thread(
            subprocess.run,
            [self._peer.python, "-c", SET_UP, self._url],
            input=json.dumps(given),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        self._made = json.loads(done.stdout.splitlines()[-1])

    async def job(self, budget: int, seed: int = 0) -> Served:
        """
        Raises:
            RuntimeError: it did not end as COMPLETED.
        """
        before = self.model.requests
        began = time.perf_counter()
        body = {"experiment_id": "0", "source_prompt_uri": self._made["source_prompt_uri"]}
        config = self._peer.config(budget, seed) | {"dataset_id": self._made["dataset_id"]}
        job = (await self._ask("POST", JOBS, body | {"config": config}))["job"]
        while (status := job["state"]["status"]) in ("JOB_STATUS_PENDING", "JOB_STATUS_IN_PROGRESS"):
            if time.perf_counter() - began > TIMEOUT_SECONDS:
                raise RuntimeError(f"{self._peer.name}: not done after {TIMEOUT_SECONDS:g} s")
            await asyncio.sleep(0.1)
            job = (await self._ask("GET", f"{JOBS}/{job['job_id']}"))["job"]
        seconds = time.perf_counter() - began
        if status != "JOB_STATUS_COMPLETED":
            raise RuntimeError(f"{self._peer.name}: {status} {job['state'].get('error_message', '')}")
        prompt = await self._text_of(job.get("optimized_prompt_uri") or self._made["source_prompt_uri"])
        return Served(seconds, self.model.requests - before, self._script.true_score(prompt))

    async def _text_of(self, uri: str) -> str:
        name, version = uri.removeprefix("prompts:/").split("/")
        path = f"/api/2.0/mlflow/model-versions/get?name={name}&version={version}"
        tags = (await self._ask("GET", path))["model_version"]["tags"]
        return next(str(tag["value"]) for tag in tags if tag["key"] == "mlflow.prompt.text")

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        return await asyncio.to_thread(self._ask_now, method, path, body)

    def _ask_now(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._url + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)

    async def is_up(self) -> bool:
        try:
            await self._ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")
        except OSError:
            return False
        return True


@contextlib.asynccontextmanager
async def serving(peer: Peer, world: Planted) -> AsyncIterator[Server]:
    """Start the peer and the model it asks, and wait until both answer; both are ended afterwards."""
    script = PlantedModel(world)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "log"
        async with ScriptedServer(script) as model:
            port = _free_port()
            process = _start(peer, port, model.url, log)
            server = Server(peer, f"http://127.0.0.1:{port}", model, script)
            try:
                while not await server.is_up():
                    if process.poll() is not None:
                        raise RuntimeError(f"{peer.name} ended with {process.returncode}")
                    await asyncio.sleep(0.5)
                await server.set_up(world)
                yield server
            except Exception as error:
                error.add_note(log.read_text()[-3000:])
                raise
            finally:
                await asyncio.to_thread(_end, process)


def _start(peer: Peer, port: int, model_url: str, log: Path) -> subprocess.Popen[bytes]:
    command = [peer.python, *(argument.format(port=port) for argument in peer.command)]
    environment = _environment(peer, model_url)
    with log.open("wb") as out:
        return subprocess.Popen(
            command, cwd=log.parent, env=environment, stdout=out, stderr=out, start_new_session=True
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """The server and all the processes it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        os.killpg(process.pid, signal.SIGKILL)


def _environment(peer: Peer, model_url: str) -> dict[str, str]:
    ours = ("BURNISH_", "MLFLOW_", "OPENAI_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {
        "OPENAI_API_KEY": "not-a-key",
        "OPENAI_BASE_URL": f"{model_url}/v1",
        "OPENAI_API_BASE": f"{model_url}/v1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_GENAI_EVAL_MAX_WORKERS": "16",
        "PATH": f"{Path(peer.python).parent}:{os.environ['PATH']}",
    }
    if peer.engine:
        environment["MLFLOW_SERVER_JOB_EXECUTION_ENGINE"] = peer.engine
    return environment


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def time_jobs(peer: Peer, latencies: Sequence[float], jitter: float, seed: int = 0) -> list[Served]:
    """A warm server's jobs of the usual budget, one for each latency (seconds)."""
    async with serving(peer, Planted(seed=seed)) as server:
        await server.job(WARM_UP, seed + 1)
        served = []
        for latency in latencies:
            server.model.faults = Faults(
                latency_seconds=latency * (1 - jitter), jitter_seconds=2 * jitter * latency
            )
            served.append(await server.job(BUDGET, seed))
        return served
