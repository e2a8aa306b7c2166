"""Room in a job's budget, for calls that may have to wait for it."""

from __future__ import annotations

import asyncio

from burnish.domain.budget import Ledger
from burnish.domain.usage import Role, Usage
from burnish.errors import BudgetExhausted


class Room:
    """A ledger whose reservations wait, in order, while calls in flight may still give room back.

    Without waiting, many calls at once would exhaust a budget by their worst cases alone.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._line = asyncio.Lock()
        self._given_back = asyncio.Event()

    async def reserve(self, worst: Usage) -> Usage:
        """
        Raises:
            BudgetExhausted: does not fit, however little the calls in flight may cost.
            InvalidInput: ``max_usd`` cannot be kept, the price is unknown.
        """
        async with self._line:
            while True:
                try:
                    return self.ledger.reserve(worst)
                except BudgetExhausted:
                    if not self.ledger.reserved.calls or not self.ledger.could_fit(worst):
                        raise
                self._given_back.clear()
                await self._given_back.wait()

    def settle(self, reservation: Usage, role: Role, used: Usage) -> None:
        """As :meth:`Ledger.settle`; whoever waits looks again."""
        self.ledger.settle(reservation, role, used)
        self._given_back.set()

    def release(self, reservation: Usage) -> None:
        """As :meth:`Ledger.release`; whoever waits looks again."""
        self.ledger.release(reservation)
        self._given_back.set()
