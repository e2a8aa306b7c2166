"""How many tokens a call can take, before it is made."""

from __future__ import annotations

import json
from dataclasses import replace

from burnish.llm.protocol import Request

DEFAULT_MAX_OUTPUT_TOKENS = 4096
"""Cap on answers where the request has none: without one, no limit on tokens or dollars could be kept."""

_TOKENS_PER_MESSAGE = 16  # role, separators
_TOKENS_PER_REQUEST = 64  # a chat template's own system message


def capped(request: Request) -> Request:
    """The request with a cap on its answer: its own, or the default."""
    if request.parameters.max_tokens is not None:
        return request
    return replace(request, parameters=replace(request.parameters, max_tokens=DEFAULT_MAX_OUTPUT_TOKENS))


def most_prompt_tokens(request: Request) -> int:
    """An upper bound: byte-level tokenizers never make more tokens than there are UTF-8 bytes.

    Typical text has a fourth of that. The surplus is reserved only while the call is in flight.
    """
    size = sum(len(m.content.encode("utf-8", "surrogatepass")) for m in request.messages)
    if request.parameters.response_format is not None:
        size += len(json.dumps(request.parameters.response_format))
    return size + len(request.messages) * _TOKENS_PER_MESSAGE + _TOKENS_PER_REQUEST


def likely_tokens(text: str) -> int:
    """About how many tokens a text has, where a provider does not say: four characters a token."""
    return -(-len(text) // 4)
