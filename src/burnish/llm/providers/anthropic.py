"""``anthropic:/``: Anthropic's Messages API (https://docs.anthropic.com/en/api/messages).

``ANTHROPIC_API_KEY``; ``ANTHROPIC_BASE_URL`` for a proxy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from burnish.errors import ModelRejected
from burnish.llm.budget import DEFAULT_MAX_OUTPUT_TOKENS
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.http import JsonClient, Remedies
from burnish.llm.providers.openai import count

_VERSION = "2023-06-01"
_DEFAULT_URL = "https://api.anthropic.com"
_FINISH_REASONS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}


class AnthropicProvider:
    """Speaks the native API. There is no seed in it; a JSON schema goes into the system text.

    Args:
        base_url: instead of the environment's; already checked against the operator's list.
        environment: read at each call.
    """

    def __init__(self, base_url: str | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self._base_url = base_url
        self._environment = environment
        self._client = JsonClient(environment)

    async def complete(self, request: Request, model_name: str, timeout_seconds: float) -> Response:
        """One request to ``<base>/v1/messages``."""
        answer = await self._client.post(
            self._address(),
            _body(request, model_name),
            headers=self._headers(request.model),
            timeout_seconds=timeout_seconds,
            model=request.model,
            remedies=Remedies(
                key="check ANTHROPIC_API_KEY", address="check the model's name and ANTHROPIC_BASE_URL"
            ),
        )
        return self._response(answer, request)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _address(self) -> str:
        base = self._base_url or self._environment.get("ANTHROPIC_BASE_URL") or _DEFAULT_URL
        return f"{base.rstrip('/').removesuffix('/v1')}/v1/messages"

    def _headers(self, model: str) -> dict[str, str]:
        key = self._environment.get("ANTHROPIC_API_KEY")
        if not key:
            raise ModelRejected(model, "no key: set ANTHROPIC_API_KEY")
        return {"x-api-key": key, "anthropic-version": _VERSION}

    def _response(self, answer: Mapping[str, Any], request: Request) -> Response:
        try:
            text = "".join(part["text"] for part in answer["content"] if part["type"] == "text")
        except (KeyError, TypeError):
            raise self._client.garbage(request.model, str(answer)) from None
        usage = answer.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        reason = str(answer.get("stop_reason") or "stop")
        return Response(
            text=text,
            prompt_tokens=count(counts.get("input_tokens"), *(m.content for m in request.messages)),
            completion_tokens=count(counts.get("output_tokens"), text),
            finish_reason=_FINISH_REASONS.get(reason, reason),
        )


def _body(request: Request, model_name: str) -> dict[str, Any]:
    parameters = request.parameters
    system = [m.content for m in request.messages if m.role == "system"]
    turns = [{"role": m.role, "content": m.content} for m in request.messages if m.role != "system"]
    if not turns:  # the API wants at least one turn
        system, turns = [], [{"role": "user", "content": "\n\n".join(system)}]
    schema = (parameters.response_format or {}).get("json_schema", {}).get("schema")
    if schema is not None:
        system.append(f"Answer with JSON alone that fits this schema:\n{json.dumps(schema)}")
    found = {
        "model": model_name,
        "system": "\n\n".join(system) or None,
        "messages": turns,
        "max_tokens": parameters.max_tokens or DEFAULT_MAX_OUTPUT_TOKENS,
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "stop_sequences": list(parameters.stop) or None,
        **parameters.extra,
    }
    return {name: value for name, value in found.items() if value is not None}
