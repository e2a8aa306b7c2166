"""A whole installation of Burnish on loopback: model, MLflow, store, server, workers. And jobs in it."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.job import Job
from burnish.domain.prompt import Prompt
from burnish.errors import TrackingUnavailable
from burnish.sdk.client import AsyncClient
from burnish.store.sql import SqlJobStore
from tests.chaos.processes import CLOCK, Child, ModelServer, free_port
from tests.killable_postgres import KillablePostgres

PROMPT = "What is the sentiment of this review?\n\n{{review}}"
WORDS = {"positive": "great fun, charming", "negative": "dull mess, boring"}
RECORDS = 24
MAX_CALLS = 160
CONCURRENCY = 4
CALL_TIMEOUT_SECONDS = 3.0
TAKEOVER_SECONDS = 3.0
_DYING = Path(__file__).parent / "dying.py"


@dataclass
class Batch:
    """Jobs that live through one fault.

    Attributes:
        canceled, deleted: ids of those that were, on purpose; ``*_at``: wall clock then.
        ended_at: id → wall clock at which it was first seen to be over.
        problems, late: what the fault itself saw that must not be; and what came, but not in time.
    """

    job_ids: list[str] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    canceled: dict[str, float] = field(default_factory=dict)
    deleted: dict[str, float] = field(default_factory=dict)
    ended_at: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


class Deployment:
    """One installation.

    Attributes:
        metrics_urls: child's name → where it says what it does.

    Args:
        postgres: workers on PostgreSQL beside a server that only answers; else one server on SQLite.
        latency_ms: of the model.
        seed: of every random choice.
        takeover_seconds: of the workers; ``None``: their default.
        dying: server and workers kill themselves at the step that ``step_file`` names, see ``dying.py``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        postgres: bool,
        latency_ms: float = 40.0,
        seed: int = 0,
        tracking_server: bool = False,
        worker_concurrency: int = 6,
        takeover_seconds: float | None = TAKEOVER_SECONDS,
        dying: bool = False,
    ) -> None:
        self.folder = folder
        self.step_file = folder / "step"
        self._program = [str(_DYING)] if dying else ["-m", "burnish.cli.main"]
        self.draw = random.Random(seed)
        self.postgres = KillablePostgres() if postgres else None
        self.store_uri = self.postgres.uri if self.postgres else f"sqlite:///{folder / 'burnish.db'}"
        self.mlflow_file = folder / "mlflow.db"
        self.clock_file = folder / "clock"
        self.model = ModelServer(folder, latency_ms, with_judge=dying)
        self.tracking: Child | None = None
        self.tracking_uri = f"sqlite:///{self.mlflow_file}"
        if tracking_server:
            self.tracking = self._make_tracking_server()
        self.port = free_port()
        self.metrics_urls = {"server": f"{self.url}/metrics"}
        self.server = self._make_server()
        self._worker_concurrency = worker_concurrency
        self._takeover_seconds = takeover_seconds
        self.workers = (
            [self.make_worker(number) for number in ((1,) if dying else (1, 2))] if postgres else []
        )
        self.store: Any = None
        self.tracker: Any = None
        self._numbers = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def children(self) -> list[Child]:
        return [self.server, *self.workers]

    async def __aenter__(self) -> Deployment:
        try:
            await self.model.start()
            if self.tracking is not None:
                await self.tracking.start(wait=False)
            await asyncio.to_thread(self._fill_mlflow)
            self.store = await asyncio.to_thread(SqlJobStore, self.store_uri)
            await asyncio.gather(*(child.start() for child in self.children))
            await self.until_healthy()
        except BaseException:
            await self._shut_down()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._shut_down()

    async def _shut_down(self) -> None:
        for child in [*self.children, self.model, *([self.tracking] if self.tracking else [])]:
            if child.alive:
                child.kill()
        if self.store is not None:
            await self.store.close()
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.close)

    # --- jobs

    async def submit(self, count: int, batch: Batch | None = None, **changes: Any) -> Batch:
        """Create jobs over HTTP; each has a model of its own name, which tells its requests apart."""
        batch = batch or Batch()
        async with AsyncClient(self.url) as client:
            for _ in range(count):
                self._numbers += 1
                model = f"job-{self._numbers:04d}"
                fields: dict[str, Any] = {
                    "dataset_id": self.dataset_id,
                    "scorers": ["exact_match"],
                    "optimizer_type": "JOINT_SEARCH",
                    "model": f"openai:/{model}",
                    "budget": Budget(max_calls=MAX_CALLS),
                    "concurrency": CONCURRENCY,
                    "max_output_tokens": 16,
                    "register": "always",  # so that a job has every effect
                    "call_timeout_seconds": CALL_TIMEOUT_SECONDS,
                }
                job = await client.create_job(
                    self.prompt_uri, experiment_id=self.experiment_id, **(fields | changes)
                )
                batch.job_ids.append(job.job_id)
                batch.models[job.job_id] = model
        return batch

    async def cancel(self, job_id: str, batch: Batch) -> None:
        """Over HTTP; one that is over by now stays as it is."""
        batch.canceled.setdefault(job_id, time.time())
        await self._call("POST", f"{job_id}/cancel")

    async def delete(self, job_id: str, batch: Batch) -> None:
        status = await self._call("DELETE", job_id)
        if status != 200:
            batch.problems.append(f"delete of {job_id} answered {status}")
        batch.deleted[job_id] = time.time()

    async def jobs(self, batch: Batch) -> list[Job]:
        """Those that are not deleted."""
        return [await self.store.get(i) for i in batch.job_ids if i not in batch.deleted]

    async def until_running(self, batch: Batch, calls: int = 5, timeout_seconds: float = 60.0) -> None:
        """Until some of them run and the model has been asked so often for them."""
        models = set(batch.models.values())

        def busy() -> bool:
            return sum(request["model"] in models for request in self.model.requests()) >= calls

        await self.until(busy, timeout_seconds)

    async def until_over(self, batch: Batch, timeout_seconds: float) -> list[Job]:
        """Until all are terminal, or the time is over. Returns those that are not."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            waiting = []
            for job in await self.jobs(batch):
                if not job.status.terminal:
                    waiting.append(job)
                else:
                    batch.ended_at.setdefault(job.job_id, time.time())
            if not waiting or time.monotonic() > deadline:
                return waiting
            await asyncio.sleep(0.1)

    async def until(self, condition: Callable[[], bool], timeout_seconds: float = 60.0) -> None:
        async with asyncio.timeout(timeout_seconds):
            while not condition():  # noqa: ASYNC110 - the condition is the state of other processes
                await asyncio.sleep(0.05)

    async def pause(self, least_seconds: float, most_seconds: float) -> None:
        """A moment that nobody can foresee."""
        await asyncio.sleep(self.draw.uniform(least_seconds, most_seconds))

    async def until_healthy(self, timeout_seconds: float = 90.0) -> None:
        import aiohttp

        async with asyncio.timeout(timeout_seconds), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{self.url}/health") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                if not self.server.alive:
                    raise RuntimeError(f"the server ended: {self.server.said()[-2000:]}")
                await asyncio.sleep(0.1)

    async def tracking_answers(self) -> bool:
        """Whether MLflow's server is there."""
        import aiohttp

        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.tracking_uri}/health"):
                return True
        except aiohttp.ClientError:
            return False

    async def revive(self) -> None:
        """Start again whatever is dead."""
        await asyncio.gather(*(child.start() for child in self.children if not child.alive))
        await self.until_healthy()

    # --- processes

    def make_worker(self, number: int, under_supervisor: bool = False) -> Child:
        name = f"worker{number}"
        command = self._burnish("worker", "--concurrency", str(self._worker_concurrency))
        command += ["--metrics-port", str(port := free_port())]
        if self._takeover_seconds is not None:
            command += ["--takeover-seconds", str(self._takeover_seconds)]
        self.metrics_urls[name] = f"http://127.0.0.1:{port}/metrics"
        return Child(
            name,
            command,
            self.folder,
            self._environment(name),
            ready="burnish worker",
            under_supervisor=under_supervisor,
        )

    async def put_under_supervisor(self, under: bool = True) -> Child:
        """Begin the first process that works on jobs again, as another's child or on its own."""
        before = self.workers[0] if self.workers else self.server
        if before.alive:
            await before.stop()
        if self.workers:
            child = self.workers[0] = self.make_worker(1, under)
        else:
            child = self.server = self._make_server(under)
        await child.start()
        await self.until_healthy()
        return child

    def make_second_server(self, workers: int) -> Child:
        """A server on the same store and another port."""
        command = self._burnish("server", "--port", str(free_port()), "--workers", str(workers))
        return Child("server2", command, self.folder, self._environment("server2"), ready="burnish server")

    def _make_server(self, under_supervisor: bool = False) -> Child:
        workers = 0 if self.postgres else 6
        command = self._burnish("server", "--port", str(self.port), "--workers", str(workers))
        return Child(
            "server",
            command,
            self.folder,
            self._environment("server"),
            ready="burnish server",
            under_supervisor=under_supervisor,
        )

    def _make_tracking_server(self) -> Child:
        port = free_port()
        backend, self.tracking_uri = self.tracking_uri, f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", backend]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        return Child("mlflow", command, self.folder, environment, has_children=True)

    def _burnish(self, *arguments: str) -> list[str]:
        command = [sys.executable, *self._program, *arguments, "--log-format", "json"]
        return [*command, "--store-uri", self.store_uri, "--tracking-uri", self.tracking_uri]

    def _environment(self, name: str) -> dict[str, str]:
        return {
            "OPENAI_BASE_URL": f"{self.model.url}/{name}/v1",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(CLOCK), os.environ.get("PYTHONPATH")))),
            "CHAOS_CLOCK_FILE": str(self.clock_file),
            "CHAOS_STEP_FILE": str(self.step_file),
        }

    # --- inside

    def _fill_mlflow(self) -> None:
        from burnish.tracking.mlflow import MlflowTracker

        self.tracker = tracker = MlflowTracker(self.tracking_uri)
        deadline = time.monotonic() + 120
        while True:
            try:
                self.experiment_id = tracker.ensure_experiment("chaos")
                break
            except TrackingUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        self.prompt_uri = str(tracker.ensure_prompt(Prompt(name="chaos", template=PROMPT)).uri)
        pairs = [
            ({"review": f"Film {number}: {words}."}, {"expected_response": label})
            for number in range(RECORDS // 2)
            for label, words in WORDS.items()
        ]
        self.dataset_id = tracker.ensure_dataset(Dataset.of(pairs, "chaos"), self.experiment_id).dataset_id

    async def _call(self, method: str, path: str) -> int:
        """A request that is repeated while the server is away."""
        import aiohttp

        base = f"{self.url}/api/3.0/mlflow/prompt-optimization/jobs"
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.request(method, f"{base}/{path}") as answer:
                        if answer.status < 500:
                            return answer.status
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.2)
