"""What every dispatcher promises, as tests. Subclass and give it a way to make one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from burnish.concurrency import eventually
from burnish.dispatch.protocol import Delivery, Dispatcher, Requeue, RunJob
from burnish.errors import ExperimentFull


class DispatcherHarness(Protocol):
    """A dispatcher on a store that is real enough to hold hand-overs.

    ``submit`` makes an unfinished job and hands it over; ``finish`` makes it terminal; ``resume`` hands a
    job over again that waits for its delay; ``advance`` lets delays of so many seconds be over.
    """

    @property
    def dispatcher(self) -> Dispatcher: ...

    async def submit(self, job_id: str, priority: int = 0) -> None: ...
    async def finish(self, job_id: str) -> None: ...
    async def resume(self, job_id: str) -> None: ...
    async def advance(self, seconds: float) -> None: ...


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
    """Override :meth:`harness`; every call gives another dispatcher on the same jobs."""

    def harness(self) -> AbstractAsyncContextManager[DispatcherHarness]:
        raise NotImplementedError

    async def test_a_submitted_job_is_run(self) -> None:
        async with self.harness() as harness:
            ran: list[str] = []

            async def run(delivery: Delivery) -> None:
                ran.append(delivery.job_id)
                await harness.finish(delivery.job_id)

            async with working(harness.dispatcher, run):
                await harness.submit("a")
                await eventually(lambda: ran == ["a"])

    async def test_jobs_submitted_before_work_begins_are_run(self) -> None:
        async with self.harness() as harness:
            ran: set[str] = set()

            async def run(delivery: Delivery) -> None:
                ran.add(delivery.job_id)
                await harness.finish(delivery.job_id)

            for name in "abc":
                await harness.submit(name)
            async with working(harness.dispatcher, run):
                await eventually(lambda: ran == {"a", "b", "c"})

    async def test_no_more_jobs_at_once_than_asked_for(self) -> None:
        async with self.harness() as harness:
            running, most, done = 0, 0, 0
            two = asyncio.Event()

            async def run(delivery: Delivery) -> None:
                nonlocal running, most, done
                running += 1
                most = max(most, running)
                if running == 2:
                    two.set()
                await asyncio.wait_for(two.wait(), 10)
                await harness.finish(delivery.job_id)
                running -= 1
                done += 1

            async with working(harness.dispatcher, run, concurrency=2):
                for number in range(6):
                    await harness.submit(f"job-{number}")
                await eventually(lambda: done == 6)
            assert most == 2

    async def test_urgent_jobs_come_first_then_the_oldest(self) -> None:
        async with self.harness() as harness:
            ran: list[str] = []
            busy, go_on = asyncio.Event(), asyncio.Event()

            async def run(delivery: Delivery) -> None:
                ran.append(delivery.job_id)
                busy.set()
                await go_on.wait()
                await harness.finish(delivery.job_id)

            async with working(harness.dispatcher, run, concurrency=1):
                await harness.submit("running")
                await asyncio.wait_for(busy.wait(), 10)
                await harness.submit("old")
                await harness.submit("young")
                await harness.submit("urgent", priority=5)
                await harness.submit("idle", priority=-5)
                await asyncio.sleep(0)
                go_on.set()
                await eventually(lambda: len(ran) == 5)
            assert ran == ["running", "urgent", "old", "young", "idle"]

    async def test_a_job_without_room_waits_until_another_has_ended(self) -> None:
        async with self.harness() as harness:
            tries: list[str] = []
            running: set[str] = set()
            go_on = asyncio.Event()

            async def run(delivery: Delivery) -> None:
                tries.append(delivery.job_id)
                if running and delivery.job_id != "of another experiment":
                    raise ExperimentFull("7", 1)
                running.add(delivery.job_id)
                await go_on.wait()
                await harness.finish(delivery.job_id)
                running.remove(delivery.job_id)

            async with working(harness.dispatcher, run):
                await harness.submit("first")
                await eventually(lambda: running == {"first"})
                for name in ("second", "third"):
                    await harness.submit(name)
                    await eventually(lambda name=name: name in tries)  # type: ignore[misc]
                await harness.submit("of another experiment")
                await eventually(lambda: "of another experiment" in tries)
                assert sorted(tries[:-1]) == ["first", "second", "third"]  # none is tried again and again
                go_on.set()
                await eventually(lambda: tries.count("second") > 1 and tries.count("third") > 1)
                await eventually(lambda: not running)

    async def test_a_job_that_waits_for_its_delay_holds_no_place(self) -> None:
        async with self.harness() as harness:
            deliveries: list[Delivery] = []

            async def run(delivery: Delivery) -> Requeue | None:
                deliveries.append(delivery)
                if delivery.job_id == "failing" and not delivery.delayed:
                    return Requeue(3600.0, "the provider is away", 4)
                await harness.finish(delivery.job_id)
                return None

            async with working(harness.dispatcher, run, concurrency=1):
                await harness.submit("failing")
                await eventually(lambda: len(deliveries) == 1)
                await harness.submit("healthy")
                await eventually(lambda: len(deliveries) == 2)
                assert [delivery.job_id for delivery in deliveries] == ["failing", "healthy"]
                await harness.advance(3600.0)
                await eventually(lambda: len(deliveries) == 3)
            assert deliveries[2].job_id == "failing"
            assert (deliveries[2].reason, deliveries[2].delayed) == ("the provider is away", True)

    async def test_a_job_handed_over_before_its_delay_is_over_need_not_wait(self) -> None:
        async with self.harness() as harness:
            deliveries: list[Delivery] = []

            async def run(delivery: Delivery) -> Requeue | None:
                deliveries.append(delivery)
                if len(deliveries) == 1:
                    return Requeue(3600.0, "the provider is away")
                await harness.finish(delivery.job_id)
                return None

            async with working(harness.dispatcher, run):
                await harness.submit("a")
                await eventually(lambda: len(deliveries) == 1)
                await harness.resume("a")
                await eventually(lambda: len(deliveries) == 2)

    async def test_cancel_interrupts_the_running_job(self) -> None:
        async with self.harness() as harness:
            begun, interrupted = asyncio.Event(), asyncio.Event()

            async def run(delivery: Delivery) -> None:
                begun.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    await harness.finish(delivery.job_id)
                    interrupted.set()

            async with working(harness.dispatcher, run):
                await harness.submit("a")
                await asyncio.wait_for(begun.wait(), 10)
                harness.dispatcher.announce_cancel("a")
                await asyncio.wait_for(interrupted.wait(), 10)

    async def test_a_second_cancel_does_not_interrupt_the_orderly_end(self) -> None:
        async with self.harness() as harness:
            begun, ending, over = set[str](), set[str](), set[str]()
            finish = asyncio.Event()

            async def run(delivery: Delivery) -> None:
                begun.add(delivery.job_id)
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    ending.add(delivery.job_id)
                    await finish.wait()
                    await harness.finish(delivery.job_id)
                    over.add(delivery.job_id)

            async with working(harness.dispatcher, run):
                for name in "ab":
                    await harness.submit(name)
                await eventually(lambda: begun == {"a", "b"})
                harness.dispatcher.announce_cancel("a")
                await eventually(lambda: ending == {"a"})
                harness.dispatcher.announce_cancel("a")
                harness.dispatcher.announce_cancel("b")
                await eventually(lambda: ending == {"a", "b"})  # so the second cancel has arrived, too
                finish.set()
                await eventually(lambda: over == {"a", "b"})

    async def test_a_job_that_breaks_the_worker_does_not_stop_its_neighbours(self) -> None:
        async with self.harness() as harness:
            done: set[str] = set()
            broke = asyncio.Event()

            async def run(delivery: Delivery) -> None:
                await harness.finish(delivery.job_id)
                if delivery.job_id == "broken":
                    broke.set()
                    raise RuntimeError("a bug")
                if delivery.job_id == "beside":
                    await broke.wait()
                done.add(delivery.job_id)

            async with working(harness.dispatcher, run):
                for name in ("beside", "broken", "after"):
                    await harness.submit(name)
                await eventually(lambda: done == {"beside", "after"})

    async def test_a_job_given_back_while_the_worker_goes_on_is_brought_again(self) -> None:
        async with self.harness() as harness:
            brought = 0

            async def run(delivery: Delivery) -> None:
                nonlocal brought
                brought += 1
                if brought == 1:
                    await asyncio.Event().wait()
                await harness.finish(delivery.job_id)

            async with working(harness.dispatcher, run):
                await harness.submit("a")
                await eventually(lambda: brought == 1)
                harness.dispatcher.announce_cancel("a")
                await eventually(lambda: brought == 2)

    async def test_stop_gives_running_jobs_back_and_returns(self) -> None:
        async with self.harness() as harness:
            begun = asyncio.Event()
            ended: list[str] = []

            async def run(delivery: Delivery) -> None:
                begun.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    ended.append(delivery.job_id)
                    raise

            async with working(harness.dispatcher, run):
                await harness.submit("a")
                await asyncio.wait_for(begun.wait(), 10)
            assert ended == ["a"]

    async def test_a_job_given_back_is_run_by_the_next_worker(self) -> None:
        async with self.harness() as first:
            begun = asyncio.Event()

            async def abandon(delivery: Delivery) -> None:
                begun.set()
                await asyncio.Event().wait()

            async with working(first.dispatcher, abandon):
                await first.submit("a")
                await asyncio.wait_for(begun.wait(), 10)
        async with self.harness() as second:
            again: list[str] = []

            async def run(delivery: Delivery) -> None:
                again.append(delivery.job_id)
                await second.finish(delivery.job_id)

            async with working(second.dispatcher, run):
                await eventually(lambda: again == ["a"])
