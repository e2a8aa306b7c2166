"""Blocking code of others runs beside the loop and holds nobody up."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from burnish.evaluation.threads import in_thread


async def test_it_gives_the_result_and_keeps_the_context() -> None:
    name = contextvars.ContextVar("name", default="none")
    name.set("job")
    assert await in_thread(lambda: (name.get(), threading.current_thread().daemon)) == ("job", True)


async def test_it_raises_what_the_code_raises() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await in_thread(fail)


async def test_any_number_that_block_leave_the_loops_own_pool_free() -> None:
    go_on = threading.Event()
    blocked = [asyncio.create_task(in_thread(go_on.wait)) for _ in range(64)]
    async with asyncio.timeout(60):
        assert await asyncio.to_thread(lambda: "free") == "free"
    assert not any(task.done() for task in blocked)
    go_on.set()
    assert await asyncio.gather(*blocked) == [True] * 64


async def test_who_leaves_does_not_wait_and_the_late_result_disturbs_nobody() -> None:
    go_on, over = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait()
        over.set()

    waiting = asyncio.create_task(in_thread(work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    await asyncio.to_thread(over.wait)
    await asyncio.sleep(0)
