"""A job that waits for a retry holds nothing: no place, no thread, no heartbeat."""

from __future__ import annotations

import asyncio
from pathlib import Path

from burnish.concurrency import eventually
from burnish.dispatch.embedded import EmbeddedDispatcher
from burnish.dispatch.testing import working
from burnish.domain.job import JobStatus
from burnish.llm.protocol import Request, Response
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.scripted import ScriptedProvider
from tests.worker.harness import WorkerHarness, WorkerProcess


async def test_a_job_that_waits_for_a_retry_lets_the_next_one_run(tmp_path: Path) -> None:
    harness = WorkerHarness(tmp_path)
    healthy, broken = ScriptedProvider(), ScriptedProvider(faults=Faults(shares={"503": 1.0}))
    delays: list[float] = []
    over = asyncio.Event()

    async def answer(request: Request) -> Response:
        provider = broken if request.model.endswith("broken") else healthy
        return await provider.complete(request, "sentiment", 60.0)

    async def sleep(seconds: float) -> None:
        delays.append(seconds)
        await over.wait()

    process = WorkerProcess(harness, answer=answer)
    dispatcher = EmbeddedDispatcher(harness.store.unfinished, sleep=sleep)
    await harness.submit("waiting", model="scripted:/broken")
    async with working(dispatcher, process.runner, concurrency=1):
        await eventually(lambda: len(delays) == 1)
        await harness.submit("healthy")
        dispatcher.announce("healthy")
        async with asyncio.timeout(60):
            while not (await harness.store.get("healthy")).status.terminal:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        waiting = await harness.store.get("waiting")
        assert (waiting.status, waiting.retries) == (JobStatus.PENDING, 1)
        assert "will retry" in str(waiting.status_message)
        assert await harness.store.heartbeats() == ()
        assert delays == [1.0]

        broken.faults = Faults()
        over.set()
        async with asyncio.timeout(60):
            while not (await harness.store.get("waiting")).status.terminal:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    await process.gateway.close()
    result = (await harness.result("waiting")).check()
    assert (result.job.status, result.job.attempt) == (JobStatus.COMPLETED, 2)
    assert (await harness.store.get("healthy")).status is JobStatus.COMPLETED
    await harness.close()
