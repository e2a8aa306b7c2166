"""The gateway: the only road to a model. It keeps budgets, limits and the journal.

join an identical call in flight → look into the journal → reserve the worst case → wait for
the limiter → note the call → ask, with retries → settle what it cost → keep the answer
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from burnish.concurrency import SingleFlight
from burnish.domain.answer import Thinking
from burnish.domain.budget import Ledger
from burnish.domain.job import JobConfig
from burnish.domain.usage import Role, Usage
from burnish.errors import ModelError
from burnish.llm.call import Call
from burnish.llm.endpoint import Endpoint
from burnish.llm.health import Health
from burnish.llm.identity import request_hash
from burnish.llm.limits import Limiter, RateLimits
from burnish.llm.protocol import Completion, Journal, Provider, Purpose, Request
from burnish.llm.retries import RetrySchedule
from burnish.llm.room import Room
from burnish.llm.uri import ModelUri, parse_model_uri

ANY_MODEL = "*"


class Providers(Protocol):
    """Where providers come from; ``registry.Registry`` is one."""

    def provider(self, model: ModelUri) -> Provider:
        """
        Raises:
            InvalidInput: unknown scheme, or a base URL that the operator does not allow.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """One call that is over, for whoever counts (metrics, traces).

    Attributes:
        seconds: from the reservation to the end, retries and waits included; 0 when replayed.
        attempts: requests sent.
        error: the kind of failure, or ``None``.
    """

    model: str
    role: Role
    seconds: float
    attempts: int
    usage: Usage
    replayed: bool = False
    error: str | None = None


class Gateway:
    """What all jobs of a process share: connections, loaded models, limiters.

    Args:
        providers: makes and closes them.
        limits: model URI → what the operator knows of its limits; :data:`ANY_MODEL` for all others.
        report: told of every call that is over; must not block.
        clock: seconds, monotonic.
        sleep, draw: waiting, and chance in [0, 1); injected so that tests neither wait nor vary.
    """

    def __init__(
        self,
        providers: Providers,
        *,
        limits: Mapping[str, RateLimits] | None = None,
        schedule: RetrySchedule | None = None,
        report: Callable[[CallReport], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._providers = providers
        self._limits = limits or {}
        self._endpoints: dict[str, Endpoint] = {}
        self.schedule = schedule or RetrySchedule()
        self.report = report
        self.clock = clock
        self.sleep = sleep
        self.draw = draw

    def for_job(self, *, ledger: Ledger, journal: Journal, config: JobConfig) -> JobGateway:
        """The gateway as one attempt of a job sees it."""
        return JobGateway(
            self,
            ledger,
            journal,
            timeout_seconds=config.call_timeout_seconds,
            failure_share=config.failure_share,
            thinking=config.thinking,
        )

    def endpoint(self, model: str) -> Endpoint:
        """
        Raises:
            InvalidInput: the model's URI cannot be used.
        """
        found = self._endpoints.get(model)
        if found is None:
            uri = parse_model_uri(model)
            provider = self._providers.provider(uri)
            limits = self._limits.get(model) or self._limits.get(ANY_MODEL, RateLimits())
            found = self._endpoints[model] = Endpoint(uri, provider, Limiter(limits, self.clock, self.sleep))
        return found

    async def close(self) -> None:
        """Give connections and memory back. May be called twice."""
        self._endpoints.clear()
        await self._providers.close()


class JobGateway:
    """Implements ``llm.protocol.LanguageModel`` for one attempt of a job.

    What counts as spent: every answered request with the provider's count of tokens and its list
    price; a request that ended with an HTTP error, or was never sent, costs nothing; one whose end is
    unknown (no answer in time, connection lost, an answer that cannot be read, cancelled under way)
    counts with its whole reservation, since it may have been paid.
    """

    def __init__(
        self,
        gateway: Gateway,
        ledger: Ledger,
        journal: Journal,
        *,
        timeout_seconds: float = 60.0,
        failure_share: float = 0.5,
        thinking: Thinking = Thinking.STRIP,
    ) -> None:
        self._gateway = gateway
        self._journal = journal
        self._timeout_seconds = timeout_seconds
        self._thinking = thinking
        self._room = Room(ledger)
        self._health = Health(failure_share)
        self._in_flight: SingleFlight[Completion] = SingleFlight()

    async def complete(self, request: Request, purpose: Purpose) -> Completion:
        """The answer to one request, from the journal where it is known already.

        Raises:
            BudgetExhausted: the call does not fit; it was not made.
            InvalidInput: the model cannot be used, or ``max_usd`` cannot be kept with it.
            ModelError: after the retries; :class:`~burnish.errors.ModelRejected` at once.
            ProviderUnavailable: too many of the job's recent calls failed.
            AttemptSuperseded: another attempt has the job.
        """
        key = (request_hash(request), purpose)
        completion = await self._in_flight.join(key, lambda: self._find_or_make(request, purpose))
        return completion.without_thinking() if self._thinking == Thinking.STRIP else completion

    async def _find_or_make(self, request: Request, purpose: Purpose) -> Completion:
        found = self._journal.find(request, purpose)
        if found is not None:
            self._report(request, purpose, 0.0, 0, found.usage, replayed=True)
            return found
        self._health.check()
        gateway = self._gateway
        call = Call(
            request,
            purpose,
            endpoint=gateway.endpoint(request.model),
            room=self._room,
            journal=self._journal,
            health=self._health,
            timeout_seconds=self._timeout_seconds,
        )
        started_at = gateway.clock()
        try:
            completion = await call.make(gateway)
        except ModelError as error:
            seconds = gateway.clock() - started_at
            self._report(request, purpose, seconds, call.attempts, call.forfeited, error=type(error).__name__)
            self._health.failed(error)
            raise
        self._health.answered()
        self._report(request, purpose, gateway.clock() - started_at, call.attempts, completion.usage)
        return completion

    def _report(
        self,
        request: Request,
        purpose: Purpose,
        seconds: float,
        attempts: int,
        usage: Usage,
        replayed: bool = False,
        error: str | None = None,
    ) -> None:
        if self._gateway.report is not None:
            self._gateway.report(
                CallReport(
                    model=request.model,
                    role=purpose.role,
                    seconds=seconds,
                    attempts=attempts,
                    usage=usage,
                    replayed=replayed,
                    error=error,
                )
            )
