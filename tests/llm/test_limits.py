"""The limiter keeps rates, adapts what is in flight, and is fair."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.concurrency import eventually
from burnish.errors import ModelTimeout, ModelUnavailable
from burnish.llm.limits import Limiter, RateLimits, Slot


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def limiter(time: Time, **limits: float) -> Limiter:
    return Limiter(RateLimits(**limits), time.clock, time.sleep)  # type: ignore[arg-type]


def throttled(retry_after_seconds: float | None = None) -> ModelUnavailable:
    error = ModelUnavailable("m", "429")
    error.throttled = True
    error.retry_after_seconds = retry_after_seconds
    return error


class TestRates:
    async def sent_at(self, tokens: int = 1, count: int = 200, **limits: float) -> list[float]:
        time = Time()
        found = limiter(time, **limits)
        moments = []
        for _ in range(count):
            slot = await found.acquire(tokens)
            moments.append(time.now)
            found.answered(slot, 1)
        return moments

    @staticmethod
    def most_within(seconds: float, moments: list[float]) -> int:
        window: deque[float] = deque()
        most = 0
        for moment in moments:
            window.append(moment)
            while window[0] <= moment - seconds:
                window.popleft()
            most = max(most, len(window))
        return most

    async def test_requests_a_minute(self) -> None:
        moments = await self.sent_at(requests_per_minute=60)
        assert self.most_within(60, moments) <= 60 + 10  # ten seconds' worth may come at once
        assert moments[-1] == pytest.approx(200 - 10, abs=2)  # and it is no slower than it must be

    async def test_tokens_a_minute(self) -> None:
        moments = await self.sent_at(tokens=100, tokens_per_minute=6000)
        assert self.most_within(60, moments) <= 60 + 10
        assert moments[-1] == pytest.approx(200 - 10, abs=2)

    async def test_a_request_larger_than_the_bucket_passes_in_the_end(self) -> None:
        moments = await self.sent_at(tokens=10_000, count=2, tokens_per_minute=6000)
        assert moments[-1] == pytest.approx((20_000 - 1000) / 100)

    async def test_without_limits_nothing_waits(self) -> None:
        assert set(await self.sent_at()) == {0.0}


class TestConcurrency:
    async def test_never_more_in_flight_than_the_window(self) -> None:
        found = limiter(Time(), max_concurrency=3)
        slots = [await found.acquire(1) for _ in range(3)]
        fourth = asyncio.create_task(found.acquire(1))
        await asyncio.sleep(0)
        assert not fourth.done()
        found.answered(slots[0], 1)
        await fourth
        assert found.in_flight == 3

    async def test_first_come_first_served(self) -> None:
        found = limiter(Time(), max_concurrency=1)
        slot = await found.acquire(1)
        order: list[int] = []

        async def wait(number: int) -> None:
            mine = await found.acquire(1)
            order.append(number)
            found.answered(mine, 1)

        waiting = [asyncio.create_task(wait(number)) for number in range(10)]
        await asyncio.sleep(0)
        found.answered(slot, 1)
        await asyncio.gather(*waiting)
        assert order == list(range(10))

    async def test_who_leaves_the_queue_takes_no_place(self) -> None:
        found = limiter(Time(), max_concurrency=1)
        slot = await found.acquire(1)
        leaving = asyncio.create_task(found.acquire(1))
        staying = asyncio.create_task(found.acquire(1))
        await asyncio.sleep(0)
        leaving.cancel()
        found.answered(slot, 1)
        await staying
        assert found.in_flight == 1

    async def test_who_leaves_as_the_turn_comes_passes_it_on(self) -> None:
        found = limiter(Time(), max_concurrency=1)
        slot = await found.acquire(1)
        leaving = asyncio.create_task(found.acquire(1))
        staying = asyncio.create_task(found.acquire(1))
        await asyncio.sleep(0)
        found.answered(slot, 1)
        leaving.cancel()
        await staying
        assert found.in_flight == 1

    @given(st.integers(0, 2**32))
    def test_every_place_comes_back(self, seed: int) -> None:
        chance = random.Random(seed)

        async def run() -> None:
            time = Time()
            found = limiter(time, max_concurrency=4)

            async def call() -> None:
                slot = await found.acquire(1)
                assert found.in_flight <= 4
                try:
                    for _ in range(chance.randrange(3)):
                        await asyncio.sleep(0)
                except asyncio.CancelledError:
                    found.cancelled()
                    raise
                if chance.random() < 0.3:
                    found.failed(slot, throttled())
                else:
                    found.answered(slot, 5)

            tasks = [asyncio.create_task(call()) for _ in range(20)]
            for _ in range(10):
                chance.choice(tasks).cancel()
                await asyncio.sleep(0)
            await asyncio.gather(*tasks, return_exceptions=True)
            assert found.in_flight == 0

        asyncio.run(run())


class TestAdapting:
    async def test_pushback_halves_the_window_once_for_each_window(self) -> None:
        time = Time()
        found = limiter(time, max_concurrency=40)
        slots = [await found.acquire(1) for _ in range(40)]
        time.now += 1
        for slot in slots:  # all were sent before the first pushback
            found.failed(slot, throttled())
        assert found.window == 20
        later = await found.acquire(1)
        found.failed(later, throttled())
        assert found.window == 10

    async def test_a_timeout_is_pushback_an_error_is_not(self) -> None:
        found = limiter(Time(), max_concurrency=40)
        found.failed(await found.acquire(1), ModelUnavailable("m", "500"))
        assert found.window == 40
        found.failed(await found.acquire(1), ModelTimeout("m", "no answer"))
        assert found.window == 20

    async def test_at_least_one_request_is_let_through(self) -> None:
        time = Time()
        found = limiter(time)
        for _ in range(20):
            time.now += 1
            found.failed(await found.acquire(1), throttled())
        assert found.window == 1

    async def test_it_finds_the_rate_a_provider_can_bear(self) -> None:
        """The provider throttles more than ten at once; the window ends up around ten."""
        time = Time()
        found = limiter(time)
        windows = []
        for _ in range(300):
            slots = [await found.acquire(1) for _ in range(found.window)]
            time.now += 1
            for number, slot in enumerate(slots):
                if number < 10:
                    found.answered(slot, 10)
                else:
                    found.failed(slot, throttled())
            windows.append(found.window)
        assert 4 <= min(windows[50:]) <= max(windows[50:]) <= 13

    async def test_answers_that_become_slow_narrow_it_but_not_below_eight(self) -> None:
        time = Time()
        found = limiter(time, max_concurrency=32)

        async def round_of(seconds: float, times: int) -> None:
            for _ in range(times):
                slots = [await found.acquire(1) for _ in range(found.window)]
                time.now += seconds
                for slot in slots:
                    found.answered(slot, 10)

        await round_of(0.5, 10)
        assert found.window == 32
        await round_of(5.0, 3)
        assert found.window < 32
        await round_of(20.0, 30)
        assert found.window >= 7

    @staticmethod
    async def rounds(time: Time, found: Limiter, seconds: Callable[[int], float], times: int) -> None:
        """So many windows, each asked at once; how long one takes depends on how many it is."""
        for _ in range(times):
            slots = [await found.acquire(1) for _ in range(found.window)]
            time.now += seconds(len(slots))
            for slot in slots:
                found.answered(slot, 10)

    async def test_a_model_that_fewer_at_once_do_not_make_faster_gets_as_many_as_before(self) -> None:
        time = Time()
        found = limiter(time, max_concurrency=32)
        await self.rounds(time, found, lambda count: 0.2, 10)
        await self.rounds(time, found, lambda count: 1.0, 3)
        assert found.window < 32
        await self.rounds(time, found, lambda count: 1.0, 5)
        assert found.window == 32
        await self.rounds(time, found, lambda count: 1.0, 30)
        assert found.window == 32

    async def test_a_model_that_too_many_at_once_make_slow_keeps_fewer(self) -> None:
        """It works at four at a time; the best pace was seen when another client had not begun yet."""
        time = Time()
        found = limiter(time, max_concurrency=32)
        await self.rounds(time, found, lambda count: 1.0, 5)
        await self.rounds(time, found, lambda count: max(1.0, count / 4), 10)
        assert found.window <= 13  # three times the best pace

    async def test_slow_answers_narrow_no_window_that_is_hardly_used(self) -> None:
        time = Time()
        found = limiter(time, max_concurrency=64)
        for seconds in [0.2] * 20 + [1.0] * 100:
            slots = [await found.acquire(1) for _ in range(16)]
            time.now += seconds
            for slot in slots:
                found.answered(slot, 10)
        assert found.window == 64

    async def test_long_answers_are_not_slow_ones(self) -> None:
        time = Time()
        found = limiter(time, max_concurrency=32)
        for tokens in [10] * 50 + [2000] * 50:
            slot = await found.acquire(1)
            time.now += (20 + tokens) * 0.02
            found.answered(slot, tokens)
        assert found.window == 32

    async def test_retry_after_pauses_everybody(self) -> None:
        time = Time()
        found = limiter(time)
        found.failed(await found.acquire(1), throttled(retry_after_seconds=7))
        await found.acquire(1)
        assert time.now == 7

    async def test_a_pause_has_an_end(self) -> None:
        time = Time()
        found = limiter(time)
        found.failed(await found.acquire(1), throttled(retry_after_seconds=86_400))
        await found.acquire(1)
        assert time.now == 60

    async def test_leaving_during_a_pause_gives_the_place_back(self) -> None:
        paused = asyncio.Event()

        async def sleep_for_ever(seconds: float) -> None:
            paused.set()
            await asyncio.Event().wait()

        time = Time()
        found = Limiter(RateLimits(max_concurrency=1), time.clock, sleep_for_ever)
        found.failed(await found.acquire(1), throttled(retry_after_seconds=5))
        waiting: asyncio.Task[Slot] = asyncio.create_task(found.acquire(1))
        await paused.wait()
        waiting.cancel()
        await eventually(waiting.done)
        assert found.in_flight == 0
