"""``burnish app serve``: a function answers as ``docs/app-protocol.md`` says."""

from __future__ import annotations

import asyncio
import hmac
import importlib
import json
import sys
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from burnish.api.auth import is_loopback
from burnish.apps.function_app import FunctionApp
from burnish.apps.prompt_override import patched
from burnish.apps.tracing import tracing
from burnish.domain.prompt import Template, template_from_json
from burnish.domain.text import well_formed, well_formed_values
from burnish.domain.usage import Usage
from burnish.errors import InvalidInput, ModelError, Problems, did_you_mean
from burnish.llm import protocol
from burnish.llm.protocol import AppFailed, AppRequest

TOKEN_VARIABLE = "BURNISH_APP_TOKEN"
LARGEST_REQUEST_BYTES = 32 * 2**20
_KEPT_ANSWERS = 1000
_KEPT_SECONDS = 600.0


def load_function(where: str, folder: Path) -> Callable[..., Any]:
    """The function that ``module:function`` names; modules in the folder are found first.

    Raises:
        InvalidInput: there is no such module or function, or the module fails.
    """
    module_name, separator, path = where.partition(":")
    if not separator or not module_name or not path:
        raise InvalidInput.of("function", where, "write MODULE:FUNCTION, such as shop.support:answer")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise InvalidInput.of(
            "function", where, f"{module_name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    for name in path.split("."):
        names = [known for known in dir(found) if not known.startswith("_")]
        if not hasattr(found, name):
            raise InvalidInput.of("function", where, f"there is no {name!r} in it{did_you_mean(name, names)}")
        found = getattr(found, name)
    if not callable(found):
        raise InvalidInput.of("function", where, f"is of type {type(found).__name__}; name a function")
    function: Callable[..., Any] = found
    return function


def check_exposure(host: str, token: str) -> None:
    """
    Raises:
        InvalidInput: other machines reach this address, and there is no token.
    """
    if not is_loopback(host) and not token:
        remedy = (
            f"other machines reach this address: set {TOKEN_VARIABLE} to a secret that requests must bear"
        )
        raise InvalidInput.of("host", host, remedy)


def create_app(
    function: FunctionApp,
    *,
    token: str = "",
    timeout_seconds: float = 600.0,
    traced: bool = True,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The function as an ASGI application; any path answers.

    Args:
        token: that the ``Authorization`` header must bear; empty: none.
        timeout_seconds: after which an evaluation is left.
        traced: whether the traces of evaluations are written to MLflow; else they are only read.
        clock: seconds, monotonic.
    """
    answers = _KeptAnswers(clock)

    async def evaluate(request: Request) -> Response:
        if not _is_authorized(request.headers.get("Authorization", ""), token):
            return _error(401, f"send the token of {TOKEN_VARIABLE} as Authorization: Bearer TOKEN")
        try:
            asked = _read(await _body(request))
        except InvalidInput as error:
            return _error(400, str(error))

        async def run() -> JSONResponse:
            return JSONResponse(_answer(await function.run(asked.request, timeout_seconds), traced))

        try:
            return await answers.join(asked.evaluation_id, run)
        except AppFailed as failure:
            status = 504 if failure.maybe_paid else 422
            return _error(status, _said(failure, asked.request.model), usage=failure.usage)
        except ModelError as failure:
            return _error(422, _said(failure, asked.request.model))
        except InvalidInput as error:  # it does not look at its prompts
            return _error(422, str(error))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with patched(), tracing(exported=traced):
            yield
        function.close()

    return Starlette(routes=[Route("/{path:path}", evaluate, methods=["POST"])], lifespan=lifespan)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that could be read."""

    request: AppRequest
    evaluation_id: str | None


class _KeptAnswers:
    """What was answered of late, by evaluation id, so that a request which comes again is not run again.

    What runs goes on when the one who asked has left: that is when it comes again.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tasks: OrderedDict[str, tuple[float, asyncio.Task[JSONResponse]]] = OrderedDict()

    async def join(
        self, evaluation_id: str | None, run: Callable[[], Awaitable[JSONResponse]]
    ) -> JSONResponse:
        """The answer there is, or is about to be, or of ``run`` begun now. Failures are not kept."""
        if evaluation_id is None:
            return await run()
        self._forget_old()
        known = self._tasks.get(evaluation_id)
        if known is None or (known[1].done() and _failed(known[1])):
            known = self._clock(), asyncio.ensure_future(run())
            self._tasks[evaluation_id] = known
        return await asyncio.shield(known[1])

    def _forget_old(self) -> None:
        while self._tasks:
            began, task = next(iter(self._tasks.values()))
            if len(self._tasks) <= _KEPT_ANSWERS and self._clock() - began < _KEPT_SECONDS:
                return
            if not task.done():
                return
            self._tasks.popitem(last=False)


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


def _is_authorized(header: str, token: str) -> bool:
    wanted = token.removeprefix("Bearer ").strip()
    return not wanted or hmac.compare_digest(header.removeprefix("Bearer ").strip().encode(), wanted.encode())


async def _body(request: Request) -> Any:
    """
    Raises:
        InvalidInput: too long, or no JSON.
    """
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > LARGEST_REQUEST_BYTES:
            raise InvalidInput.of("body", f"{size} bytes", f"is longer than {LARGEST_REQUEST_BYTES} bytes")
    try:
        return json.loads(b"".join(parts))
    except (ValueError, RecursionError) as error:
        raise InvalidInput.of("body", "", f"is not JSON: {error}") from None


def _read(body: Any) -> _Asked:
    """
    Raises:
        InvalidInput: with every problem.
    """
    if not isinstance(body, Mapping):
        raise InvalidInput.of("body", "", 'must be an object {"inputs": …, "prompts": …, "evaluation_id": …}')
    problems = Problems()
    inputs, given, evaluation_id = body.get("inputs"), body.get("prompts"), body.get("evaluation_id")
    if not isinstance(inputs, Mapping):
        problems.add("inputs", _shown(inputs), "must be an object, name to value")
    if evaluation_id is not None and not isinstance(evaluation_id, str):
        problems.add("evaluation_id", _shown(evaluation_id), "must be a text, or left out")
    prompts: dict[str, Template] = {}
    if not isinstance(given, Mapping):
        problems.add("prompts", _shown(given), "must be an object, name to a text or a list of messages")
    for name, template in given.items() if isinstance(given, Mapping) else ():
        field = f"prompts.{name}"
        if not isinstance(template, (str, list)):
            problems.add(field, _shown(template), "must be a text or a list of messages")
        elif (found := problems.collect(lambda: template_from_json(template, field))) is not None:  # noqa: B023
            prompts[name] = found
    problems.check()
    assert isinstance(inputs, Mapping)
    return _Asked(AppRequest(model="app:/served", prompts=prompts, inputs=inputs), evaluation_id)


def _answer(response: protocol.Response, traced: bool) -> dict[str, Any]:
    run = response.run
    answer = {"output": json.loads(response.text) if run and run.is_json else response.text}
    if response.usage is not None:
        answer["usage"] = _usage_to_json(response.usage)
    if run is not None and run.trace_id and traced:
        answer["trace_id"] = run.trace_id
    if run is not None and run.uses:
        answer["uses"] = [asdict(use) for use in run.uses]
    known: dict[str, Any] = well_formed_values(answer)
    return known


def _usage_to_json(usage: Usage) -> dict[str, Any]:
    """Without what is not known."""
    shown: dict[str, Any] = {"calls": usage.calls}
    if not usage.unmetered:
        shown |= {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
    return shown if usage.usd is None else shown | {"usd": usage.usd}


def _said(failure: ModelError, model: str) -> str:
    return str(failure).removeprefix(f"{failure.model}: ").removeprefix(f"{model}: ")


def _error(status: int, message: str, usage: Usage | None = None) -> JSONResponse:
    body: dict[str, Any] = {"error": well_formed(message)}
    return JSONResponse(body if usage is None else body | {"usage": _usage_to_json(usage)}, status)


def _shown(value: Any) -> str:
    return "" if value is None else repr(value)[:80]
