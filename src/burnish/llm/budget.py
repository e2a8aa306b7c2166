"""What a job has spent, what its calls in flight may cost, and who waits for the rest of its budget."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

from burnish.domain.budget import Budget
from burnish.domain.usage import NANOS_PER_USD, Role, Usage, UsageByRole
from burnish.errors import BudgetExhausted, InvalidInput
from burnish.llm.protocol import Request

DEFAULT_MAX_OUTPUT_TOKENS = 4096
"""Cap on answers where the request has none: without one, no limit on tokens or dollars could be kept."""

_TOKENS_PER_MESSAGE = 16  # role, separators
_TOKENS_PER_REQUEST = 64  # a chat template's own system message


def capped(request: Request) -> Request:
    """The request with a cap on its answer: its own, or the default."""
    if request.parameters.output_cap is not None:
        return request
    return replace(request, parameters=replace(request.parameters, max_tokens=DEFAULT_MAX_OUTPUT_TOKENS))


def most_prompt_tokens(request: Request) -> int:
    """An upper bound: byte-level tokenizers never make more tokens than there are UTF-8 bytes.

    Typical text has a fourth of that. The surplus is reserved only while the call is in flight.
    """
    size = sum(len(m.content.encode("utf-8", "surrogatepass")) for m in request.messages)
    if request.parameters.response_format is not None:
        size += len(json.dumps(request.parameters.response_format))
    return size + len(request.messages) * _TOKENS_PER_MESSAGE + _TOKENS_PER_REQUEST


class Ledger:
    """What a job has spent and reserved. Not thread-safe: it lives on the job's event loop.

    A call *reserves* its worst case, then *settles* what it really used, or *releases*. A reservation
    is granted only while ``spent + reserved + held back`` stays within every limit, so no number of calls in
    flight can pass one, as long as no call uses more than it reserved (see :func:`most_prompt_tokens`).
    :meth:`hold_back` keeps calls and time for a later phase (the sealed test).

    Calls queue, first come first served, while those in flight may still give something back. Without that,
    many calls at once would exhaust a budget by their worst cases alone.

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
        self.held_back = Usage()
        self._held_back_seconds = 0.0
        self._reserved = Usage()  # the priced part of the dollars
        self._unpriced = 0  # reservations of unknown price
        self._clock = clock
        self._started_at = clock() - seconds_spent
        self._turn = asyncio.Lock()
        self._given_back = asyncio.Event()

    def hold_back(self, usage: Usage, seconds: float) -> None:
        """Keep so much for later, in the place of what was held back before; nothing gives it free."""
        self.held_back, self._held_back_seconds = usage, seconds

    @property
    def seconds(self) -> float:
        """Running time so far, over all attempts."""
        return self._clock() - self._started_at

    @property
    def seconds_left(self) -> float | None:
        """Running time before ``max_seconds``, never below 0; ``None`` without such a limit."""
        limit = self.budget.max_seconds
        return None if limit is None else max(0.0, limit - self._held_back_seconds - self.seconds)

    def check_time(self) -> None:
        """Stop where the running time is up.

        Raises:
            BudgetExhausted: ``max_seconds`` have passed.
        """
        limit = self.budget.max_seconds
        if limit is not None and self.seconds + self._held_back_seconds >= limit:
            raise BudgetExhausted("max_seconds", limit, self.seconds)

    @property
    def reserved(self) -> Usage:
        """Worst cases of all calls in flight."""
        return replace(self._reserved, usd_nanos=None) if self._unpriced else self._reserved

    async def reserve_in_turn(self, worst: Usage) -> Usage:
        """As :meth:`reserve`, waiting where that may help.

        Raises:
            BudgetExhausted: does not fit, however little the calls in flight may cost.
            InvalidInput: ``max_usd`` cannot be kept, the price is unknown.
        """
        async with self._turn:
            while True:
                try:
                    return self.reserve(worst)
                except BudgetExhausted:
                    if not self.reserved.calls or not self.could_fit(worst):
                        raise
                self._given_back.clear()
                await self._given_back.wait()

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
        self.spent = self.spent.plus(role, used)
        self.release(reservation)

    def release(self, reservation: Usage) -> None:
        """Give a reservation back: the call was never made, or cost nothing."""
        left = self._reserved
        self._reserved = Usage(
            left.calls - reservation.calls,
            left.prompt_tokens - reservation.prompt_tokens,
            left.completion_tokens - reservation.completion_tokens,
            (left.usd_nanos or 0) - (reservation.usd_nanos or 0),
            left.unmetered - reservation.unmetered,
        )
        self._unpriced -= reservation.usd_nanos is None
        self._given_back.set()  # whoever queues looks again; what settles has been spent by then

    def count_lost(self, lost: UsageByRole) -> None:
        """Count calls that were in flight when an earlier attempt died: they may have been paid, so
        their whole reservations are spent."""
        for role, usage in lost.roles.items():
            self.spent = self.spent.plus(role, usage)

    def _require_room(self, estimate: Usage, reserved: Usage) -> None:
        budget = self.budget
        self.check_time()
        would = self.spent.total + reserved + self.held_back + estimate
        self._require("max_calls", budget.max_calls, would.calls, estimate.calls)
        self._require("max_tokens", budget.max_tokens, would.tokens, estimate.tokens)
        if budget.max_tokens is not None and would.unmetered:
            raise InvalidInput.of(
                "budget.max_tokens",
                budget.max_tokens,
                "the tokens of a call are unknown, so this limit could not be kept; use max_calls, or an app "
                "whose model calls are traced",
            )
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
