"""Several awaitables at once, results in launch order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from burnish.errors import BudgetExhausted

T = TypeVar("T")


async def side_by_side(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T | BudgetExhausted]:
    """Await all of them together.

    A budget that runs out in one lets the others finish: their calls are reserved and will be paid,
    so their results are kept. Any other error cancels the rest and is raised as it is.

    Returns:
        In launch order: the result, or the ``BudgetExhausted`` for the caller to raise once it has
        committed what stands before it.
    """

    async def held(call: Coroutine[Any, Any, T]) -> T | BudgetExhausted:
        try:
            return await call
        except BudgetExhausted as exhausted:
            return exhausted

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(held(call)) for call in calls]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
