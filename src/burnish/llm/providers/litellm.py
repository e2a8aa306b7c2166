"""``litellm:/PROVIDER/MODEL``: the long tail of providers, by litellm (``pip install 'burnish[litellm]'``).

Keys and addresses are litellm's own variables. It neither retries here nor calls home. Options that a
prompt brings along are passed on only if they are known to be about sampling: litellm has others that lead
to another server or read a file.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from burnish.errors import (
    InvalidInput,
    ModelError,
    ModelRejected,
    ModelRequestInvalid,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreadable,
)
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.http import retry_after
from burnish.llm.providers.info import ProviderInfo
from burnish.llm.providers.openai import read_choice, with_plain_name
from burnish.redaction import excerpt

_UNREADABLE = "invalid response from LLM endpoint"  # its words; it calls that a 500
INSTALL = "pip install 'burnish[litellm]'"

_PASSED_ON = frozenset(
    {
        "frequency_penalty",
        "max_completion_tokens",
        "presence_penalty",
        "logit_bias",
        "min_p",
        "reasoning_effort",
        "repetition_penalty",
        "service_tier",
        "thinking",
        "top_k",
        "verbosity",
    }
)


class LitellmProvider:
    """Calls litellm's ``acompletion``.

    Args:
        base_url: passed on; already checked against the operator's list.
        environment: where secrets are looked up that must not appear in errors.
    """

    def __init__(
        self, info: ProviderInfo, base_url: str | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._base_url = base_url
        self._environment = environment
        self._litellm: Any = None

    async def complete(self, request: Request, model_name: str, timeout_seconds: float) -> Response:
        """One request by litellm."""
        if refused := sorted(request.parameters.extra.keys() - _PASSED_ON):
            raise ModelRejected(
                request.model,
                f"these options are not passed on to litellm: {', '.join(refused)}; leave them out",
            )
        if self._litellm is None:
            self._litellm = await asyncio.to_thread(_import_litellm, request.model)
        parameters = request.parameters
        options = {
            "temperature": parameters.temperature,
            "max_tokens": parameters.max_tokens,
            "top_p": parameters.top_p,
            "stop": list(parameters.stop) or None,
            "seed": parameters.seed,
            "response_format": with_plain_name(parameters.response_format),
            "base_url": self._base_url,
            **parameters.extra,
        }
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await self._litellm.acompletion(
                    model=model_name,
                    messages=[{"role": m.role, "content": m.content} for m in request.messages],
                    timeout=timeout_seconds,
                    num_retries=0,
                    max_retries=0,
                    **{name: value for name, value in options.items() if value is not None},
                )
        except TimeoutError:
            raise _sent(ModelTimeout(request.model, f"no answer within {timeout_seconds:g} s")) from None
        except Exception as error:
            raise self._translated(error, request.model, timeout_seconds) from error
        return read_choice(answer.model_dump(), request, f"litellm ({model_name})")

    async def close(self) -> None:
        """litellm keeps its connections for the whole process."""

    def _translated(self, error: Exception, model: str, timeout_seconds: float) -> ModelError:
        status = getattr(error, "status_code", None)
        said = excerpt(str(error), self._environment)
        kind = type(error).__name__
        if kind in ("Timeout", "APITimeoutError"):
            return _sent(ModelTimeout(model, f"no answer within {timeout_seconds:g} s"))
        if kind in ("APIResponseValidationError", "JSONSchemaValidationError") or _UNREADABLE in said:
            return ModelUnreadable(model, "the provider behind litellm", said)
        if status in (401, 402, 403, 404):
            return ModelRejected(model, f"{status} {said}; check the provider's key and the model's name")
        if isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 425, 429):
            return ModelRequestInvalid(model, f"{status} {said}")
        found = ModelUnavailable(model, said or kind)
        found.throttled = status in (429, 503, 529)
        headers = getattr(error, "litellm_response_headers", None)
        # It calls a lost connection and an unreadable answer a 500 too; only a real one has headers.
        found.maybe_paid = not isinstance(status, int) or (status >= 500 and not headers)
        found.retry_after_seconds = retry_after(headers) if headers is not None else None
        return found


def is_installed() -> bool:
    """Whether litellm is there, without importing it (that takes seconds)."""
    return find_spec("litellm") is not None


def _check_installed(name: str) -> None:
    if not is_installed():
        raise InvalidInput.of("model", f"litellm:/{name}", f"litellm is not installed: {INSTALL}")


def _import_litellm(model: str) -> Any:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it asks the network for prices otherwise
    try:
        import litellm
    except ImportError:
        raise ModelRejected(model, f"litellm is not installed: {INSTALL}") from None
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    return litellm


def _sent(error: ModelError) -> ModelError:
    error.maybe_paid = True
    return error


INFO = ProviderInfo(scheme="litellm", make=LitellmProvider, prices="litellm", check_model=_check_installed)
