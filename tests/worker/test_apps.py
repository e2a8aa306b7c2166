"""A job whose target is an app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burnish.domain.app import App, AppRun, PromptUse
from burnish.domain.budget import Budget
from burnish.domain.job import JobStatus
from burnish.domain.prompt import render, text_of
from burnish.domain.usage import Role, Usage
from burnish.errors import InvalidInput
from burnish.llm.protocol import AppFailed, AppRequest, Request, Response
from burnish.llm.testing.scripted import ScriptedProvider
from tests.worker.harness import WorkerHarness, WorkerProcess

APP = App(function="shop.label")
USED = Usage(calls=2, prompt_tokens=40, completion_tokens=2, usd_nanos=100)


class Labels:
    """An app on the scripted model. ``dies_at``: the run, from 1, in which its process is killed."""

    def __init__(self, dies_at: int | None = None, fails_on: str = "") -> None:
        self.asked: list[str] = []
        self.answered: list[str] = []
        self.process: WorkerProcess | None = None
        self._dies_at, self._fails_on = dies_at, fails_on
        self._model = ScriptedProvider()

    async def run(self, request: AppRequest, timeout_seconds: float) -> Response:
        self.asked.append(request.digest)
        if self._dies_at == len(self.asked) and self.process is not None:
            self.process.die()
            await asyncio.sleep(10)
        if self._fails_on and self._fails_on in request.inputs["review"]:
            raise AppFailed(APP.uri, "ValueError: no such film", USED)
        (prompt,) = request.prompts.values()
        asked = Request(model="scripted:/sentiment", messages=render(prompt, request.inputs))
        answer = await self._model.complete(asked, "sentiment", 1.0)
        self.answered.append(request.digest)
        use = PromptUse("p", "llm", text_of(asked.messages), answer.text)
        return Response(text=answer.text, usage=USED, run=AppRun(trace_id="tr-1", uses=(use,)))


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()


async def run(harness: WorkerHarness, app: Labels, reason: str = "submitted") -> None:
    process = WorkerProcess(harness, app=app)
    app.process = process
    await process.run(reason=reason)


async def test_a_job_optimizes_an_app(harness: WorkerHarness) -> None:
    await harness.submit(app=APP, model=None)
    app = Labels()
    await run(harness, app)
    result = (await harness.result()).check()
    assert result.job.status is JobStatus.COMPLETED
    assert result.job.final_eval_scores["aggregate"] > result.job.initial_eval_scores["aggregate"]
    assert result.job.usage.roles[Role.TARGET].calls == 2 * len(app.asked)
    assert len(set(app.asked)) == len(app.asked)
    (record, *_) = await harness.store.evaluations("job", result.job.best_candidate_id or "")
    assert record.evaluation.run is not None
    assert record.evaluation.run.trace_id == "tr-1"


async def test_killed_half_way_it_pays_only_for_what_was_in_flight(
    harness: WorkerHarness, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = WorkerHarness(tmp_path_factory.mktemp("whole"))
    await whole.submit(app=APP, model=None)
    undisturbed = Labels()
    await run(whole, undisturbed)
    expected = await whole.result()
    await whole.close()

    await harness.submit(app=APP, model=None)
    first = Labels(dies_at=len(undisturbed.asked) // 2)
    await run(harness, first)
    finished = {entry.key.request_hash for entry in await harness.store.journal_read("job")}
    assert 0 < len(first.asked) - len(finished) <= 4  # what was in flight
    second = Labels()
    await run(harness, second, "the worker died")
    result = (await harness.result()).check()
    assert result.candidates == expected.candidates
    assert result.job.test_scores == expected.job.test_scores
    assert not set(second.asked) & finished
    assert set(first.asked) | set(second.asked) == set(undisturbed.asked)


async def test_a_run_that_fails_is_that_example_s_failure(harness: WorkerHarness) -> None:
    await harness.submit(app=APP, model=None)
    await run(harness, Labels(fails_on="Film 3:"))
    result = await harness.result()
    assert result.job.status is JobStatus.COMPLETED
    source = next(row for row in result.candidates if row[2] == "SOURCE")
    records = await harness.store.evaluations("job", source[1])
    failed = [r.evaluation for r in records if r.evaluation.error]
    assert all("ValueError: no such film" in str(evaluation.error) for evaluation in failed)
    assert all(evaluation.usage == USED for evaluation in failed)


async def test_a_worker_without_the_function_leaves_the_job_alone(harness: WorkerHarness) -> None:
    await harness.submit(app=APP, model=None)
    await WorkerProcess(harness).run()
    job = await harness.store.get("job")
    assert (job.status, job.attempt) == (JobStatus.PENDING, 0)


async def test_a_server_makes_no_job_for_a_function(harness: WorkerHarness) -> None:
    resolver = WorkerProcess(harness).runner._worker.resolver
    with pytest.raises(InvalidInput, match=r"config.app.function.*burnish.optimize_prompts"):
        await resolver.resolve("0", harness.config(app=APP))


async def test_calls_are_held_back_for_the_test_as_a_run_makes_them(harness: WorkerHarness) -> None:
    await harness.submit(app=APP, model=None, budget=Budget(max_calls=110))
    await run(harness, Labels())
    result = await harness.result()
    assert result.job.test_scores is not None
    assert result.job.test_scores.examples == 6
    assert result.job.usage.total.calls <= 110
