"""For tests: services on a real SQLite store with tracking in memory, and a real server on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from starlette.types import ASGIApp

from burnish.api.app import create_app
from burnish.api.streams import Streams
from burnish.config import Settings
from burnish.dispatch.embedded import EmbeddedDispatcher
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Dataset
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.hashing import digest
from burnish.domain.job import JobStatus, OptimizerType, Progress, StopReason, TestScores, Verdict
from burnish.domain.prompt import Prompt
from burnish.domain.records import CandidateRecord, EvaluationRecord, Report
from burnish.domain.score import Evaluation, Score
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.errors import InvalidInput
from burnish.evaluation.scorers.registry import make_scorers
from burnish.llm.protocol import Parameters
from burnish.optimizers.protocol import CallEstimate, Optimizer
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolver
from burnish.service.catalog import JobCatalog
from burnish.service.datasets import Datasets
from burnish.service.demo import Demo
from burnish.service.earlier_jobs import KnownEarlierJobs
from burnish.service.jobs import Jobs
from burnish.service.prompts import Prompts
from burnish.store.sql import SqlJobStore
from burnish.tracking.earlier_jobs import EarlierJobs, FakeEarlierJobs
from burnish.tracking.memory import FakeTracker
from burnish.tracking.memory_catalog import FakeCatalog

T = TypeVar("T")

PROMPT = "What is the sentiment of this review? {{review}}"
REVIEWS = [({"review": f"review {n}"}, {"expected_response": "positive"}) for n in range(40)]


@dataclass(frozen=True, slots=True)
class FakeServices:
    """Real use cases and store; jobs are handed over to nobody, tests play the worker."""

    store: SqlJobStore
    tracker: FakeTracker
    dispatcher: EmbeddedDispatcher
    jobs: Jobs
    prompts: Prompts
    catalog: JobCatalog
    datasets: Datasets
    demo: Demo

    def source(self, template: str = PROMPT) -> str:
        """URI of a registered prompt with a model of its own."""
        made = self.tracker.ensure_prompt(
            Prompt(name="sentiment", template=template, model_config={"model_name": "small"})
        )
        return str(made.uri)

    def dataset(self) -> str:
        """Id of a dataset that fits the prompt."""
        return str(self.tracker.ensure_dataset(Dataset.of(REVIEWS, "reviews"), "0").dataset_id)

    def request(self, **changes: Any) -> dict[str, Any]:
        """The body of a create that MLflow's server takes too."""
        body: dict[str, Any] = {
            "experiment_id": "0",
            "source_prompt_uri": self.source(),
            "config": {
                "optimizer_type": "OPTIMIZER_TYPE_GEPA",
                "dataset_id": self.dataset(),
                "scorers": ["exact_match"],
                "optimizer_config_json": '{"reflection_model": "openai:/large", "max_metric_calls": 100}',
            },
            "tags": [{"key": "team", "value": "search"}],
        }
        return {**body, **changes}


@asynccontextmanager
async def fake_services(folder: Path, earlier_jobs: EarlierJobs | None = None) -> AsyncIterator[FakeServices]:
    """Open them over a new SQLite file in ``folder``."""
    store = await asyncio.to_thread(SqlJobStore, f"sqlite:///{folder / 'jobs.db'}")
    tracker, dispatcher = FakeTracker(), EmbeddedDispatcher(store.unfinished)
    planner = Planner(make_scorers, make_fake_optimizer)
    resolver = Resolver(tracker, FakeModels(), planner, lambda _, settings: dict(settings))
    earlier = KnownEarlierJobs(earlier_jobs or FakeEarlierJobs())
    jobs = Jobs(store, tracker, resolver, dispatcher, earlier, cancel_seconds=0.1)
    try:
        catalog = JobCatalog(FakeCatalog(tracker), {"OPENAI_API_KEY": "sk-secret"}, "openai:/large")
        yield FakeServices(
            store=store,
            tracker=tracker,
            dispatcher=dispatcher,
            jobs=jobs,
            prompts=Prompts(store, tracker),
            catalog=catalog,
            datasets=Datasets(tracker),
            demo=Demo(jobs, tracker),
        )
    finally:
        await store.close()


class FakeModels:
    """Every ``openai:/`` and ``local:/`` model exists; nothing but ``openai:/large`` has a price."""

    def resolve(
        self, uri: str | None, model_config: Mapping[str, Any], response_format: Mapping[str, Any] | None
    ) -> tuple[str, Parameters]:
        named = uri or (f"openai:/{model_config['model_name']}" if model_config else "")
        if not named.startswith(("openai:/", "local:/")):
            raise InvalidInput.of("model", named, "must be a model's URI, such as openai:/gpt-4o-mini")
        return named, Parameters()

    def price_known(self, uri: str) -> bool:
        return uri == "openai:/large"


class _FakeOptimizer:
    """Plans, and cannot run."""

    needs_reflection = False
    only_demonstrates = False

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        return CallEstimate(target_low=validation, target_high=max_calls or 10 * validation)

    async def optimize(self, *_: object) -> Any:
        raise NotImplementedError


def make_fake_optimizer(kind: OptimizerType, settings: Mapping[str, Any]) -> Optimizer:
    """Knows ``max_metric_calls`` and nothing else."""
    if unknown := sorted(set(settings) - {"max_metric_calls"}):
        raise InvalidInput.of("optimizer_config", ", ".join(unknown), "there is no such setting")
    return _FakeOptimizer()


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an application on loopback, on the running event loop. Gives its URL."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )  # asyncio forgets it for a given socket
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", ws="none"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.001)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@dataclass(slots=True)
class ServerElsewhere:
    """A server on an event loop of its own, for tests that block."""

    url: str
    services: FakeServices
    loop: asyncio.AbstractEventLoop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something on that loop, and wait for it here."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)


@contextmanager
def server_elsewhere(
    folder: Path, earlier_jobs: EarlierJobs | None = None, poll_seconds: float = 0.005
) -> Iterator[ServerElsewhere]:
    """Serve :func:`fake_services` in another thread, without MLflow behind."""
    started: Future[ServerElsewhere] = Future()
    stop = asyncio.Event()

    async def serve() -> None:
        async with fake_services(folder, earlier_jobs) as services:
            streams = Streams.of(services.store, poll_seconds)
            async with serving(create_app(services, Settings(), streams=streams)) as url:
                started.set_result(ServerElsewhere(url, services, asyncio.get_running_loop()))
                await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    server = started.result(60)
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(stop.set)
        thread.join(10)


async def play_job(services: FakeServices, job_id: str) -> None:
    """Do what a worker does with a job that goes well: two candidates, the second wins."""
    store = services.store
    job = await store.take(job_id, "worker-1")
    run_id = services.tracker.ensure_run(job)
    source = services.tracker.prompt(job.source_prompt_uri)
    texts = (source.template, "Answer positive or negative. {{review}}")
    candidates = [
        Candidate({source.name: texts[0]}, origin="source"),
        Candidate({source.name: texts[1]}, parents=(digest({source.name: texts[0]}),), origin="rewrite 1"),
    ]
    for number, candidate in enumerate(candidates):
        spent = UsageByRole({Role.TARGET: Usage(10, 100, 20, 1_000_000)})
        record = CandidateRecord(
            candidate=candidate,
            number=number,
            status=CandidateStatus.ACCEPTED if number else CandidateStatus.SOURCE,
            scores={"aggregate": 0.25 + number / 2, "exact_match": 0.25 + number / 2},
            usage=spent,
        )
        event = NewEvent(EventKind.CANDIDATE, {"candidate_id": candidate.candidate_id, "score": 0.25})
        await store.report(job_id, job.attempt, Report(candidates=[record], events=[event]))
        evaluations = [
            EvaluationRecord(
                evaluation=Evaluation(
                    candidate.candidate_id,
                    f"e{n:03}",
                    "positive",
                    {"exact_match": Score(float(number), "as expected" if number else "")},
                    float(number),
                    usage=Usage(1, 10, 2, 100_000),
                ),
                split="validation",
            )
            for n in range(10)
        ]
        await store.report(job_id, job.attempt, Report(evaluations=evaluations))
    winner = services.tracker.register_winner(job, source, texts[1])
    await store.update(
        job_id,
        job.attempt,
        {
            "status": JobStatus.COMPLETED,
            "run_id": run_id,
            "progress": Progress("test", 20, 20),
            "optimized_prompt_uris": (winner,),
            "best_candidate_id": candidates[1].candidate_id,
            "initial_eval_scores": {"aggregate": 0.25, "exact_match": 0.25},
            "final_eval_scores": {"aggregate": 0.75, "exact_match": 0.75},
            "test_scores": TestScores(0.2, 0.8, 0.6, 0.4, 0.8, 10),
            "verdict": Verdict.IMPROVED,
            "stop_reason": StopReason.FINISHED,
            "usage": UsageByRole({Role.TARGET: Usage(20, 200, 40, 2_000_000)}),
        },
        [NewEvent(EventKind.ENDED, {"status": "COMPLETED", "stop_reason": "FINISHED"})],
    )
