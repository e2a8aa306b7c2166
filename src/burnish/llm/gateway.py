"""The gateway: the only road to a model. It keeps budgets, limits and the journal.

look into the journal → join an identical call in flight → reserve the worst case → wait for
the limiter → note the call → ask, with retries → settle what it cost → keep the answer
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from burnish.concurrency import SingleFlight
from burnish.domain.answer import Thinking
from burnish.domain.job import JobConfig
from burnish.domain.records import CallKey
from burnish.domain.usage import Role, Usage
from burnish.errors import BurnishError, ModelError
from burnish.llm.answer_watch import AnswerWatch
from burnish.llm.budget import Ledger
from burnish.llm.call import Call
from burnish.llm.circuit_breaker import CircuitBreaker
from burnish.llm.endpoint import AppEndpoint, Endpoint, ModelEndpoint
from burnish.llm.limits import Limiter, RateLimits
from burnish.llm.protocol import AnyRequest, AppProvider, AppRequest, Completion, Journal, Provider, Purpose
from burnish.llm.retries import RetrySchedule
from burnish.llm.uri import ModelUri, parse_model_uri

ANY_MODEL = "*"


class Providers(Protocol):
    """Where providers come from; ``registry.Registry`` is one."""

    def check(self, model: ModelUri) -> ModelUri:
        """The model by its provider's own scheme.

        Raises:
            InvalidInput: unknown scheme, or a base URL that the operator does not allow.
        """
        ...

    def provider(self, model: ModelUri) -> Provider:
        """Who answers for it; raises as :meth:`check`."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """One call that is over, for whoever counts (metrics, traces).

    Attributes:
        seconds: from the reservation to the end, retries and waits included; 0 when replayed.
        tries: requests sent.
        error: the kind of failure, or ``None``.
    """

    model: str
    role: Role
    usage: Usage
    seconds: float = 0.0
    tries: int = 0
    replayed: bool = False
    error: str | None = None


class Gateway:
    """What all jobs of a process share: connections, loaded models, limiters.

    Args:
        providers: makes and closes them.
        limits: model URI → what the operator knows of its limits; :data:`ANY_MODEL` for all others.
        report: called with every call that is over; must not block.
        clock: seconds, monotonic.
        sleep: how limiters wait; injected so that tests do not.
    """

    def __init__(
        self,
        providers: Providers,
        *,
        limits: Mapping[str, RateLimits] | None = None,
        retries: RetrySchedule | None = None,
        report: Callable[[CallReport], None] = lambda report: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._providers = providers
        self._limits = limits or {}
        self._sleep = sleep
        self._endpoints: dict[str, ModelEndpoint] = {}
        self._app_limiters: dict[str, Limiter] = {}
        self.retries = retries or RetrySchedule()
        self.report = report
        self.clock = clock

    def for_job(
        self, *, ledger: Ledger, journal: Journal, config: JobConfig, app: AppProvider | None = None
    ) -> JobGateway:
        """The gateway as one attempt of a job sees it.

        Args:
            app: who runs the job's app, where it has one.
        """
        endpoint = AppEndpoint(app, self._app_limiter(config)) if app is not None else None
        return JobGateway(self, ledger, journal, config, endpoint)

    def _app_limiter(self, config: JobConfig) -> Limiter:
        """Jobs share an app that is at a URL, as they share a model; a function is one job's own."""
        app = config.app
        if app is None or app.url is None:
            return Limiter(RateLimits(max_concurrency=config.concurrency), self.clock, self._sleep)
        found = self._app_limiters.get(app.uri)
        if found is None:
            found = self._app_limiters[app.uri] = Limiter(self._limits_of(app.uri), self.clock, self._sleep)
        return found

    def _limits_of(self, uri: str) -> RateLimits:
        return self._limits.get(uri) or self._limits.get(ANY_MODEL, RateLimits())

    def endpoint(self, model: str) -> ModelEndpoint:
        """The model as all jobs share it.

        Raises:
            InvalidInput: the model's URI cannot be used.
        """
        found = self._endpoints.get(model)
        if found is None:
            uri = self._providers.check(parse_model_uri(model))
            provider = self._providers.provider(uri)
            limiter = Limiter(self._limits_of(model), self.clock, self._sleep)
            found = self._endpoints[model] = ModelEndpoint(uri, provider, limiter)
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

    Attributes:
        answers: how many there were of each kind, what they cost, and warnings about them.
    """

    def __init__(
        self,
        gateway: Gateway,
        ledger: Ledger,
        journal: Journal,
        config: JobConfig,
        app: AppEndpoint | None = None,
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._app = app
        self._journal = journal
        self._config = config
        self._breaker = CircuitBreaker(config.failure_share)
        self._in_flight: SingleFlight[Completion] = SingleFlight()
        self.answers = AnswerWatch()

    async def complete(self, request: AnyRequest, purpose: Purpose) -> Completion:
        """The answer to one request, from the journal where it is known already.

        Raises:
            BudgetExhausted: the call does not fit; it was not made.
            InvalidInput: the model cannot be used, or ``max_usd`` cannot be kept with it.
            ModelError: after the retries; :class:`~burnish.errors.ModelRejected` at once.
            ProviderUnavailable: too many of the job's recent calls failed.
            AttemptSuperseded: another attempt has the job.
        """
        key = purpose.key_of(request)
        completion = self._journal.find(key)
        if completion is not None:
            self._breaker.answered_before()
            if self._app is not None and isinstance(request, AppRequest):
                self._app.ran_before(completion.usage)
            self._gateway.report(
                CallReport(model=request.model, role=purpose.role, usage=completion.usage, replayed=True)
            )
        else:
            try:
                completion = await self._in_flight.join(key, lambda: self._make(request, key))
            except BurnishError as error:
                if isinstance(error, ModelError):
                    self.answers.failed(key, error)
                await self._breaker.drain()
                raise
        if self._config.thinking != Thinking.KEEP and completion.run is None:  # an app's output is its own
            completion = completion.without_thinking()
        self.answers.answered(key, request, completion)
        return completion

    async def _make(self, request: AnyRequest, key: CallKey) -> Completion:
        self._breaker.check()
        gateway = self._gateway
        call = Call(
            request,
            key,
            endpoint=self._endpoint(request),
            ledger=self._ledger,
            journal=self._journal,
            breaker=self._breaker,
            retries=gateway.retries,
            timeout_seconds=self._timeout_seconds(request),
        )
        began, over = gateway.clock(), partial(CallReport, model=request.model, role=key.role)
        try:
            completion = await call.make()
        except ModelError as error:
            seconds, kind = gateway.clock() - began, type(error).__name__
            gateway.report(over(usage=call.forfeited, seconds=seconds, tries=call.tries, error=kind))
            self._breaker.failed(error)
            raise
        gateway.report(over(usage=completion.usage, seconds=gateway.clock() - began, tries=call.tries))
        self._breaker.answered()
        for parameter in sorted(call.left_out):
            self.answers.warn(f"{request.model} does not take {parameter}; its calls are made without it")
        return completion

    def _timeout_seconds(self, request: AnyRequest) -> float:
        app = self._config.app if isinstance(request, AppRequest) else None
        return app.timeout_seconds if app and app.timeout_seconds else self._config.call_timeout_seconds

    def _endpoint(self, request: AnyRequest) -> Endpoint:
        if isinstance(request, AppRequest):
            assert self._app is not None, "a job without an app has no target that asks one"
            return self._app
        return self._gateway.endpoint(request.model)
