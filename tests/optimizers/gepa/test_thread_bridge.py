"""The engine's thread asks the loop, and never outlives its search."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from burnish.errors import BudgetExhausted
from burnish.optimizers.gepa.thread_bridge import EngineThread

NAME = "engine under test"


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


class Doom(BaseException):
    """Not an Exception, like a cancellation."""


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_question_is_answered_on_the_loop() -> None:
    thread: EngineThread[tuple[int, bool]] = EngineThread(NAME)
    home = threading.current_thread()

    async def answer() -> tuple[int, bool]:
        await asyncio.sleep(0)
        return 42, threading.current_thread() is home

    assert await thread.run(lambda: thread.ask(answer)) == (42, True)
    assert not threads()


async def test_what_the_code_raises_comes_out() -> None:
    thread: EngineThread[None] = EngineThread(NAME)

    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await thread.run(work)
    assert not threads()


@pytest.mark.parametrize("error", [BudgetExhausted("max_calls", 1, 1), ValueError("no"), Doom()], ids=repr)
async def test_a_failed_question_ends_the_thread_however_much_the_code_catches(error: BaseException) -> None:
    thread: EngineThread[str] = EngineThread(NAME)
    went_on = []

    async def fails() -> None:
        raise error

    def work() -> str:
        try:
            thread.ask(fails)
        except Exception:  # noqa: BLE001 - what gepa does
            went_on.append("caught")
        went_on.append("past it")
        return "done"

    with pytest.raises(type(error)) as raised:
        await thread.run(work)
    assert raised.value is error
    assert not went_on
    assert not threads()


async def test_a_failure_elsewhere_ends_a_thread_that_waits() -> None:
    thread: EngineThread[None] = EngineThread(NAME)
    error = BudgetExhausted("max_calls", 1, 1)

    async def fail_and_wait() -> None:
        asyncio.get_running_loop().call_soon(thread.fail, error)
        await forever()

    with pytest.raises(BudgetExhausted) as raised:
        await thread.run(lambda: thread.ask(fail_and_wait))
    assert raised.value is error
    assert not threads()


async def test_a_failure_ends_a_question_that_has_not_begun() -> None:
    thread: EngineThread[None] = EngineThread(NAME)

    async def fail_at_once() -> None:
        thread.fail(Doom())

    def work() -> None:
        thread.ask(fail_at_once)
        thread.ask(forever)

    with pytest.raises(Doom):
        await thread.run(work)
    assert not threads()


async def test_a_cancelled_search_leaves_no_thread_and_no_task() -> None:
    thread: EngineThread[None] = EngineThread(NAME)
    asked = asyncio.Event()

    async def wait() -> None:
        asked.set()
        await forever()

    running = asyncio.create_task(thread.run(lambda: thread.ask(wait)))
    await asked.wait()
    assert threads()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not threads()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_more_threads_than_a_pool_has_wait_at_the_same_time() -> None:
    everyone, here = asyncio.Event(), 0

    async def meet() -> None:
        nonlocal here
        here += 1
        if here == 60:
            everyone.set()
        await everyone.wait()

    def search() -> Any:
        thread: EngineThread[None] = EngineThread(NAME)
        return thread.run(lambda: thread.ask(meet))

    await asyncio.gather(*(search() for _ in range(60)))
    assert not threads()
