"""What every dispatcher promises, as tests. Subclass and give it a way to make one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from burnish.dispatch.protocol import Dispatcher, RunJob


class Bench(Protocol):
    """A dispatcher on a store that is real enough to hold hand-overs.

    ``submit`` makes an unfinished job and hands it over; ``finish`` makes it terminal.
    """

    dispatcher: Dispatcher

    async def submit(self, job_id: str, priority: int = 0) -> None: ...
    def finish(self, job_id: str) -> None: ...


async def eventually(condition: Callable[[], bool], timeout_seconds: float = 10.0) -> None:
    """Wait on real work of other tasks and processes; fails loudly when it never comes."""
    async with asyncio.timeout(timeout_seconds):
        while not condition():  # noqa: ASYNC110 - the condition is the state of others
            await asyncio.sleep(0.005)


@asynccontextmanager
async def working(dispatcher: Dispatcher, run: RunJob, concurrency: int = 4) -> AsyncIterator[None]:
    """The dispatcher at work; stopped in the end."""
    task = asyncio.create_task(dispatcher.work(run, concurrency))
    try:
        yield
    finally:
        await dispatcher.stop(grace_seconds=0.5)
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 10)


class DispatcherContract:
    """Override :meth:`bench`; every call gives another dispatcher on the same jobs."""

    def bench(self) -> AbstractAsyncContextManager[Bench]:
        raise NotImplementedError

    async def test_a_submitted_job_is_run(self) -> None:
        async with self.bench() as bench:
            ran: list[str] = []

            async def run(job_id: str, reason: str) -> None:
                ran.append(job_id)
                bench.finish(job_id)

            async with working(bench.dispatcher, run):
                await bench.submit("a")
                await eventually(lambda: ran == ["a"])

    async def test_jobs_submitted_before_work_begins_are_run(self) -> None:
        async with self.bench() as bench:
            ran: set[str] = set()

            async def run(job_id: str, reason: str) -> None:
                ran.add(job_id)
                bench.finish(job_id)

            for name in "abc":
                await bench.submit(name)
            async with working(bench.dispatcher, run):
                await eventually(lambda: ran == {"a", "b", "c"})

    async def test_no_more_jobs_at_once_than_asked_for(self) -> None:
        async with self.bench() as bench:
            running, most, done = 0, 0, 0

            async def run(job_id: str, reason: str) -> None:
                nonlocal running, most, done
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.01)
                running -= 1
                done += 1
                bench.finish(job_id)

            async with working(bench.dispatcher, run, concurrency=2):
                for number in range(6):
                    await bench.submit(f"job-{number}")
                await eventually(lambda: done == 6)
            assert most == 2

    async def test_cancel_interrupts_the_running_job(self) -> None:
        async with self.bench() as bench:
            begun, interrupted = asyncio.Event(), asyncio.Event()

            async def run(job_id: str, reason: str) -> None:
                begun.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    bench.finish(job_id)
                    interrupted.set()

            async with working(bench.dispatcher, run):
                await bench.submit("a")
                await asyncio.wait_for(begun.wait(), 10)
                bench.dispatcher.announce_cancel("a")
                await asyncio.wait_for(interrupted.wait(), 10)

    async def test_a_failing_job_does_not_stop_its_neighbours(self) -> None:
        async with self.bench() as bench:
            done: set[str] = set()

            async def run(job_id: str, reason: str) -> None:
                bench.finish(job_id)
                if job_id == "slow":
                    await asyncio.sleep(0.05)
                done.add(job_id)

            async with working(bench.dispatcher, run):
                await bench.submit("slow")
                await bench.submit("b")
                await eventually(lambda: done == {"slow", "b"})

    async def test_stop_gives_running_jobs_back_and_returns(self) -> None:
        async with self.bench() as bench:
            begun = asyncio.Event()
            ended: list[str] = []

            async def run(job_id: str, reason: str) -> None:
                begun.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    ended.append(job_id)
                    raise

            async with working(bench.dispatcher, run):
                await bench.submit("a")
                await asyncio.wait_for(begun.wait(), 10)
            assert ended == ["a"]

    async def test_an_unfinished_job_is_handed_out_again_to_the_next_worker(self) -> None:
        async with self.bench() as first:
            begun = asyncio.Event()

            async def abandon(job_id: str, reason: str) -> None:
                begun.set()
                await asyncio.Event().wait()

            async with working(first.dispatcher, abandon):
                await first.submit("a")
                await asyncio.wait_for(begun.wait(), 10)
        async with self.bench() as second:
            again: list[str] = []

            async def run(job_id: str, reason: str) -> None:
                again.append(job_id)
                second.finish(job_id)

            async with working(second.dispatcher, run):
                await eventually(lambda: again == ["a"], timeout_seconds=20)
