"""What makes two requests the same one."""

from __future__ import annotations

import hashlib
import json

from burnish.llm.protocol import Request


def request_hash(request: Request) -> str:
    """32 hexadecimal digits of the request's contents: model, messages and parameters.

    The same in every process and version, since the journal finds calls by it.
    """
    if request.hashed is None:
        object.__setattr__(request, "hashed", _hash(request))  # a memo: the request itself stays as it is
    assert request.hashed is not None
    return request.hashed


def _hash(request: Request) -> str:
    parameters = request.parameters
    content = [
        request.model,
        [[message.role, message.content] for message in request.messages],
        parameters.temperature,
        parameters.max_tokens,
        parameters.top_p,
        parameters.stop,
        parameters.seed,
        parameters.response_format,
        parameters.extra,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
