"""What was named at submission is what runs, through every crash and whatever becomes of it in MLflow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from burnish.dispatch.embedded import EmbeddedDispatcher
from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.job import JobStatus
from burnish.domain.prompt import Prompt
from burnish.domain.records import Idempotency
from burnish.evaluation.scorers.registry import make_scorers
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.registry import Registry
from burnish.llm.testing.scripted import ScriptedProvider
from burnish.optimizers.registry import complete_settings, make_optimizer
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolver
from burnish.service.jobs import Jobs
from burnish.store.sql import contents
from burnish.tracking.memory import FakeTracker, FakeVersion
from tests.worker.harness import EXPERIMENT, Result, WorkerHarness, WorkerProcess
from tests.worker.test_resume import assert_same

STEPS = 22  # calls of store and tracker, each twice, before the first answer of the model and a little behind
Spoil = Callable[[WorkerHarness], None]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    harness.tracker.set_alias("p", "prod", 1)
    yield harness
    await harness.close()


def move_alias(harness: WorkerHarness) -> None:
    harness.tracker.ensure_prompt(Prompt(name="p", template="Newer: {{review}}"))
    harness.tracker.set_alias("p", "prod", 2)


def rewrite_prompt(harness: WorkerHarness) -> None:
    versions = harness.tracker.versions["p"]
    versions[0] = FakeVersion(replace(versions[0].prompt, template="Rewritten: {{text}}"))


def delete_prompt(harness: WorkerHarness) -> None:
    harness.tracker.versions.pop("p")
    harness.tracker.aliases.clear()


def grow_dataset(harness: WorkerHarness) -> None:
    dataset_id = str(harness.dataset.dataset_id)
    more = [({"review": f"Film {n}: great fun."}, {"expected_response": "positive"}) for n in range(90)]
    known = [(dict(e.inputs), dict(e.expectations)) for e in harness.dataset.examples]
    harness.tracker.datasets[dataset_id] = Dataset.of(more + known, "d", dataset_id)


def delete_dataset(harness: WorkerHarness) -> None:
    harness.tracker.datasets.clear()


def rewrite_judge(harness: WorkerHarness) -> None:
    from tests.evaluation.test_judges import made_judge

    harness.tracker.scorers[EXPERIMENT, "polite"] = made_judge(
        instructions="Other {{ outputs }}"
    ).model_dump()


def delete_judge(harness: WorkerHarness) -> None:
    harness.tracker.scorers.clear()


def spoil_everything(harness: WorkerHarness) -> None:
    delete_prompt(harness)
    delete_dataset(harness)
    delete_judge(harness)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The same job where nothing changes and nobody dies."""

    async def run() -> Result:
        harness = WorkerHarness(tmp_path_factory.mktemp("undisturbed"))
        harness.tracker.set_alias("p", "prod", 1)
        await harness.submit(source_prompt_uris=("prompts:/p@prod",))
        process = WorkerProcess(harness, heartbeat_seconds=3600.0)
        steps = process.before = process.after = DiesAtStep(0, process.die)
        await process.run()
        result = (await harness.result()).check()
        await harness.close()
        assert result.job.status is JobStatus.COMPLETED
        assert "candidates" in steps.passed[:STEPS], "STEPS do not reach the search"
        return result

    return asyncio.run(run())


class DiesAtStep(dict[str, Any]):
    """Hooks of a :class:`KillableProxy` that kill the process at its n-th step. A step is what lies between
    two calls of the store or the tracker; heartbeats, which come when they like, are none."""

    def __init__(self, step: int, die: Callable[[], None]) -> None:
        super().__init__()
        self.step, self.die = step, die
        self.passed: list[str] = []

    def get(self, name: str, default: Any = None) -> Any:
        if name not in ("report", "journal_write"):
            self.passed.append(name)
            if len(self.passed) == self.step:
                self.die()
        return default


@pytest.mark.parametrize("step", range(1, STEPS + 1))
async def test_killed_between_any_two_steps_of_its_first_attempt(
    step: int, harness: WorkerHarness, undisturbed: Result
) -> None:
    await harness.submit(source_prompt_uris=("prompts:/p@prod",))
    killed = WorkerProcess(harness, heartbeat_seconds=3600.0)
    killed.before = killed.after = DiesAtStep(step, killed.die)
    await killed.run()
    assert not killed.alive
    paid = (await harness.result()).journal
    spoil_everything(harness)
    process = WorkerProcess(harness)
    await process.run(reason="recovered at start")
    result = await result_of(harness)
    assert_same(result, undisturbed)
    assert result.job.source_prompt_uri == "prompts:/p/1"
    assert not set(process.asked) & set(paid), "finished calls were asked again"


async def result_of(harness: WorkerHarness, job_id: str = "job") -> Result:
    harness.tracker.versions.setdefault("p", [])
    return await harness.result(job_id)


@pytest.mark.parametrize(
    "spoil", [move_alias, rewrite_prompt, delete_prompt, grow_dataset, delete_dataset, spoil_everything]
)
@pytest.mark.parametrize("call", [1, 20])
async def test_killed_while_it_works_and_something_has_changed(
    spoil: Spoil, call: int, harness: WorkerHarness, undisturbed: Result
) -> None:
    await harness.submit(source_prompt_uris=("prompts:/p@prod",))
    killed = WorkerProcess(harness, dies_at_call=call)
    await killed.run()
    paid = (await harness.result()).journal
    spoil(harness)
    process = WorkerProcess(harness)
    await process.run(reason="recovered at start")
    assert_same(await result_of(harness), undisturbed)
    assert not set(process.asked) & set(paid), "finished calls were asked again"


# --- a judge of the registry


async def answer(request: Request) -> Response:
    """The judge is content with every answer that has one word."""
    if request.model == "scripted:/judge":
        text = request.messages[-1].content
        verdict = json.dumps({"result": "Film" not in text[-40:], "rationale": "so"})
        return Response(text=verdict, finish_reason="stop", prompt_tokens=9, completion_tokens=3)
    return await ScriptedProvider().complete(request, "sentiment", 60.0)


@pytest.mark.parametrize("spoil", [rewrite_judge, delete_judge])
async def test_a_registered_judge_is_the_one_of_the_submission(spoil: Spoil, harness: WorkerHarness) -> None:
    from tests.evaluation.test_judges import made_judge

    kept = json.loads(json.dumps(made_judge(model="scripted:/judge").model_dump()))
    harness.tracker.scorers[EXPERIMENT, "polite"] = kept
    changes: dict[str, Any] = {"scorers": ("exact_match", "polite"), "budget": Budget(max_calls=1000)}
    await harness.submit("whole", **changes)
    await harness.submit("job", **changes)
    await WorkerProcess(harness, answer=answer).run("whole")
    killed = WorkerProcess(harness, answer=answer, dies_at_call=30)
    await killed.run()
    paid = (await harness.result()).journal
    spoil(harness)
    process = WorkerProcess(harness, answer=answer)
    await process.run(reason="recovered at start")
    result, whole = await harness.result(), await harness.result("whole")
    assert result.job.status is JobStatus.COMPLETED, result.job.error_message
    assert result.journal == whole.journal
    assert result.job.final_eval_scores == whole.job.final_eval_scores
    assert result.job.inputs is not None
    assert result.job.inputs.judge_models == ("scripted:/judge",)
    assert not set(process.asked) & set(paid), "finished calls were asked again"


# --- submission


class Killed(BaseException):
    """``kill -9`` of the process that takes a request in."""


class DyingServer:
    """Takes requests in, until it dies at its n-th step: before or behind a look at MLflow, before a
    transaction, before its commit, or behind it."""

    def __init__(self, harness: WorkerHarness, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.step, self.passed = step, 0
        database: Any = harness.store._database
        transaction = database._transaction

        def dying(engine: Any, work: Callable[[Any], Any]) -> Any:
            def and_then(connection: Any) -> Any:
                found = work(connection)
                self.pass_step()
                return found

            self.pass_step()
            found = transaction(engine, and_then)
            self.pass_step()
            return found

        self._patch = monkeypatch
        monkeypatch.setattr(database, "_transaction", dying)
        tracker: Any = DyingTracker(harness.tracker, self)
        planner = Planner(make_scorers, make_optimizer)
        registry = Registry(providers={"scripted": ScriptedProvider()})
        resolver = Resolver(tracker, registry, planner, complete_settings)
        self.jobs = Jobs(harness.store, tracker, resolver, EmbeddedDispatcher(harness.store.unfinished))

    def pass_step(self) -> None:
        self.passed += 1
        if self.step and self.passed >= self.step:
            raise Killed


class DyingTracker:
    """Passes every call on, until the server has died."""

    def __init__(self, real: FakeTracker, server: DyingServer) -> None:
        self._real, self._server = real, server

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._server.pass_step()
            result = found(*arguments, **named)
            self._server.pass_step()
            return result

        return call


async def test_killed_between_any_two_steps_of_submission(
    tmp_path: Path, undisturbed: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_MOST_BYTES", 1)  # the records are written in transactions of their own
    monkeypatch.setattr("burnish.store.contents._CHUNK_CHARACTERS", 500)
    step, complete = 0, False
    ends = set()
    while not complete:
        step += 1
        (folder := tmp_path / str(step)).mkdir()
        harness = WorkerHarness(folder)
        harness.tracker.set_alias("p", "prod", 1)
        with monkeypatch.context() as patch:
            complete = await submit(DyingServer(harness, step, patch), harness)
        before = await harness.store.unfinished()
        if not before:  # nothing is to be seen of it: who asked asks again
            with monkeypatch.context() as patch:
                assert await submit(DyingServer(harness, 0, patch), harness)
        spoil_everything(harness)
        with monkeypatch.context() as patch:  # a retry, whatever has become of what it names
            assert await submit(DyingServer(harness, 0, patch), harness)
        (job_id,) = await harness.store.unfinished()
        ends.add(bool(before))
        if step % 5 == 0 or complete:
            await WorkerProcess(harness).run(job_id)
            assert_came_out_as(await result_of(harness, job_id), undisturbed)
        assert await harness.store.prune_contents(2**62) in (0, 1)
        assert await harness.store.prune_contents(2**62) == 0
        assert len(await harness.store.examples(job_id)) == 24
        await harness.store.delete(job_id)
        await harness.close()
    assert step > 20
    assert ends == {True, False}


async def submit(server: DyingServer, harness: WorkerHarness) -> bool:
    """Whether the server lived to answer."""
    config = harness.config(source_prompt_uris=("prompts:/p@prod",))
    try:
        await server.jobs.submit(EXPERIMENT, config, {}, Idempotency(key="k", body_digest="b"))
    except Killed:
        return False
    return True


def assert_came_out_as(result: Result, expected: Result) -> None:
    """Of a job with another id."""
    assert result.job.status is expected.job.status
    assert result.candidates == expected.candidates
    for name in ("stop_reason", "best_candidate_id", "final_eval_scores", "test_scores", "verdict"):
        assert getattr(result.job, name) == getattr(expected.job, name), name
