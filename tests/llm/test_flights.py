"""Single flight."""

from __future__ import annotations

import asyncio

import pytest

from burnish.llm.flights import SingleFlight


async def test_callers_of_the_same_key_share_the_work() -> None:
    flights: SingleFlight[int] = SingleFlight()
    worked: list[str] = []

    async def work() -> int:
        worked.append("")
        await asyncio.sleep(0)
        return len(worked)

    assert await asyncio.gather(*(flights.join("a", work) for _ in range(5))) == [1] * 5
    assert await flights.join("a", work) == 2
    assert await asyncio.gather(flights.join("b", work), flights.join("c", work)) == [4, 4]


async def test_the_work_ends_when_the_last_caller_has_left() -> None:
    flights: SingleFlight[None] = SingleFlight()
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("")

    callers = [asyncio.create_task(flights.join("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    for left, caller in enumerate(callers):
        assert not ended, f"{left} have left"
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    assert len(ended) == 1  # and its end was awaited


async def test_everybody_hears_of_a_failure_and_the_next_one_tries_again() -> None:
    flights: SingleFlight[str] = SingleFlight()

    async def fail() -> str:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def succeed() -> str:
        return "yes"

    results = await asyncio.gather(*(flights.join("a", fail) for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["no"] * 3
    assert await flights.join("a", succeed) == "yes"
