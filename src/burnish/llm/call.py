"""One call from its reservation to its end."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from burnish.domain.text import well_formed
from burnish.domain.usage import Usage
from burnish.errors import AttemptSuperseded, InvalidInput, ModelError, OutsideFailure
from burnish.llm.endpoint import Endpoint
from burnish.llm.estimate import DEFAULT_MAX_OUTPUT_TOKENS, capped, most_prompt_tokens
from burnish.llm.health import Health
from burnish.llm.pricing import price
from burnish.llm.protocol import Completion, Journal, Purpose, Request, Response
from burnish.llm.retries import RetrySchedule
from burnish.llm.room import Room


class Waiting(Protocol):
    """How a call spaces its attempts; the gateway is one."""

    @property
    def schedule(self) -> RetrySchedule: ...
    @property
    def sleep(self) -> Callable[[float], Awaitable[None]]: ...
    @property
    def draw(self) -> Callable[[], float]: ...


class Call:
    """One call and what it owes. Used once.

    Attributes:
        attempts: requests sent so far.
        forfeited: what requests whose end is unknown may have cost; it is spent already.
    """

    def __init__(
        self,
        request: Request,
        purpose: Purpose,
        *,
        endpoint: Endpoint,
        room: Room,
        journal: Journal,
        health: Health,
        timeout_seconds: float,
    ) -> None:
        self._request = request
        self._purpose = purpose
        self._endpoint = endpoint
        self._room = room
        self._journal = journal
        self._health = health
        self._timeout_seconds = timeout_seconds
        self._sent = capped(request)
        self._worst = self._usage(
            most_prompt_tokens(request), self._sent.parameters.max_tokens or DEFAULT_MAX_OUTPUT_TOKENS
        )
        self._held: Usage | None = None  # our reservation in the ledger
        self._noted: Usage | None = None  # what the journal has as begun
        self._under_way = False
        self.attempts = 0
        self.forfeited = Usage()

    async def make(self, waiting: Waiting) -> Completion:
        """Ask until there is an answer or no hope of one; leave ledger and journal true either way.

        Raises:
            As ``LanguageModel.complete``.
        """
        self._check_price()
        try:
            self._held = await self._room.reserve(self._worst)
            response = await self._ask(waiting)
        except BaseException:
            await self._give_up()
            raise
        used = self._usage(response.prompt_tokens, response.completion_tokens)
        assert self._held is not None  # every attempt has one
        self._room.settle(self._held, self._purpose.role, used)
        completion = Completion(
            text=well_formed(response.text),
            usage=self.forfeited + used,
            finish_reason=response.finish_reason,
        )
        await self._journal.finish(self._request, self._purpose, completion)
        return completion

    def _check_price(self) -> None:
        if self._worst.usd_nanos is None and self._room.ledger.budget.max_usd is not None:
            raise InvalidInput.of(
                "budget.max_usd",
                self._request.model,
                "the price of this model is unknown, so the limit could not be kept; "
                "use max_calls or max_tokens",
            )

    async def _ask(self, waiting: Waiting) -> Response:
        failures = 0
        while True:
            self._health.check()
            self._room.ledger.check_time()
            try:
                return await self._attempt()
            except ModelError as error:
                if error.maybe_paid:
                    self._forfeit()
                self._room.ledger.check_time()  # if the time is up, that is why there was no answer
                failures += 1
                delay = waiting.schedule.delay(error, failures, waiting.draw)
                if delay is None:
                    raise
            await waiting.sleep(delay)
            if self._held is None:
                self._held = await self._room.reserve(self._worst)

    async def _attempt(self) -> Response:
        limiter = self._endpoint.limiter
        slot = await limiter.acquire(self._worst.completion_tokens + self._worst.prompt_tokens // 4)
        try:
            await self._note(self.forfeited + self._worst)
            self.attempts += 1
            self._under_way = True
            response = await self._endpoint.provider.complete(
                self._sent, self._endpoint.model.name, self._deadline()
            )
        except ModelError as error:
            self._under_way = False
            limiter.failed(slot, error)
            raise
        except BaseException:
            limiter.cancelled()
            raise
        self._under_way = False
        limiter.answered(slot, response.completion_tokens)
        return response

    def _deadline(self) -> float:
        left = self._room.ledger.seconds_left
        return self._timeout_seconds if left is None else min(self._timeout_seconds, max(left, 0.001))

    async def _note(self, owed: Usage) -> None:
        """Have the journal show as begun what this call will owe if we die now."""
        if owed == self._noted:
            return
        if self._noted is not None:
            await self._journal.abandon(self._request, self._purpose)
        self._noted = owed
        await self._journal.begin(self._request, self._purpose, owed)

    def _forfeit(self) -> None:
        """The request may have been paid: its whole reservation is spent."""
        if self._held is not None:
            self._room.settle(self._held, self._purpose.role, self._held)
            self.forfeited = self.forfeited + self._held
            self._held = None

    async def _give_up(self) -> None:
        if self._under_way:  # cancelled, or an error that no provider promises
            self._forfeit()
        elif self._held is not None:
            self._room.release(self._held)
            self._held = None
        if self._noted is None or self._noted == self.forfeited:
            return
        # A note that cannot be taken back counts as lost when the job is resumed: too much, never too little.
        with contextlib.suppress(AttemptSuperseded, OutsideFailure):
            await self._journal.abandon(self._request, self._purpose)
            if self.forfeited.calls:
                await self._journal.begin(self._request, self._purpose, self.forfeited)

    def _usage(self, prompt_tokens: int, completion_tokens: int) -> Usage:
        dollars = price(self._endpoint.model, prompt_tokens, completion_tokens)
        return Usage(1, prompt_tokens, completion_tokens, dollars)
