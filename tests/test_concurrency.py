"""Work that is shared, run in order, cancelled and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import repeat
from typing import Any

import pytest

from burnish.concurrency import (
    Backoff,
    SingleFlight,
    cancel_and_wait,
    gather_affordable,
    gather_in_order,
)
from burnish.errors import BudgetExhausted


def exhausted() -> BudgetExhausted:
    return BudgetExhausted("max_calls", 1, 1)


async def succeed(value: str = "yes") -> str:
    return value


async def fail(error: Exception) -> str:
    await asyncio.sleep(0)
    raise error


class Gate:
    """Work that waits until it is opened, and records what became of it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.begun = self.finished = self.cancelled = 0

    async def work(self, value: str = "done") -> str:
        self.begun += 1
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # an end takes time
            self.cancelled += 1
            raise
        self.finished += 1
        return value


async def a_moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class TestSingleFlight:
    """One task for each key."""

    async def test_callers_of_the_same_key_share_the_work(self) -> None:
        flights: SingleFlight[int] = SingleFlight()
        worked: list[str] = []

        async def work() -> int:
            worked.append("")
            await asyncio.sleep(0)
            return len(worked)

        assert await asyncio.gather(*(flights.join("a", work) for _ in range(5))) == [1] * 5
        assert await flights.join("a", work) == 2
        assert await asyncio.gather(*(flights.join(key, work) for key in "bc")) == [4, 4]

    async def test_kept_results_are_worked_out_once(self) -> None:
        flights: SingleFlight[int] = SingleFlight(keep=True)
        asked: list[int] = []

        async def work(place: int) -> int:
            asked.append(place)
            return place

        assert await flights.join_all(["a", "b", "a"], work) == [0, 1, 0]
        assert await flights.join_all(["c", "b"], work) == [0, 1]
        assert asked == [0, 1, 0]

    async def test_the_work_ends_when_the_last_waiter_has_left(self) -> None:
        flights: SingleFlight[str] = SingleFlight()
        gate = Gate()
        waiters = [asyncio.create_task(flights.join("a", gate.work)) for _ in range(3)]
        await asyncio.sleep(0)
        for left, waiter in enumerate(waiters):
            assert not gate.cancelled, f"{left} have left"
            waiter.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiter
        assert gate.cancelled == 1  # and its end was awaited

    async def test_who_asks_after_the_last_waiter_has_left_begins_anew(self) -> None:
        flights: SingleFlight[str] = SingleFlight()
        gate = Gate()
        leaving = asyncio.create_task(flights.join("a", gate.work))
        await a_moment()
        leaving.cancel()
        await asyncio.sleep(0)  # it has left, and the work is still ending
        assert await flights.join("a", succeed) == "yes"
        with pytest.raises(asyncio.CancelledError):
            await leaving

    @pytest.mark.parametrize("keep", [False, True])
    async def test_a_failure_reaches_all_waiters_and_is_then_tried_again(self, keep: bool) -> None:
        flights: SingleFlight[str] = SingleFlight(keep=keep)
        asking = [flights.join("a", lambda: fail(ValueError("no"))) for _ in range(3)]
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert [str(result) for result in results] == ["no"] * 3
        assert await flights.join("a", succeed) == "yes"

    async def test_the_first_failure_cancels_what_nobody_else_waits_for(self) -> None:
        flights: SingleFlight[str] = SingleFlight(keep=True)
        mine, shared = Gate(), Gate()
        other = asyncio.create_task(flights.join("shared", shared.work))
        await a_moment()
        works: list[Callable[[], Coroutine[Any, Any, str]]] = [
            mine.work,
            shared.work,
            lambda: fail(ValueError("no")),
        ]
        with pytest.raises(ValueError, match="no"):
            await flights.join_all(["mine", "shared", "failing"], lambda place: works[place]())
        assert (mine.cancelled, shared.cancelled) == (1, 0)
        shared.open.set()
        assert await other == "done"

    async def test_an_exhausted_budget_lets_what_has_begun_finish(self) -> None:
        flights: SingleFlight[str] = SingleFlight(2, keep=True)
        begun, queued = Gate(), Gate()
        works: list[Callable[[], Coroutine[Any, Any, str]]] = [
            begun.work,
            lambda: fail(exhausted()),
            lambda: fail(exhausted()),
            queued.work,
        ]
        asking = asyncio.create_task(flights.join_all(list("abcd"), lambda place: works[place]()))
        await a_moment()
        begun.open.set()
        queued.open.set()
        with pytest.raises(BudgetExhausted):
            await asking
        assert begun.finished == 1
        assert await flights.join("a", begun.work) == "done"  # its result was kept
        assert begun.begun == 1

    async def test_no_more_tasks_than_allowed_work_at_once(self) -> None:
        flights: SingleFlight[int] = SingleFlight(3)
        working = most = 0

        async def work(place: int) -> int:
            nonlocal working, most
            working += 1
            most = max(most, working)
            await asyncio.sleep(0)
            working -= 1
            return place

        assert await flights.join_all(range(10), work) == list(range(10))
        assert most == 3


class TestGather:
    """Results in the order given."""

    async def test_results_stand_in_the_order_of_the_calls(self) -> None:
        async def after(steps: int) -> int:
            for _ in range(steps):
                await asyncio.sleep(0)
            return steps

        assert await gather_in_order(after(steps) for steps in (3, 1, 2)) == [3, 1, 2]
        assert await gather_in_order([]) == []

    async def test_a_failure_cancels_the_rest_and_waits_for_its_end(self) -> None:
        gate = Gate()
        with pytest.raises(ValueError, match="no"):
            await gather_in_order([gate.work(), fail(ValueError("no"))])
        assert gate.cancelled == 1

    async def test_after_an_exhausted_budget_the_rest_is_finished(self) -> None:
        gate = Gate()
        asyncio.get_running_loop().call_later(0, gate.open.set)
        first, second = await gather_affordable([gate.work(), fail(exhausted())])
        assert first == "done"
        assert isinstance(second, BudgetExhausted)
        with pytest.raises(BudgetExhausted):
            await gather_in_order([gate.work(), fail(exhausted())])
        assert (gate.finished, gate.cancelled) == (2, 0)

    async def test_a_failure_after_an_exhausted_budget_is_what_is_raised(self) -> None:
        async def fail_later() -> str:
            await a_moment()
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await gather_affordable([fail(exhausted()), fail_later()])

    async def test_a_cancelled_caller_takes_its_calls_along(self) -> None:
        gate = Gate()
        asking = asyncio.create_task(gather_in_order([gate.work(), gate.work()]))
        await a_moment()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert gate.cancelled == 2


async def test_a_lost_cancellation_is_sent_again() -> None:
    lost = 0

    async def lose_the_first() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    task = asyncio.create_task(lose_the_first())
    await a_moment()
    await cancel_and_wait(task, again_seconds=0.001)
    assert task.cancelled()
    assert lost == 1


async def test_cancelling_a_failed_task_is_silent() -> None:
    failed = asyncio.create_task(fail(ValueError("no")))
    await a_moment()
    await cancel_and_wait(failed)
    assert isinstance(failed.exception(), ValueError)


class TestBackoff:
    """Pauses between tries."""

    def test_pauses_grow_to_the_cap(self) -> None:
        backoff = Backoff(base_seconds=1, factor=3, cap_seconds=10, jitter=0)
        assert [backoff.pause_seconds(failures) for failures in (1, 2, 3, 4, 10_000)] == [1, 3, 9, 10, 10]
        assert list(backoff.pauses_seconds(3)) == [1, 3]

    @pytest.mark.parametrize(("jitter", "shortest"), [(1.0, 0.0), (0.5, 2.0)])
    def test_jitter_is_the_share_left_to_chance(self, jitter: float, shortest: float) -> None:
        for drawn, expected in ((0.0, shortest), (0.5, (shortest + 4) / 2)):
            backoff = Backoff(base_seconds=4, jitter=jitter, draw=repeat(drawn).__next__)
            assert backoff.pause_seconds(1) == expected

    async def test_work_is_tried_again_until_it_succeeds(self) -> None:
        outcomes = [ValueError("1"), ValueError("2"), None]
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        async def work() -> str:
            if error := outcomes.pop(0):
                raise error
            return "yes"

        backoff = Backoff(base_seconds=1, jitter=0, sleep=sleep)
        assert await backoff.retry(work, tries=3, on=ValueError) == "yes"
        assert slept == [1, 2]

    async def test_the_last_failure_is_raised_and_others_at_once(self) -> None:
        tried: list[float] = []

        async def sleep(seconds: float) -> None:
            tried.append(seconds)

        backoff = Backoff(base_seconds=1, jitter=0, sleep=sleep)
        with pytest.raises(ValueError, match="no"):
            await backoff.retry(lambda: fail(ValueError("no")), tries=4, on=ValueError)
        assert len(tried) == 3
        with pytest.raises(KeyError):
            await backoff.retry(lambda: fail(KeyError("other")), tries=4, on=ValueError)
        assert len(tried) == 3
