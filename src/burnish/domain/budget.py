"""Budgets: hard limits of a job, and the ledger that keeps them at any concurrency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import isfinite

from burnish.domain.usage import NANOS_PER_USD, Role, Usage, UsageByRole
from burnish.errors import BudgetExhausted, InvalidInput, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits over target, judge and reflection calls together; ``None`` means no limit.

    Attributes:
        max_seconds: of running time, over all attempts.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    max_seconds: float | None = None

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


class Ledger:
    """What a job has spent and reserved. Not thread-safe: it lives on the job's event loop.

    A call *reserves* its worst case, then *settles* what it really used, or *releases*.
    ``spent + reserved`` can never pass a limit, whatever the number of calls in flight.
    ``hold`` keeps calls back for a later phase (the sealed test).

    Args:
        clock: seconds, monotonic.
        seconds_spent: running time of earlier attempts.
    """

    def __init__(
        self,
        budget: Budget,
        clock: Callable[[], float],
        spent: UsageByRole | None = None,
        seconds_spent: float = 0.0,
    ) -> None:
        self.budget = budget
        self.spent = spent or UsageByRole()
        self.hold = Usage()
        self._reserved = Usage()
        self._clock = clock
        self._started_at = clock() - seconds_spent

    @property
    def seconds(self) -> float:
        """Running time so far, over all attempts."""
        return self._clock() - self._started_at

    @property
    def reserved(self) -> Usage:
        return self._reserved

    def reserve(self, estimate: Usage) -> Usage:
        """Set the worst case of one call aside.

        Returns:
            The reservation, to be given back to :meth:`settle` or :meth:`release`.

        Raises:
            BudgetExhausted: the call does not fit; nothing is reserved.
        """
        would = self.spent.total + self._reserved + self.hold + estimate
        budget = self.budget
        self._require("max_calls", budget.max_calls, would.calls, estimate.calls)
        self._require("max_tokens", budget.max_tokens, would.tokens, estimate.tokens)
        if budget.max_usd is not None and would.usd_nanos is not None:
            limit = round(budget.max_usd * NANOS_PER_USD)
            if would.usd_nanos > limit:
                spent = (would.usd_nanos - (estimate.usd_nanos or 0)) / NANOS_PER_USD
                raise BudgetExhausted("max_usd", budget.max_usd, spent)
        if budget.max_seconds is not None and self.seconds >= budget.max_seconds:
            raise BudgetExhausted("max_seconds", budget.max_seconds, self.seconds)
        self._reserved = self._reserved + estimate
        return estimate

    def settle(self, reservation: Usage, role: Role, used: Usage) -> None:
        """Replace a reservation by what the call really used."""
        self.release(reservation)
        self.spent = self.spent.plus(role, used)

    def release(self, reservation: Usage) -> None:
        """Give a reservation back: the call was never made, or cost nothing."""
        left = self._reserved
        known = left.usd_nanos is not None and reservation.usd_nanos is not None
        self._reserved = Usage(
            left.calls - reservation.calls,
            left.prompt_tokens - reservation.prompt_tokens,
            left.completion_tokens - reservation.completion_tokens,
            (left.usd_nanos or 0) - (reservation.usd_nanos or 0) if known else left.usd_nanos,
        )

    def _require(self, name: str, limit: int | None, would: int, wanted: int) -> None:
        if limit is not None and would > limit:
            raise BudgetExhausted(name, limit, would - wanted)
