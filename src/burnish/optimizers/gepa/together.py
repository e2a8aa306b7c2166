"""Several awaitables at once, all of whose results are needed."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from burnish.errors import BudgetExhausted
from burnish.optimizers.side_by_side import side_by_side

T = TypeVar("T")
One = TypeVar("One")
Other = TypeVar("Other")


async def all_of(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Results in the order of the calls.

    Raises:
        BudgetExhausted: of any, when the others have finished. Any other error cancels the rest.
    """
    results = []
    for result in await side_by_side(calls):
        if isinstance(result, BudgetExhausted):
            raise result
        results.append(result)
    return results


async def both(one: Coroutine[Any, Any, One], other: Coroutine[Any, Any, Other]) -> tuple[One, Other]:
    """The same for two of different kinds."""
    calls: tuple[Coroutine[Any, Any, Any], ...] = (one, other)
    first, second = await all_of(calls)
    return first, second
