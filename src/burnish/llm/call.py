"""One call from its reservation to its end."""

from __future__ import annotations

import contextlib

from burnish.domain.records import CallKey
from burnish.domain.text import well_formed
from burnish.domain.usage import Usage
from burnish.errors import AttemptSuperseded, ModelError, OutsideFailure
from burnish.llm.budget import Ledger
from burnish.llm.circuit_breaker import CircuitBreaker
from burnish.llm.endpoint import Endpoint
from burnish.llm.protocol import AnyRequest, Completion, Journal, Response
from burnish.llm.retries import RetrySchedule


class Call:
    """One call and what it owes. Used once.

    Attributes:
        tries: requests sent so far.
        forfeited: what requests that brought no answer cost, or may have cost; it is spent already.
        left_out: parameters that the endpoint does not take.
    """

    def __init__(
        self,
        request: AnyRequest,
        key: CallKey,
        *,
        endpoint: Endpoint,
        ledger: Ledger,
        journal: Journal,
        breaker: CircuitBreaker,
        retries: RetrySchedule,
        timeout_seconds: float,
    ) -> None:
        self._request = request
        self._key = key
        self._endpoint = endpoint
        self._ledger = ledger
        self._journal = journal
        self._breaker = breaker
        self._retries = retries
        self._timeout_seconds = timeout_seconds
        self._worst = endpoint.worst(request)
        self._held: Usage | None = None  # our reservation in the ledger
        self._noted: Usage | None = None  # what the journal has as begun
        self._under_way = False
        self.tries = 0
        self.forfeited = Usage()
        self.left_out: frozenset[str] = frozenset()

    async def make(self) -> Completion:
        """Ask until there is an answer or no hope of one; leave ledger and journal true either way.

        Raises:
            As ``LanguageModel.complete``.
        """
        try:
            self._held = await self._ledger.reserve_in_turn(self._worst)
            response = await self._ask()
        except BaseException:
            await self._give_up()
            raise
        used = self._endpoint.used(response)
        assert self._held is not None  # every try has one
        self._ledger.settle(self._held, self._key.role, used)
        completion = Completion(
            text=well_formed(response.text),
            usage=self.forfeited + used,
            finish_reason=response.finish_reason,
            run=response.run,
        )
        await self._journal.finish(self._key, completion)
        return completion

    async def _ask(self) -> Response:
        failures = 0
        while True:
            self._breaker.check()
            self._ledger.check_time()
            try:
                return await self._try()
            except ModelError as error:
                if error.adapted:  # not a failure: the provider's client has learned how to ask
                    continue
                if error.maybe_paid:
                    self._forfeit(self._worst)
                elif (used := self._endpoint.used_in_vain(error)) is not None:
                    self._forfeit(used)
                self._ledger.check_time()  # if the time is up, that is why there was no answer
                failures += 1
                pause = self._retries.pause_seconds(error, failures)
                if pause is None:
                    raise
            await self._retries.backoff.sleep(pause)
            if self._held is None:
                self._held = await self._ledger.reserve_in_turn(self._worst)

    async def _try(self) -> Response:
        limiter = self._endpoint.limiter
        slot = await limiter.acquire(self._worst.completion_tokens + self._worst.prompt_tokens // 4)
        try:
            self._breaker.check()  # the job may have been given up while this call waited
            await self._note(self.forfeited + self._worst)
            self.tries += 1
            self._under_way = True
            with self._breaker.asking():
                response = await self._endpoint.ask(self._request, self._deadline())
        except ModelError as error:
            self._under_way = False
            limiter.failed(slot, error)
            raise
        except BaseException:
            limiter.cancelled()
            raise
        self._under_way = False
        self.left_out = response.left_out
        limiter.answered(slot, response.completion_tokens)
        return response

    def _deadline(self) -> float:
        left = self._ledger.seconds_left
        return self._timeout_seconds if left is None else min(self._timeout_seconds, max(left, 0.001))

    async def _note(self, owed: Usage) -> None:
        """Have the journal show as begun what this call will owe if we die now."""
        if owed == self._noted:
            return
        if self._noted is not None:
            await self._journal.abandon(self._key)
        self._noted = owed
        await self._journal.begin(self._key, owed)

    def _forfeit(self, owed: Usage) -> None:
        """A request without an answer has been paid, or may have been."""
        if self._held is not None:
            self._ledger.settle(self._held, self._key.role, owed)
            self.forfeited = self.forfeited + owed
            self._held = None

    async def _give_up(self) -> None:
        if self._under_way:  # cancelled, or an error that no provider promises
            self._forfeit(self._worst)
        elif self._held is not None:
            self._ledger.release(self._held)
            self._held = None
        if self._noted is None or self._noted == self.forfeited:
            return
        # A note that cannot be taken back counts as lost when the job is resumed: too much, never too little.
        with contextlib.suppress(AttemptSuperseded, OutsideFailure):
            await self._journal.abandon(self._key)
            if self.forfeited.calls:
                await self._journal.begin(self._key, self.forfeited)
