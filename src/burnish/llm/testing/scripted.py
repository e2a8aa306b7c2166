"""``scripted:/``: the honest fake. Answers by a rule instead of a model, and counts what it is asked."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping

from burnish.errors import (
    ModelError,
    ModelRejected,
    ModelRequestInvalid,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreadable,
)
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.info import FREE, ProviderInfo
from burnish.llm.testing.faults import KINDS, Faults
from burnish.llm.testing.hidden_rules import HiddenRules

Script = Callable[[Request], "str | Response | Exception"]
"""Answers a request. Must depend on the request alone. An exception it returns is raised."""


class ScriptedProvider:
    """Answers by scripts, one for each model name.

    Args:
        scripts: model name → script; :data:`SCRIPTS` if left out.
        faults: what goes wrong, and how long answers take.
        sleep: injected, so that latency need not be waited for.

    Attributes:
        requests: how many came in, the failed ones included.
        asked: the last thousand of them.
        answered: request's hash → how often it was answered.
        most_at_once: the highest number in flight.
    """

    def __init__(
        self,
        scripts: Mapping[str, Script] | None = None,
        *,
        faults: Faults | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._scripts = SCRIPTS if scripts is None else scripts
        self._sleep = sleep
        self._seen: Counter[str] = Counter()
        self.faults = faults or Faults()
        self.requests = 0
        self.in_flight = 0
        self.most_at_once = 0
        self.asked: deque[Request] = deque(maxlen=1000)
        self.answered: Counter[str] = Counter()

    async def complete(self, request: Request, model_name: str, timeout_seconds: float) -> Response:
        """Answer by the script of that name, or fail as the faults say."""
        script = self._scripts.get(model_name)
        if script is None:
            known = ", ".join(sorted(self._scripts))
            raise ModelRejected(request.model, f"there is no such script; there are {known}")
        key = request.digest
        fault = self.faults.kind_of(key, self._seen[key], self.requests)
        self._seen[key] += 1
        self.requests += 1
        self.asked.append(request)
        self.in_flight += 1
        self.most_at_once = max(self.most_at_once, self.in_flight)
        try:
            await self._take_time(request, key, fault, timeout_seconds)
        finally:
            self.in_flight -= 1
        if fault is not None and fault != "empty":
            raise as_error(fault, request.model, self.faults.retry_after_seconds)
        answer = "" if fault == "empty" else script(request)
        if isinstance(answer, Exception):
            raise answer
        self.answered[key] += 1
        return response_to(request, answer) if isinstance(answer, str) else answer

    async def close(self) -> None:
        """Nothing to give back."""

    async def _take_time(self, request: Request, key: str, fault: str | None, timeout_seconds: float) -> None:
        seconds = float("inf") if fault == "hang" else self.faults.seconds(key)
        await self._sleep(min(seconds, timeout_seconds))
        if seconds > timeout_seconds:
            error = ModelTimeout(request.model, f"no answer within {timeout_seconds:g} s")
            error.maybe_paid = True
            raise error


def as_error(fault: str, model: str, retry_after_seconds: float) -> ModelError:
    """A fault as a provider that speaks HTTP reports it."""
    shown = f"{KINDS[fault]} (scripted)"
    if fault in ("401", "404"):
        return ModelRejected(model, f"{fault} {shown}")
    if fault == "400":
        return ModelRequestInvalid(model, f"{fault} {shown}")
    if fault in ("garbage", "no_choices", "error_in_200", "stream"):
        return ModelUnreadable(model, model, shown)
    error = ModelUnavailable(model, shown)
    error.maybe_paid = fault == "drop"
    error.throttled = fault in ("429", "503")
    error.retry_after_seconds = retry_after_seconds if fault == "429" else None
    return error


def response_to(request: Request, text: str) -> Response:
    """A text as a response: cut at ``max_tokens`` and ``stop``, tokens counted as four characters each."""
    finish_reason = "stop"
    for stop in request.parameters.stop:
        text = text.partition(stop)[0]
    limit = request.parameters.output_cap
    if limit is not None and _tokens(text) > limit:
        text, finish_reason = text[: 4 * limit], "length"
    return Response(
        text=text,
        prompt_tokens=sum(_tokens(message.content) for message in request.messages),
        completion_tokens=_tokens(text),
        finish_reason=finish_reason,
    )


def _tokens(text: str) -> int:
    """The scripted model's own tokenizer: four characters a token."""
    return -(-len(text) // 4)


def echo(request: Request) -> str:
    """The last message."""
    return request.messages[-1].content


_GOOD = re.compile(r"\b(good|great|love\w*|excellent|wonderful|best|fun|enjoy\w*|beautiful\w*|charming)\b")
_BAD = re.compile(r"\b(bad|worst|hate\w*|boring|awful|terrible|dull|poor\w*|waste|mess|fail\w*)\b")


def sentiment(request: Request) -> str:
    """A small model that labels sentiment well only if the prompt names both labels and asks for one word."""
    prompt = "\n".join(message.content for message in request.messages).lower()
    label = "positive" if len(_GOOD.findall(prompt)) >= len(_BAD.findall(prompt)) else "negative"
    if "positive" in prompt and "negative" in prompt and ("one word" in prompt or "only" in prompt):
        return label
    return f"This review seems rather {label} to me, though it has several sides to consider."


SCRIPTS: dict[str, Script] = {
    "echo": echo,
    "sentiment": sentiment,
    "hidden-rules": HiddenRules(),
    "hidden-rules-reflect": HiddenRules(),
}
"""Scripts that every installation knows, as ``scripted:/echo``."""


INFO = ProviderInfo(
    scheme="scripted", make=lambda info, base_url, environment: ScriptedProvider(), prices=FREE
)
