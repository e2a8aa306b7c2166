"""What all chat APIs over HTTP have in common: one request, one answer, and parameters that differ.

Which parameters an endpoint takes does not follow from a model's name: deployments, fine-tuned models and
proxies call theirs as they like. So a parameter that is refused is left out (or sent under its other name)
from then on, and the call is tried again.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from burnish.domain.text import estimate_tokens
from burnish.errors import ModelRejected, ModelRequestInvalid
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.http import JsonClient, Remedies
from burnish.llm.providers.info import ProviderInfo

_REFUSED = re.compile(
    r"unsupported|not supported|n't support|not support|unrecogni[sz]ed|unknown|unexpected|not permitted"
    r"|not allowed|extra_forbidden|deprecated|cannot both be|not available|only the default",
    re.IGNORECASE,
)
_OTHER_NAMES = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


class ChatProvider:
    """Subclasses say where to post what, and how an answer is read.

    Attributes:
        never_left_out: names in the body that are sent also where an endpoint refuses them, or the call
            fails. One whose API calls the messages or the cap on the answer otherwise adds these names.

    Args:
        info: names the variables with key and address.
        base_url: instead of the environment's; already checked against the operator's list.
        environment: read at each call.
    """

    never_left_out: ClassVar[frozenset[str]] = frozenset({"model", "messages", "system"})

    def __init__(
        self, info: ProviderInfo, base_url: str | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._info = info
        self._base_url = base_url
        self._environment = environment
        address = info.url_variable or "the address in its URI"
        keys = " or ".join(info.keys) or "who may ask this server"
        remedies = Remedies(key=f"check {keys}", address=f"check the model's name and {address}")
        self._client = JsonClient(environment, remedies, key_variables=info.keys)
        self._refused: defaultdict[str, frozenset[str]] = defaultdict(frozenset)  # by model, parameters

    async def complete(self, request: Request, model_name: str, timeout_seconds: float) -> Response:
        """One request.

        Raises:
            ModelError: the kind that fits. ``adapted`` is set where the same request will be sent otherwise
                next time, since the endpoint has refused a parameter of it.
        """
        refused, url = self._refused[model_name], self.address(model_name)
        body = self.body(request, model_name, refused)
        try:
            answer = await self._client.post(
                url,
                body,
                headers=self.headers(request.model),
                timeout_seconds=timeout_seconds,
                model=request.model,
            )
        except ModelRequestInvalid as error:
            if parameter := refused_parameter(error.answer, body, self.never_left_out):
                self._refused[model_name] |= {parameter}
                error.adapted = self.body(request, model_name, self._refused[model_name]) != body
            raise
        response = self.read(answer, request, url)
        return replace(response, left_out=refused - _OTHER_NAMES.keys()) if refused else response

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @property
    def base_url(self) -> str:
        """Where requests go, without a slash at its end."""
        found = self._base_url or self._environment.get(self._info.url_variable) or self._info.default_url
        return found.strip().rstrip("/")

    def key(self, model: str) -> str | None:
        """The key, or ``None`` where the server answers without one.

        Raises:
            ModelRejected: there is none and the server wants one, or it can be no key.
        """
        found = self._info.find_key(self._environment)
        if found is None:
            if not self._info.wants_key(self.base_url):
                return None
            raise ModelRejected(model, f"no key: set {self._info.keys[0]}")
        name, key = found
        if not (key.isascii() and key.isprintable()):
            raise ModelRejected(
                model, f"what {name} holds is no key: there is a line break or a strange character in it"
            )
        return key

    def address(self, model_name: str) -> str:
        """The URL to post to."""
        raise NotImplementedError

    def headers(self, model: str) -> dict[str, str]:
        """What proves who asks.

        Raises:
            ModelRejected: the key is not set and the server is one that wants it.
        """
        raise NotImplementedError

    def body(self, request: Request, model_name: str, refused: frozenset[str]) -> dict[str, Any]:
        """The request as the API has it, without the parameters that were refused."""
        raise NotImplementedError

    def read(self, answer: Mapping[str, Any], request: Request, url: str) -> Response:
        """The answer as all providers have it.

        Raises:
            ModelError: there is no answer in it.
        """
        raise NotImplementedError


def refused_parameter(
    answer: str, sent: Mapping[str, Any], never: Collection[str] = ChatProvider.never_left_out
) -> str | None:
    """The parameter of a request that an endpoint does not take, by its error; ``None`` where that is not
    what the error is about.

    Args:
        answer: the error's body, of any server.
        sent: the body of the request.
        never: what is no parameter that could be left out.
    """
    names = [name for name in sent if name not in never]
    try:
        error = json.loads(answer)
        error = error.get("error", error)
        parameter, message = error.get("param"), json.dumps(error)
    except (ValueError, AttributeError):
        parameter, message = None, answer
    if not _REFUSED.search(message):
        return None
    if parameter in names:
        return str(parameter)
    mentioned = [(found.start(), name) for name in names if (found := re.search(rf"\b{name}\b", message))]
    return min(mentioned)[1] if mentioned else None


def sendable(parameters: Mapping[str, Any], refused: frozenset[str]) -> dict[str, Any]:
    """Parameters without those that are not set or were refused. The cap on the answer is never left out:
    the budget counts on it, so it goes by the name that was not refused."""
    found = {}
    for name, value in parameters.items():
        other = _OTHER_NAMES.get(name)
        if name in refused and other is not None:
            name = other if other not in refused else name
        elif name in refused:
            continue
        if value is not None:
            found[name] = value
    return found


def schema_of(response_format: Mapping[str, Any] | None) -> Any:
    """The JSON schema in an OpenAI-style response format, or ``None``."""
    return (response_format or {}).get("json_schema", {}).get("schema")


def schema_instruction(response_format: Mapping[str, Any] | None) -> str | None:
    """The response format in words, for endpoints that take it no other way."""
    if schema := schema_of(response_format):
        return f"Answer with JSON alone that fits this schema:\n{json.dumps(schema)}"
    return "Answer with JSON alone." if (response_format or {}).get("type") == "json_object" else None


def token_count(given: Any, *texts: str) -> int:
    """The provider's count of tokens, or an estimate where it gives none."""
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return given
    return sum(estimate_tokens(text) for text in texts)
