"""The urgent go first; a lane is never lost."""

from __future__ import annotations

import asyncio

import pytest

from burnish.optimizers.gepa.lanes import Lanes, Urgency


async def test_waiters_go_by_urgency_then_in_the_order_they_came() -> None:
    lanes, went = Lanes(1), []

    async def go(name: str, urgency: Urgency) -> None:
        async with lanes.lane(urgency):
            went.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(
        go("first", (1, 0)),
        go("validation 7", (1, 7)),
        go("validation 2", (1, 2)),
        go("minibatch a", (0, 0)),
        go("minibatch b", (0, 0)),
    )
    assert went == ["first", "minibatch a", "minibatch b", "validation 2", "validation 7"]


async def test_no_more_at_once_than_lanes() -> None:
    lanes, inside, most = Lanes(3), 0, 0

    async def go(number: int) -> None:
        nonlocal inside, most
        async with lanes.lane((number % 4, 0)):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(go(number) for number in range(40)))
    assert most == 3


@pytest.mark.parametrize("turns_before_cancel", [0, 1, 2])
async def test_a_cancelled_waiter_passes_its_lane_on(turns_before_cancel: int) -> None:
    lanes, leave, went = Lanes(1), asyncio.Event(), []

    async def hold() -> None:
        async with lanes.lane((0, 0)):
            await leave.wait()

    async def go() -> None:
        async with lanes.lane((0, 0)):
            went.append("went")

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    cancelled, waiting = asyncio.create_task(go()), asyncio.create_task(go())
    await asyncio.sleep(0)
    leave.set()
    for _ in range(turns_before_cancel):
        await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(holding, cancelled, waiting, return_exceptions=True)
    assert went
    async with asyncio.timeout(1):
        await go()
