"""Who answers a request, how fast it may be asked, and what an answer costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from burnish.domain.usage import Usage
from burnish.errors import ModelError
from burnish.llm.budget import DEFAULT_MAX_OUTPUT_TOKENS, capped, most_prompt_tokens
from burnish.llm.limits import Limiter
from burnish.llm.pricing import price
from burnish.llm.protocol import (
    AnyRequest,
    AppFailed,
    AppProvider,
    AppRequest,
    Provider,
    Request,
    Response,
)
from burnish.llm.uri import ModelUri


class Endpoint(Protocol):
    """One model or one app. A call asks it; budget, limits, retries and journal are the call's."""

    @property
    def limiter(self) -> Limiter: ...

    def worst(self, request: AnyRequest) -> Usage:
        """The most that one try may cost: so much is reserved."""
        ...

    async def ask(self, request: AnyRequest, timeout_seconds: float) -> Response:
        """Try once.

        Raises:
            ModelError
        """
        ...

    def used(self, response: Response) -> Usage:
        """What an answer has cost."""
        ...

    def used_in_vain(self, error: ModelError) -> Usage | None:
        """What a try has cost that brought no answer; ``None``: nothing."""
        ...


@dataclass(frozen=True, slots=True)
class ModelEndpoint:
    """A language model."""

    model: ModelUri
    provider: Provider
    limiter: Limiter

    def worst(self, request: AnyRequest) -> Usage:
        assert isinstance(request, Request)
        cap = request.output_cap or DEFAULT_MAX_OUTPUT_TOKENS
        return self._usage(most_prompt_tokens(request), cap)

    async def ask(self, request: AnyRequest, timeout_seconds: float) -> Response:
        assert isinstance(request, Request)
        return await self.provider.complete(capped(request), self.model.name, timeout_seconds)

    def used(self, response: Response) -> Usage:
        return self._usage(response.prompt_tokens, response.completion_tokens)

    def used_in_vain(self, error: ModelError) -> Usage | None:
        return None if error.tokens_used is None else self._usage(*error.tokens_used)

    def _usage(self, prompt_tokens: int, completion_tokens: int) -> Usage:
        dollars = price(self.model, prompt_tokens, completion_tokens)
        return Usage(1, prompt_tokens, completion_tokens, dollars)


class AppEndpoint:
    """One job's app.

    What a run will cost is known only from those before it, so the most that one has cost is reserved: a
    budget may be passed by what the runs in flight cost more than that.
    """

    def __init__(self, provider: AppProvider, limiter: Limiter) -> None:
        self._provider = provider
        self._most = Usage(calls=1)
        self.limiter = limiter

    def worst(self, request: AnyRequest) -> Usage:
        return self._most

    async def ask(self, request: AnyRequest, timeout_seconds: float) -> Response:
        assert isinstance(request, AppRequest)
        return await self._provider.run(request, timeout_seconds)

    def used(self, response: Response) -> Usage:
        used = response.usage or UNKNOWN_COST
        self.ran_before(used)
        return used

    def ran_before(self, used: Usage) -> None:
        """What a run has cost, also one of an earlier process."""
        self._most = _most(self._most, used)

    def used_in_vain(self, error: ModelError) -> Usage | None:
        return error.usage if isinstance(error, AppFailed) else None


UNKNOWN_COST = Usage(calls=1, usd_nanos=None, unmetered=1)
"""One run of which nothing else is known."""


def _most(one: Usage, other: Usage) -> Usage:
    """The larger of each number; dollars are unknown where they are in one of them."""
    dollars = None
    if one.usd_nanos is not None and other.usd_nanos is not None:
        dollars = max(one.usd_nanos, other.usd_nanos)
    return Usage(
        max(one.calls, other.calls),
        max(one.prompt_tokens, other.prompt_tokens),
        max(one.completion_tokens, other.completion_tokens),
        dollars,
        max(one.unmetered, other.unmetered),
    )
