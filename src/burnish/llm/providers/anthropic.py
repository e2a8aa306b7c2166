"""``anthropic:/``: Anthropic's Messages API (https://docs.anthropic.com/en/api/messages).

``ANTHROPIC_API_KEY``; ``ANTHROPIC_BASE_URL`` for a proxy. There is no seed in the API; a JSON schema goes
into the system text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burnish.errors import ModelRejected, ModelUnreadable
from burnish.llm.budget import DEFAULT_MAX_OUTPUT_TOKENS
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.chat import ChatProvider, schema_instruction, sendable, token_count
from burnish.llm.providers.info import ProviderInfo

_VERSION = "2023-06-01"
_FINISH_REASONS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}


class AnthropicProvider(ChatProvider):
    """Speaks the native API."""

    def address(self, model_name: str) -> str:
        """``<base>/v1/messages``."""
        return f"{self.base_url.removesuffix('/v1')}/v1/messages"

    def headers(self, model: str) -> dict[str, str]:
        """Anthropic's own header; a proxy wants a key, too."""
        key = self.key(model)
        if not key:
            raise ModelRejected(model, f"no key: set {self._info.keys[0]}")
        return {"x-api-key": key, "anthropic-version": _VERSION}

    def body(self, request: Request, model_name: str, refused: frozenset[str]) -> dict[str, Any]:
        """The request as the Messages API has it."""
        parameters = request.parameters
        system = [m.content for m in request.messages if m.role == "system"]
        turns = [{"role": m.role, "content": m.content} for m in request.messages if m.role != "system"]
        if not turns:  # the API wants at least one turn
            system, turns = [], [{"role": "user", "content": "\n\n".join(system)}]
        if said := schema_instruction(parameters.response_format):
            system.append(said)
        options = {
            "max_tokens": parameters.output_cap or DEFAULT_MAX_OUTPUT_TOKENS,
            "temperature": parameters.temperature,
            "top_p": parameters.top_p,
            "stop_sequences": list(parameters.stop) or None,
            **{name: value for name, value in parameters.extra.items() if name != "max_completion_tokens"},
        }
        given = {"model": model_name, "system": "\n\n".join(system) or None, "messages": turns}
        return {**sendable(given, frozenset()), **sendable(options, refused - {"max_tokens"})}

    def read(self, answer: Mapping[str, Any], request: Request, url: str) -> Response:
        """All text blocks."""
        usage = answer.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        try:
            text = "".join(part["text"] for part in answer["content"] if part["type"] == "text")
        except (KeyError, TypeError):
            shown = f"no content in {str(dict(answer))[:200]}"
            raise ModelUnreadable(request.model, url, shown) from None
        reason = str(answer.get("stop_reason") or "stop")
        return Response(
            text=text,
            prompt_tokens=token_count(counts.get("input_tokens"), *(m.content for m in request.messages)),
            completion_tokens=token_count(counts.get("output_tokens"), text),
            finish_reason=_FINISH_REASONS.get(reason, reason),
        )


INFO = ProviderInfo(
    scheme="anthropic",
    make=AnthropicProvider,
    keys=("ANTHROPIC_API_KEY",),
    url_variable="ANTHROPIC_BASE_URL",
    default_url="https://api.anthropic.com",
    prices="anthropic",
    aliases=("claude",),
)
