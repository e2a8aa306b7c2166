"""An app asked over HTTP: ``docs/app-protocol.md`` from the side of the one who asks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from burnish.domain.app import LARGEST_OUTPUT_BYTES, App, AppRun, PromptUse
from burnish.domain.prompt import template_to_json
from burnish.domain.usage import NANOS_PER_USD, Usage
from burnish.errors import InvalidInput, ModelRejected, ModelRequestInvalid, ModelUnreadable
from burnish.llm.apps.addresses import AllowedApps
from burnish.llm.protocol import AppFailed, AppRequest, Response
from burnish.llm.providers.http import JsonClient, Remedies

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

_COUNTS = ("calls", "prompt_tokens", "completion_tokens")
_LARGEST_COUNT = 2**53


class HttpApps:
    """The apps that jobs of this process ask over HTTP; they share connections.

    Args:
        allowed: by the operator.
        environment: has the values of headers, read at each request.
        resolver: looks hosts up; ``None``: the system's.
    """

    def __init__(
        self,
        allowed: AllowedApps,
        environment: Mapping[str, str] = os.environ,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.allowed = allowed
        self.environment = environment
        self._resolver = resolver
        self.client = JsonClient(
            environment,
            _REMEDIES,
            largest_answer_bytes=LARGEST_OUTPUT_BYTES,
            make_resolver=self._make_resolver,
        )

    def _make_resolver(self) -> AbstractResolver:
        from burnish.llm.apps.resolver import CheckedResolver

        return CheckedResolver(self.allowed, self._resolver)

    def check(self, app: App) -> None:
        """
        Raises:
            InvalidInput: an app at such a URL may not be asked, or a header has no value here.
        """
        if app.url is None:
            return
        self.allowed.check_url(app.url)
        for header, variable in app.headers_from_env.items():
            value = self.environment.get(variable, "").strip()
            field = f"config.app.headers_from_env.{header}"
            if not value:
                raise InvalidInput.of(
                    field, variable, "is not set where the server and its workers run; set it"
                )
            if not (value.isascii() and value.isprintable()):
                raise InvalidInput.of(field, variable, "holds a line break or a strange character; mend it")

    def find(self, app: App) -> HttpApp | None:
        """Who asks this app; ``None``: it is at no URL."""
        return HttpApp(self, app) if app.url else None

    async def close(self) -> None:
        """Close the connections. May be called twice."""
        await self.client.close()


class HttpApp:
    """Implements ``llm.protocol.AppProvider``."""

    def __init__(self, apps: HttpApps, app: App) -> None:
        self._apps = apps
        self._app = app

    async def run(self, request: AppRequest, timeout_seconds: float) -> Response:
        """Ask once. Every try of the same texts on the same inputs has the same ``evaluation_id``.

        Raises:
            AppFailed: the app says that this evaluation failed (422), it does not accept it, or its inputs
                cannot be sent.
            ModelRejected: it may not be asked, it refuses, or nothing of the kind is there.
            ModelUnavailable: it could not answer now.
            ModelUnreadable: what it answers is no answer.
        """
        try:
            self._apps.check(self._app)
        except InvalidInput as error:  # the operator has changed the settings since
            raise ModelRejected(request.model, str(error)) from error
        url = str(self._app.url)
        body = {
            "inputs": _sendable(request),
            "prompts": {name: template_to_json(text) for name, text in request.prompts.items()},
            "evaluation_id": request.digest,
        }
        try:
            answer = await self._apps.client.post(
                url,
                body,
                headers=self._headers(),
                timeout_seconds=timeout_seconds,
                model=request.model,
            )
        except ModelRequestInvalid as error:
            raise _failed(error, request.model) from error
        return _read(answer, request.model, url)

    def _headers(self) -> dict[str, str]:
        environment = self._apps.environment
        return {
            header: environment[variable].strip() for header, variable in self._app.headers_from_env.items()
        }


_REMEDIES = Remedies(
    who="the app",
    key="check config.app.headers_from_env and the variables it names",
    address="check config.app.url, and that an app as in docs/app-protocol.md answers there",
)


def _sendable(request: AppRequest) -> dict[str, Any]:
    """The inputs as JSON has them: what is no JSON value (a date of a Parquet file) becomes text.

    Raises:
        AppFailed: there is NaN among them.
    """
    try:
        sent: dict[str, Any] = json.loads(json.dumps(dict(request.inputs), default=str, allow_nan=False))
    except ValueError:
        remedy = "its inputs hold NaN or Infinity, which JSON does not have; correct the record"
        raise AppFailed(request.model, remedy) from None
    return sent


def _read(answer: Mapping[str, Any], model: str, url: str) -> Response:
    def unreadable(field: str, value: Any, remedy: str) -> ModelUnreadable:
        return ModelUnreadable(model, url, f"{field}: {_shown(value)}: {remedy}")

    if "output" not in answer:
        there = ", ".join(sorted(answer)[:10]) or "nothing"
        remedy = f'is missing, there is {there}; answer {{"output": …}}'
        raise ModelUnreadable(model, url, f"output {remedy}")
    output, trace_id = answer["output"], answer.get("trace_id")
    try:
        text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise unreadable("output", "NaN or Infinity", "is not JSON; answer null or a text instead") from None
    if trace_id is not None and not isinstance(trace_id, str):
        raise unreadable("trace_id", trace_id, "must be a text, or left out")
    try:
        usage = _usage(answer.get("usage"))
    except ValueError as error:
        raise unreadable("usage", answer["usage"], str(error)) from None
    try:
        uses = tuple(map(_use, answer.get("uses") or ()))
    except (TypeError, ValueError, AttributeError):
        remedy = "must be a list of {prompt, span, given, output}, all texts, or left out"
        raise unreadable("uses", answer["uses"], remedy) from None
    run = AppRun(is_json=not isinstance(output, str), trace_id=trace_id, uses=uses)
    return Response(text=text, usage=usage, run=run)


def _use(value: Any) -> PromptUse:
    """
    Raises:
        ValueError, TypeError, AttributeError: it is none.
    """
    known = {name: value.get(name, "") for name in ("prompt", "span", "given", "output")}
    if not all(isinstance(entry, str) for entry in known.values()):
        raise ValueError(value)
    return PromptUse(**known)


def _usage(value: Any) -> Usage | None:
    """
    Raises:
        ValueError: with the remedy.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError('must be an object such as {"calls": 2, "prompt_tokens": 310, "usd": 0.0012}')
    counts = [value.get(name, 1 if name == "calls" else 0) for name in _COUNTS]
    if not all(
        isinstance(count, int) and not isinstance(count, bool) and 0 <= count < _LARGEST_COUNT
        for count in counts
    ):
        raise ValueError(f"{', '.join(_COUNTS)} must be whole numbers, 0 or more")
    calls, prompt_tokens, completion_tokens = counts
    unmetered = calls if value.keys().isdisjoint(_COUNTS[1:]) else 0
    usd = value.get("usd")
    if usd is None:
        return Usage(calls, prompt_tokens, completion_tokens, None, unmetered)
    if (
        not isinstance(usd, (int, float))
        or isinstance(usd, bool)
        or not 0 <= usd < _LARGEST_COUNT / NANOS_PER_USD
    ):
        raise ValueError("usd must be a number of US dollars, 0 or more, or left out where it is not known")
    return Usage(calls, prompt_tokens, completion_tokens, round(usd * NANOS_PER_USD), unmetered)


def _failed(error: ModelRequestInvalid, model: str) -> AppFailed:
    """What the app says of an evaluation that failed; what it cost, where the answer says so."""
    usage = None
    with suppress(ValueError, AttributeError, RecursionError):
        usage = _usage(json.loads(error.answer).get("usage"))
    return AppFailed(model, str(error).removeprefix(f"{model}: "), usage)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
