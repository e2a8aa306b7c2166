"""``openai:/``: every endpoint that speaks OpenAI's chat completions.

``OPENAI_BASE_URL`` names another server than OpenAI's own (vLLM, llama.cpp, LM Studio, a proxy);
``OPENAI_API_KEY`` is sent to it when set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from burnish.domain.text import estimate_tokens
from burnish.errors import ModelRejected
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.http import JsonClient, Remedies

_RENAMED_MAX_TOKENS = re.compile(r"^(o\d|gpt-5)")  # these refuse max_tokens


class OpenAiProvider:
    """Subclasses for servers that speak the same but name their address and key otherwise.

    Args:
        base_url: instead of the environment's; already checked against the operator's list.
        environment: read at each call, so that a changed key works without a restart.
    """

    key_variable = "OPENAI_API_KEY"
    url_variable = "OPENAI_BASE_URL"
    default_url = "https://api.openai.com/v1"

    def __init__(self, base_url: str | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self._base_url = base_url
        self._environment = environment
        self._client = JsonClient(environment)

    async def complete(self, request: Request, model_name: str, timeout_seconds: float) -> Response:
        """One request to ``<base>/chat/completions``."""
        answer = await self._client.post(
            self.address(model_name),
            self.body(request, model_name),
            headers=self.headers(request.model),
            timeout_seconds=timeout_seconds,
            model=request.model,
            remedies=Remedies(
                key=f"check {self.key_variable}",
                address=f"check the model's name and {self.url_variable}",
            ),
        )
        return self._response(answer, request)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @property
    def base_url(self) -> str:
        """Where requests go, without a slash at its end."""
        found = self._base_url or self._environment.get(self.url_variable) or self.default_url
        return found.rstrip("/")

    def address(self, model_name: str) -> str:
        """The URL to post to."""
        return f"{self.base_url}/chat/completions"

    def headers(self, model: str) -> dict[str, str]:
        """What proves who asks.

        Raises:
            ModelRejected: the key is not set and the server is one that wants it.
        """
        key = self._environment.get(self.key_variable)
        if key:
            return {"Authorization": f"Bearer {key}"}
        if self.base_url == self.default_url:
            raise ModelRejected(model, f"no key: set {self.key_variable}")
        return {}

    def body(self, request: Request, model_name: str) -> dict[str, Any]:
        """The request as OpenAI's API has it."""
        parameters = request.parameters
        renamed = _RENAMED_MAX_TOKENS.match(model_name.rpartition("/")[2])
        found = {
            "model": model_name,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "temperature": parameters.temperature,
            "max_completion_tokens" if renamed else "max_tokens": parameters.max_tokens,
            "top_p": parameters.top_p,
            "stop": list(parameters.stop) or None,
            "seed": parameters.seed,
            "response_format": parameters.response_format,
            **parameters.extra,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _response(self, answer: Mapping[str, Any], request: Request) -> Response:
        try:
            choice = answer["choices"][0]
            message = choice["message"]
            text = _text_of(message.get("content"))
            refusal = "" if text else message.get("refusal") or ""
        except (KeyError, IndexError, TypeError, AttributeError):
            raise self._client.garbage(request.model, str(answer)) from None
        usage = answer.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        return Response(
            text=text or refusal,
            prompt_tokens=count(counts.get("prompt_tokens"), *(m.content for m in request.messages)),
            completion_tokens=count(counts.get("completion_tokens"), text),
            finish_reason="refusal" if refusal else str(choice.get("finish_reason") or "stop"),
        )


def count(given: Any, *texts: str) -> int:
    """The provider's count of tokens, or an estimate where it gives none."""
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return given
    return sum(estimate_tokens(text) for text in texts)


def _text_of(content: Any) -> str:
    """An answer's text; no content (a refusal, a tool call) is an empty answer."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part.get("type") == "text")
