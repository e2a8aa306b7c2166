"""``openai:/``: OpenAI's chat completions, and every server that speaks them.

``OPENAI_BASE_URL`` names another server than OpenAI's own (vLLM, llama.cpp, LM Studio, a proxy);
``OPENAI_API_KEY`` is sent to it when set. ``compatible.py`` has those with names of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from burnish.errors import ModelUnreadable
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.chat import ChatProvider, schema_instruction, sendable, token_count
from burnish.llm.providers.info import ProviderInfo

_LIKELY_RENAMED = re.compile(r"^(o\d|gpt-5)")  # they refuse max_tokens: one refusal is spared
_FORBIDDEN_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME = 64


class OpenAiProvider(ChatProvider):
    """Subclasses for servers whose address or key is built otherwise."""

    def address(self, model_name: str) -> str:
        """``<base>/chat/completions``."""
        return f"{self.base_url}/chat/completions"

    def headers(self, model: str) -> dict[str, str]:
        """A bearer token."""
        key = self.key(model)
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(self, request: Request, model_name: str, refused: frozenset[str]) -> dict[str, Any]:
        """The request as OpenAI's API has it."""
        parameters = request.parameters
        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        if "response_format" in refused and (said := schema_instruction(parameters.response_format)):
            messages.insert(0, {"role": "system", "content": said})
        renamed = _LIKELY_RENAMED.match(model_name.rpartition("/")[2])
        options = {
            "temperature": parameters.temperature,
            "max_completion_tokens" if renamed else "max_tokens": parameters.max_tokens,
            "top_p": parameters.top_p,
            "stop": list(parameters.stop) or None,
            "seed": parameters.seed,
            "response_format": with_plain_name(parameters.response_format),
            **parameters.extra,
        }
        return {"model": model_name, "messages": messages, **sendable(options, refused)}

    def read(self, answer: Mapping[str, Any], request: Request, url: str) -> Response:
        """The first choice."""
        return read_choice(answer, request, url)


def read_choice(answer: Mapping[str, Any], request: Request, url: str) -> Response:
    """The first choice of a chat completion.

    A refusal in words is the answer, with that finish reason; tool calls and separate reasoning are no text.

    Raises:
        ModelUnreadable: there is no choice.
    """
    usage = answer.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text = _text_of(message.get("content"))
        refusal = "" if text else message.get("refusal") or ""
    except (KeyError, IndexError, TypeError, AttributeError):
        error = ModelUnreadable(request.model, url, f"no choice in {str(dict(answer))[:200]}")
        if counts.get("prompt_tokens") or counts.get("completion_tokens"):
            error.tokens_used = _tokens(counts, request, "")
        raise error from None
    prompt_tokens, completion_tokens = _tokens(counts, request, text)
    return Response(
        text=text or refusal,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        finish_reason="refusal" if refusal else str(choice.get("finish_reason") or "stop"),
    )


def with_plain_name(response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The response format with a name that the API takes: letters, digits, ``_`` and ``-``, 64 at most."""
    schema = (response_format or {}).get("json_schema")
    if not isinstance(schema, Mapping) or "name" not in schema:
        return response_format
    name = _FORBIDDEN_IN_NAMES.sub("_", str(schema["name"])).strip("_")[:_LONGEST_NAME] or "answer"
    return {**(response_format or {}), "json_schema": {**schema, "name": name}}


def _tokens(counts: Mapping[str, Any], request: Request, text: str) -> tuple[int, int]:
    return (
        token_count(counts.get("prompt_tokens"), *(m.content for m in request.messages)),
        token_count(counts.get("completion_tokens"), text),
    )


def _text_of(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part.get("type") == "text")


INFO = ProviderInfo(
    scheme="openai",
    make=OpenAiProvider,
    keys=("OPENAI_API_KEY",),
    url_variable="OPENAI_BASE_URL",
    default_url="https://api.openai.com/v1",
    prices="openai",
)
