"""Budgets: the hard limits of a job. ``llm.budget`` keeps them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite
from typing import Annotated

from burnish.domain.options import Option
from burnish.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits over target, judge and reflection calls together; ``None`` means no limit.

    Attributes:
        max_seconds: of running time, over all attempts.
    """

    max_calls: Annotated[int | None, Option("Hard limit of model calls.")] = None
    max_tokens: Annotated[int | None, Option("Hard limit of tokens, in and out.")] = None
    max_usd: Annotated[float | None, Option("Hard limit of US dollars.")] = None
    max_seconds: Annotated[float | None, Option("Hard limit of running time.")] = None

    def problems(self) -> list[Problem]:
        """What is wrong with the limits themselves."""
        found = []
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is None:
                continue
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not isfinite(value)
                or value <= 0
            ):
                found.append(
                    Problem(f"budget.{entry.name}", str(value), "must be a number above 0, or left out")
                )
        return found

    def check(self) -> None:
        """
        Raises:
            InvalidInput: a limit is not a positive number.
        """
        if found := self.problems():
            raise InvalidInput(*found)
