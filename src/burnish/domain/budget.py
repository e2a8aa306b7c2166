"""Budgets: hard limits of a job, and the ledger that keeps them at any concurrency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Annotated

from burnish.domain.options import Option
from burnish.domain.usage import NANOS_PER_USD, Role, Usage, UsageByRole
from burnish.errors import BudgetExhausted, InvalidInput, Problem


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


class Ledger:
    """What a job has spent and reserved. Not thread-safe: it lives on the job's event loop.

    A call *reserves* its worst case, then *settles* what it really used, or *releases*. A reservation
    is granted only while ``spent + reserved + held back`` stays within every limit, so no number of calls in
    flight can pass one, as long as no call uses more than it reserved (see ``llm.estimate``).
    :meth:`hold_back` keeps calls and time for a later phase (the sealed test).

    Args:
        clock: seconds, monotonic.
        spent: of earlier attempts, finished calls.
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
        self._held = Usage()
        self._held_seconds = 0.0
        self._reserved = Usage()  # the priced part of the dollars
        self._unpriced = 0  # reservations of unknown price
        self._clock = clock
        self._started_at = clock() - seconds_spent

    def hold_back(self, usage: Usage, seconds: float) -> None:
        """Keep so much for later, in the place of what was held back before; nothing gives it free."""
        self._held, self._held_seconds = usage, seconds

    @property
    def seconds(self) -> float:
        """Running time so far, over all attempts."""
        return self._clock() - self._started_at

    @property
    def seconds_left(self) -> float | None:
        """Running time before ``max_seconds``, never below 0; ``None`` without such a limit."""
        limit = self.budget.max_seconds
        return None if limit is None else max(0.0, limit - self._held_seconds - self.seconds)

    def check_time(self) -> None:
        """
        Raises:
            BudgetExhausted: ``max_seconds`` have passed.
        """
        limit = self.budget.max_seconds
        if limit is not None and self.seconds + self._held_seconds >= limit:
            raise BudgetExhausted("max_seconds", limit, self.seconds)

    @property
    def reserved(self) -> Usage:
        """Worst cases of all calls in flight."""
        return replace(self._reserved, usd_nanos=None) if self._unpriced else self._reserved

    def reserve(self, estimate: Usage) -> Usage:
        """Set the worst case of one call aside.

        Returns:
            The reservation, to be given back to :meth:`settle` or :meth:`release`.

        Raises:
            BudgetExhausted: the call does not fit; nothing is reserved.
            InvalidInput: the price of this call, or of one already made, is unknown, so ``max_usd``
                could not be kept.
        """
        self._require_room(estimate, self.reserved)
        self._reserved = self._reserved + replace(estimate, usd_nanos=estimate.usd_nanos or 0)
        self._unpriced += estimate.usd_nanos is None
        return estimate

    def could_fit(self, estimate: Usage) -> bool:
        """Whether the call would fit if every call now in flight cost nothing: then waiting for these
        to settle may make room."""
        try:
            self._require_room(estimate, Usage())
        except BudgetExhausted:
            return False
        return True

    def settle(self, reservation: Usage, role: Role, used: Usage) -> None:
        """Replace a reservation by what the call really used."""
        self.release(reservation)
        self.spent = self.spent.plus(role, used)

    def release(self, reservation: Usage) -> None:
        """Give a reservation back: the call was never made, or cost nothing."""
        left = self._reserved
        self._reserved = Usage(
            left.calls - reservation.calls,
            left.prompt_tokens - reservation.prompt_tokens,
            left.completion_tokens - reservation.completion_tokens,
            (left.usd_nanos or 0) - (reservation.usd_nanos or 0),
        )
        self._unpriced -= reservation.usd_nanos is None

    def count_lost(self, lost: UsageByRole) -> None:
        """Count calls that were in flight when an earlier attempt died: they may have been paid, so
        their whole reservations are spent."""
        for role, usage in lost.roles.items():
            self.spent = self.spent.plus(role, usage)

    def _require_room(self, estimate: Usage, reserved: Usage) -> None:
        budget = self.budget
        self.check_time()
        would = self.spent.total + reserved + self._held + estimate
        self._require("max_calls", budget.max_calls, would.calls, estimate.calls)
        self._require("max_tokens", budget.max_tokens, would.tokens, estimate.tokens)
        if budget.max_usd is None:
            return
        if would.usd_nanos is None:
            raise InvalidInput.of(
                "budget.max_usd",
                budget.max_usd,
                "the price of a call is unknown, so this limit could not be kept; "
                "use max_calls or max_tokens, or a model whose price is known",
            )
        if would.usd_nanos > budget.max_usd * NANOS_PER_USD:
            spent = (would.usd_nanos - (estimate.usd_nanos or 0)) / NANOS_PER_USD
            raise BudgetExhausted("max_usd", budget.max_usd, spent)

    def _require(self, name: str, limit: int | None, would: int, wanted: int) -> None:
        if limit is not None and would > limit:
            raise BudgetExhausted(name, limit, would - wanted)
