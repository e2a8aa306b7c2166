"""What every provider promises. For tests of Burnish and of other providers.

class TestMyProvider(HttpProviderContract):
    model = "mine:/any"

    def provider(self, url):
        return MyProvider(url, {"MY_KEY": SECRET})
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from burnish.concurrency import eventually
from burnish.domain.prompt import Message
from burnish.errors import (
    ModelError,
    ModelRejected,
    ModelRequestInvalid,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreadable,
)
from burnish.llm.protocol import Parameters, Provider, Request
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.scripted import Script, echo
from burnish.llm.testing.scripted_server import ScriptedServer
from burnish.llm.uri import parse_model_uri

if TYPE_CHECKING:
    from aiohttp import web

SECRET = "sk-do-not-show-this-0123456789"
"""The key that providers under test are given; it must appear in no error."""


class Counts(Protocol):
    """What the other side has seen."""

    @property
    def requests(self) -> int: ...
    @property
    def in_flight(self) -> int: ...


class ProviderContract:
    """What holds for every provider, also for one whose model cannot be scripted.

    Attributes:
        model: a URI of the provider's scheme.
        patience_seconds: how long an answer may take.
    """

    model = ""
    patience_seconds = 5.0

    def opened(self, script: Script, faults: Faults) -> AbstractAsyncContextManager[tuple[Provider, Counts]]:
        """A provider, whose model answers by ``script`` if it can, and the other side's counts."""
        raise NotImplementedError

    def request(self, *messages: Message, **parameters: object) -> Request:
        """A request of some messages, or of a plain one."""
        return Request(
            model=self.model,
            messages=messages or (Message("user", "Count from one to one hundred."),),
            parameters=Parameters(**parameters),  # type: ignore[arg-type]
        )

    @property
    def name(self) -> str:
        """The model's name behind the scheme."""
        return parse_model_uri(self.model).name

    async def test_a_question_is_answered(self) -> None:
        """With a text and with counts of tokens."""
        async with self.opened(echo, Faults()) as (provider, _):
            response = await provider.complete(self.request(max_tokens=16), self.name, self.patience_seconds)
        assert response.text
        assert response.prompt_tokens > 0
        assert 0 < response.completion_tokens <= 16

    async def test_the_answer_is_capped(self) -> None:
        """By ``max_tokens``; the finish reason says so."""
        async with self.opened(lambda request: "abcd" * 50, Faults()) as (provider, _):
            response = await provider.complete(self.request(max_tokens=5), self.name, self.patience_seconds)
        assert response.completion_tokens == 5
        assert response.finish_reason == "length"

    async def test_no_answer_in_time(self) -> None:
        """Is a timeout."""
        async with self.opened(echo, Faults(shares={"hang": 1})) as (provider, _):
            await self.warm_up(provider)
            with pytest.raises(ModelTimeout):
                await provider.complete(self.request(max_tokens=1000), self.name, 0.05)

    async def test_cancelling_aborts_the_request(self) -> None:
        """The other side notices."""
        async with self.opened(echo, Faults(shares={"hang": 1})) as (provider, counts):
            await self.warm_up(provider)
            asking = asyncio.create_task(
                provider.complete(self.request(max_tokens=1000), self.name, self.patience_seconds)
            )
            await eventually(lambda: counts.in_flight == 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await eventually(lambda: counts.in_flight == 0)

    async def test_close_may_be_called_twice(self) -> None:
        """The second time does nothing."""
        async with self.opened(echo, Faults()) as (provider, _):
            await provider.complete(self.request(max_tokens=1), self.name, self.patience_seconds)
            await provider.close()
            await provider.close()

    async def warm_up(self, provider: Provider) -> None:
        """Have the provider load what it loads at its first request."""


class ScriptedContract(ProviderContract):
    """What holds where the other side answers, and fails, on request. Say how to make your provider.

    Attributes:
        sees_retry_after: whether the provider can see ``Retry-After``.
        sees_success: whether it can see that an error came with a 200.
        server: speaks the shapes of OpenAI and Anthropic; for another one a subclass with ``read`` and
            ``write``.
    """

    sees_retry_after = True
    sees_success = True
    server = ScriptedServer

    def provider(self, url: str) -> Provider:
        """One that asks the scripted server at ``url`` (no path, no slash at its end)."""
        raise NotImplementedError

    def opened(self, script: Script, faults: Faults) -> AbstractAsyncContextManager[tuple[Provider, Counts]]:
        """Over HTTP, unless overridden."""
        return self._over_http(script, faults)

    @asynccontextmanager
    async def _over_http(self, script: Script, faults: Faults) -> AsyncIterator[tuple[Provider, Counts]]:
        async with self.server(script, faults) as server:
            provider = self.provider(server.url)
            try:
                yield provider, server
            finally:
                await provider.close()

    async def failure(self, faults: Faults, timeout_seconds: float = 5.0) -> tuple[ModelError, Counts]:
        """The error that a fault becomes."""
        async with self.opened(echo, faults) as (provider, counts):
            with pytest.raises(ModelError) as raised:
                await provider.complete(self.request(), self.name, timeout_seconds)
        assert SECRET not in str(raised.value)
        return raised.value, counts

    async def test_an_answer_carries_text_and_tokens(self) -> None:
        """The text as it came; the provider's own counts."""
        async with self.opened(lambda request: "Grüße, 世界 🙂", Faults()) as (provider, counts):
            response = await provider.complete(self.request(), self.name, 5.0)
        assert response.text == "Grüße, 世界 🙂"
        assert response.finish_reason == "stop"
        assert response.prompt_tokens == 8
        assert response.completion_tokens == 3
        assert counts.requests == 1

    async def test_every_message_arrives_in_order(self) -> None:
        """With its role."""
        messages = (
            Message("system", "Be brief."),
            Message("user", "One?"),
            Message("assistant", "1"),
            Message("user", "Two?"),
        )

        def read_back(request: Request) -> str:
            return "|".join(f"{m.role}:{m.content}" for m in request.messages)

        async with self.opened(read_back, Faults()) as (provider, _):
            response = await provider.complete(self.request(*messages), self.name, 5.0)
        assert response.text == "system:Be brief.|user:One?|assistant:1|user:Two?"

    async def test_a_prompt_of_system_messages_alone_is_answered(self) -> None:
        """Some APIs want a user's turn."""
        async with self.opened(echo, Faults()) as (provider, _):
            response = await provider.complete(
                self.request(Message("system", "Say something.")), self.name, 5.0
            )
        assert response.text == "Say something."

    async def test_a_capped_answer_is_cut_where_the_cap_is(self) -> None:
        """Nothing of it is lost."""
        async with self.opened(lambda request: "abcd" * 50, Faults()) as (provider, _):
            response = await provider.complete(self.request(max_tokens=5), self.name, 5.0)
        assert response.text == "abcd" * 5

    async def test_stop_sequences_end_the_answer(self) -> None:
        """They are not part of it."""
        async with self.opened(lambda request: "yes END no", Faults()) as (provider, _):
            response = await provider.complete(self.request(stop=("END",)), self.name, 5.0)
        assert response.text == "yes "

    async def test_an_empty_answer_is_an_answer(self) -> None:
        """Not garbage."""
        async with self.opened(echo, Faults(shares={"empty": 1})) as (provider, _):
            response = await provider.complete(self.request(), self.name, 5.0)
        assert response.text == ""

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            ("400", ModelRequestInvalid),
            ("401", ModelRejected),
            ("404", ModelRejected),
            ("429", ModelUnavailable),
            ("500", ModelUnavailable),
            ("503", ModelUnavailable),
        ],
    )
    async def test_a_refusal_is_reported_after_one_request(self, fault: str, kind: type[ModelError]) -> None:
        """Of the right kind, free of charge, never retried here."""
        error, counts = await self.failure(Faults(shares={fault: 1}))
        assert type(error) is kind
        assert not error.maybe_paid
        assert error.throttled == (fault in ("429", "503"))
        assert counts.requests == 1

    async def test_retry_after_is_passed_on(self) -> None:
        """In seconds."""
        error, _ = await self.failure(Faults(shares={"429": 1}, retry_after_seconds=7))
        assert error.retry_after_seconds == (7 if self.sees_retry_after else None)

    @pytest.mark.parametrize("fault", ["garbage", "no_choices", "error_in_200", "stream"])
    async def test_an_answer_that_cannot_be_read_is_not_charged(self, fault: str) -> None:
        """No usage came with it; the error says so in a kind of its own."""
        error, counts = await self.failure(Faults(shares={fault: 1}))
        refused = fault == "error_in_200" and not self.sees_success
        assert isinstance(error, ModelRequestInvalid if refused else ModelUnreadable)
        assert not error.maybe_paid
        assert error.tokens_used is None
        assert counts.requests == 1

    async def test_a_lost_connection_may_have_been_paid(self) -> None:
        """So it is counted."""
        error, counts = await self.failure(Faults(shares={"drop": 1}))
        assert type(error) is ModelUnavailable
        assert error.maybe_paid
        assert counts.requests == 1

    async def test_an_answer_that_did_not_come_may_have_been_paid(self) -> None:
        """So it is counted too."""
        error, _ = await self.failure(Faults(shares={"hang": 1}), timeout_seconds=0.05)
        assert type(error) is ModelTimeout
        assert error.maybe_paid

    async def test_many_at_once(self) -> None:
        """Each gets its own answer."""
        async with self.opened(echo, Faults(jitter_seconds=0.02)) as (provider, counts):
            asked = [f"number {i}" for i in range(16)]
            responses = await asyncio.gather(
                *(provider.complete(self.request(Message("user", text)), self.name, 5.0) for text in asked)
            )
        assert [response.text for response in responses] == asked
        assert counts.requests == 16


class HttpProviderContract(ScriptedContract):
    """Promises of providers that speak HTTP to the scripted server."""

    async def test_nothing_listens(self) -> None:
        """Certainly free; the address is named, so that it can be mended."""
        server = self.server(echo)
        await server.start()
        url = server.url
        await server.stop()
        provider = self.provider(url)
        try:
            with pytest.raises(ModelUnavailable) as raised:
                await provider.complete(self.request(), self.name, 5.0)
        finally:
            await provider.close()
        assert not raised.value.maybe_paid
        assert url.rpartition(":")[2] in str(raised.value)

    async def test_an_error_that_quotes_the_key_is_redacted(self) -> None:
        """Some servers repeat what they were sent."""

        class KeyEchoServer(ScriptedServer):
            async def _act(self, http: web.Request, *_: Any) -> web.StreamResponse:
                from aiohttp import web

                echo = f"wrong key {SECRET} for {http.headers.get('Authorization')}" + " x" * 1000
                return web.json_response({"error": {"message": echo}}, status=401)

        async with KeyEchoServer(echo) as server:
            provider = self.provider(server.url)
            with pytest.raises(ModelRejected) as raised:
                await provider.complete(self.request(), self.name, 5.0)
            await provider.close()
        assert SECRET not in str(raised.value)
        assert "wrong key" in str(raised.value)
        assert len(str(raised.value)) < 600
