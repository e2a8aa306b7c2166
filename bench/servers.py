"""Burnish's server and MLflow's own, with real jobs on one scripted model server on loopback.

The task is the planted one (``planted_insight.py``). MLflow's job validates on the very records that it
learns from, so it gets the 30 validation examples; Burnish gets the 60 training examples besides, and no
test split, which MLflow has not either.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import peers
from bench.planted_insight import SOURCE, TRAIN, VALIDATION, Planted
from burnish.domain.dataset import Example
from burnish.llm.protocol import Request
from burnish.llm.testing.scripted_server import ScriptedServer
from tests.chaos.processes import free_port

JOBS = "/api/3.0/mlflow/prompt-optimization/jobs"
WAITING, RUNNING = "JOB_STATUS_PENDING", "JOB_STATUS_IN_PROGRESS"
TEST = 500
TIMEOUT_SECONDS = 600.0
WARM_UP = 2 * VALIDATION + 12
"""Budget of a job that only loads what jobs need."""

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
class Finished:
    """A job that has completed.

    Attributes:
        seconds: from the request that creates it until it is seen to be COMPLETED.
        first_call_seconds: from that request to the first one its model was asked.
        calls: requests that its models were asked.
        repeated: of those that were answered, how many had been answered before.
        score: the true score of the prompt it registered, or of the source where it registered none.
    """

    seconds: float
    first_call_seconds: float
    calls: int
    repeated: int
    score: float


class PlantedModel:
    """The target and the reflection model as a script of the model server.

    Attributes:
        asked_at: monotonic time of the first request since it was last set to ``None``.
    """

    def __init__(self, world: Planted) -> None:
        self._world = world
        parts = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
        self._examples: dict[str, Example] = {
            str(example.inputs["question"]): example
            for part, count in parts.items()
            for example in world.examples(count, part)
        }
        self.asked_at: float | None = None

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


class WatchedModelServer(ScriptedServer):
    """Notes when the first request comes, before it waits as long as a model would."""

    first_at: float | None = None

    async def _answer(self, http: Any) -> Any:
        if self.first_at is None:
            self.first_at = time.perf_counter()
        return await super()._answer(http)


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


def burnish(workers: int | None = None) -> Peer:
    """
    Args:
        workers: jobs at a time, where it is not the default.
    """
    command: tuple[str, ...] = (
        "-m",
        "burnish.cli.main",
        "server",
        "--port",
        "{port}",
        "--log-format",
        "json",
    )
    if workers is not None:
        command += ("--workers", str(workers))
    return Peer(name="Burnish", python=sys.executable, command=command, is_burnish=True)


def mlflow(engine: str = "") -> Peer:
    command: tuple[str, ...] = ("-m", "mlflow", "server", "--backend-store-uri", "sqlite:///mlflow.db")
    command += ("--port", "{port}")
    command += ("--no-serve-artifacts", "--default-artifact-root", "artifacts")  # the executor wants files
    command += ("--workers", "1")  # of several, the one that imports for its first job is ended as hung
    return Peer(name=f"MLflow, {engine or 'Huey'}", python=peers.python(), command=command, engine=engine)


class Server:
    """A server with its prompt and data set. It can be killed and begun again.

    Attributes:
        folder: with its databases.
        pid: of its first process.
    """

    def __init__(self, peer: Peer, world: Planted, model: WatchedModelServer, folder: Path) -> None:
        self.peer = peer
        self.model = model
        self._world = world
        self._script = PlantedModel(world)
        model.script = self._script
        self.folder = folder
        self.port = free_port()
        self._url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._made: dict[str, str] = {}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Until it answers.

        Raises:
            RuntimeError: it ended at once.
        """
        command = [self.peer.python, *(part.format(port=self.port) for part in self.peer.command)]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: ASYNC220
                command,
                cwd=self._log.parent,
                env=_environment(self.peer, self.model.url),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        while not await self._is_up():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.peer.name} ended with {self._process.returncode}")
            await asyncio.sleep(0.1)

    def kill(self) -> None:
        """``kill -9`` of the server and all the processes it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """With a moment to tidy up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                assert self._process is not None
                self._process.wait(20)
        self.kill()

    def log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    async def set_up(self) -> None:
        """Register prompt and data."""
        parts = (("train", TRAIN), ("validation", VALIDATION))
        examples = [example for part, count in parts for example in self._world.examples(count, part)]
        if not self.peer.is_burnish:
            examples = examples[TRAIN:]
        records = [
            {"inputs": dict(e.inputs), "expectations": {"expected_response": "right"}} for e in examples
        ]
        given = {"source": SOURCE, "records": records, "regex": not self.peer.is_burnish}
        done = await asyncio.to_thread(
            subprocess.run,
            [self.peer.python, "-c", SET_UP, self._url],
            input=json.dumps(given),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        self._made = json.loads(done.stdout.splitlines()[-1])

    async def submit(self, budget: int, seed: int = 0) -> str:
        """Create a job. Returns its id."""
        body = {"experiment_id": "0", "source_prompt_uri": self._made["source_prompt_uri"]}
        config = self.peer.config(budget, seed) | {"dataset_id": self._made["dataset_id"]}
        return str((await self.ask("POST", JOBS, body | {"config": config}))["job"]["job_id"])

    async def until_completed(self, job_id: str) -> dict[str, Any]:
        """Poll it, as a user would.

        Raises:
            RuntimeError: it ended otherwise, or not in ten minutes.
        """
        began = time.perf_counter()
        while True:
            job: dict[str, Any] = (await self.ask("GET", f"{JOBS}/{job_id}"))["job"]
            status = job["state"]["status"]
            if status == "JOB_STATUS_COMPLETED":
                return job
            if status not in (WAITING, RUNNING):
                raise RuntimeError(f"{self.peer.name}: {status} {job['state'].get('error_message', '')}")
            if time.perf_counter() - began > TIMEOUT_SECONDS:
                raise RuntimeError(f"{self.peer.name}: not done after {TIMEOUT_SECONDS:g} s")
            await asyncio.sleep(0.1)

    async def until_running(self, job_id: str) -> None:
        """
        Raises:
            RuntimeError: it ended instead.
        """
        while (status := await self._status(job_id)) != RUNNING:
            if status != WAITING:
                raise RuntimeError(f"{self.peer.name}: {status}")
            await asyncio.sleep(0.2)

    async def _status(self, job_id: str) -> str:
        return str((await self.ask("GET", f"{JOBS}/{job_id}"))["job"]["state"]["status"])

    async def job(self, budget: int, seed: int = 0) -> Finished:
        """One from creation to completion, alone."""
        count = Count(self.model)
        job = await self.until_completed(await self.submit(budget, seed))
        return await self.finished(job, count)

    async def finished(self, job: dict[str, Any], count: Count) -> Finished:
        """What a completed job has cost since the count began, and what its prompt is worth."""
        seconds = time.perf_counter() - count.began
        prompt = await self._text_of(job.get("optimized_prompt_uri") or self._made["source_prompt_uri"])
        return Finished(
            seconds,
            (self.model.first_at or 0.0) - count.began,
            self.model.requests - count.requests,
            self.model.stats["repeated"] - count.repeated,
            self._script.true_score(prompt),
        )

    async def _text_of(self, uri: str) -> str:
        name, version = uri.removeprefix("prompts:/").split("/")
        path = f"/api/2.0/mlflow/model-versions/get?name={name}&version={version}"
        tags = (await self.ask("GET", path))["model_version"]["tags"]
        return next(str(tag["value"]) for tag in tags if tag["key"] == "mlflow.prompt.text")

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        return await asyncio.to_thread(self._ask_now, method, path, body)

    def _ask_now(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._url + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)

    async def _is_up(self) -> bool:
        try:
            await self.ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")
        except OSError:
            return False
        return True


class Count:
    """Where the model server's counts and the clock stood when something began."""

    def __init__(self, model: WatchedModelServer) -> None:
        model.first_at = None
        self.requests = model.requests
        self.repeated: int = model.stats["repeated"]
        self.began = time.perf_counter()


@contextlib.asynccontextmanager
async def serving(peer: Peer, world: Planted | None = None) -> AsyncIterator[Server]:
    """Start the peer and the model it asks, and wait until both answer; both are ended afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        model = WatchedModelServer(lambda _: "")
        async with model:
            server = Server(peer, world or Planted(seed=0), model, Path(folder))
            try:
                await server.start()
                await server.set_up()
                yield server
            except Exception as error:
                error.add_note(server.log_tail())
                raise
            finally:
                await asyncio.to_thread(server.stop)


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
