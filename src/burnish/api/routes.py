"""From a method of the service in ``service.proto`` to a route, and from a request to its message."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from burnish.access.protocol import EVERYBODY, Caller
from burnish.api.errors import error_answer
from burnish.api.services import Services
from burnish.domain.job import DEFAULT_WORKSPACE
from burnish.errors import InvalidInput, Problem
from burnish.proto import service_pb2 as wire
from burnish.proto.http_pb2 import Http, http
from burnish.proto.message import is_repeated, message_to_json, read_message
from burnish.tracking.workspace import in_workspace

BASE_PATHS = (
    "/api/3.0/mlflow/prompt-optimization/jobs",
    "/ajax-api/3.0/mlflow/prompt-optimization/jobs",
)
"""MLflow's REST clients use the first, its web pages the second."""

ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

PACKED_FROM_BYTES = 4_000
"""Shorter answers are sent as they are."""

_PACKING = 5  # of 9: nearly all that can be won, for a third of the time

SERVICE = wire.DESCRIPTOR.services_by_name["PromptOptimization"]


@dataclass(frozen=True, slots=True)
class Visible:
    """What of a list its caller may see.

    Attributes:
        names: ids of experiments or datasets, names of prompts; ``None``: all.
    """

    workspace: str = DEFAULT_WORKSPACE
    names: frozenset[str] | None = None

    def shows(self, name: str) -> bool:
        return self.names is None or name in self.names


async def _everything() -> Visible:
    return Visible()


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read.

    Attributes:
        message: the request's message, with what could be read.
        problems: what could not.
        body: the file, where the method takes one.
        caller: who sent it.
        admit_again: for an answer that takes long: raises where the caller may not go on.
    """

    message: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    body: bytes = b""
    caller: Caller = EVERYBODY
    visible: Visible = field(default_factory=Visible)
    admit_again: Callable[[], Awaitable[Visible]] = _everything

    def check(self) -> None:
        """
        Raises:
            InvalidInput: the request could not be read.
        """
        if self.problems:
            raise InvalidInput(*self.problems)


Verb = Callable[[Services, Call], Awaitable[Message | Mapping[str, Any] | Response]]
"""Does what one method of the service promises. It answers with the method's message, or with its JSON.
Errors of our own tree become answers."""


class Access(Protocol):
    """Stands before every method of the service."""

    async def admit(self, method: str, call: Call) -> Call:
        """The call with who makes it; it raises where they may not."""
        ...

    def record(self, method: str, call: Call, answer: object) -> None:
        """Note in the log what was done."""
        ...


def routes(
    services: Services, verbs: Mapping[str, Verb], access: Access, prefix: str = ""
) -> Iterator[Route]:
    """A route for each method and base path, in the order of the service."""
    for base in BASE_PATHS:
        for method in SERVICE.methods:
            rule = rule_of(method)
            new_message = GetMessageClass(method.input_type)
            verb = _admitting(access, method.name, verbs[method.name])
            endpoint = _endpoint(services, new_message, verb, rule.takes_file)
            for end in ("", "/") if not rule.path else ("",):
                path = f"{prefix}{base}{rule.path}{end}"
                yield Route(path, endpoint, methods=list(rule.methods), name=method.name)


def refuse_others(known: Sequence[Route], prefix: str = "") -> Iterator[Route]:
    """Routes that stand behind ours and keep what else is asked below our base paths from MLflow's app,
    which would answer in HTML."""

    async def endpoint(request: Request) -> Response:
        partly = [route for route in known if route.matches(request.scope)[0] is Match.PARTIAL]
        if not partly:
            raise HTTPException(404)
        allowed = sorted({method for route in partly for method in route.methods or ()})
        raise HTTPException(405, headers={"Allow": ", ".join(allowed)})

    for base in BASE_PATHS:
        for rest in ("", "/{rest:path}"):
            yield Route(f"{prefix}{base}{rest}", endpoint, methods=ALL_METHODS)


def file_paths(prefix: str = "") -> list[str]:
    """Where files are sent to."""
    rules = [rule for method in SERVICE.methods if (rule := rule_of(method)).takes_file]
    return [f"{prefix}{base}{rule.path}" for base in BASE_PATHS for rule in rules]


def rule_of(method: Any) -> Http:
    """Where a method of the service answers."""
    rule: Http = method.GetOptions().Extensions[http]
    return rule


def _admitting(access: Access, method: str, verb: Verb) -> Verb:
    async def admitted(services: Services, call: Call) -> Message | Mapping[str, Any] | Response:
        call = await access.admit(method, call)
        with in_workspace(call.caller.actor.workspace):
            answer = await verb(services, call)
        access.record(method, call, answer)
        return answer

    return admitted


def _endpoint(
    services: Services, new_message: Callable[[], Message], verb: Verb, takes_file: bool
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            answer = await verb(services, await read_call(request, new_message(), takes_file))
            if isinstance(answer, Response):
                return answer
            return await packed(json_answer(answer), request.headers.get("accept-encoding", ""))
        except Exception as error:  # noqa: BLE001  the last line of defence: every failure gets an answer
            return error_answer(error)

    return endpoint


def json_answer(answer: Message | Mapping[str, Any], status: int = 200) -> Response:
    shown = message_to_json(answer) if isinstance(answer, Message) else answer
    return Response(orjson.dumps(shown), status, media_type="application/json")


async def packed(answer: Response, accepted: str) -> Response:
    """The answer, compressed where it is long and the caller understands that."""
    body = bytes(answer.body)
    if len(body) < PACKED_FROM_BYTES:
        return answer
    headers = {"vary": "accept-encoding"}
    if "gzip" in accepted:
        headers["content-encoding"] = "gzip"
        body = await asyncio.to_thread(gzip.compress, body, _PACKING)
    return Response(body, answer.status_code, headers, answer.media_type)


async def read_call(request: Request, message: Message, takes_file: bool = False) -> Call:
    """Body, parameters and path as one message. The same field may come twice with the same value, as
    MLflow's clients send ``job_id``."""
    problems = read_message(_parameters(request, message), message)
    file = await request.body() if takes_file else b""
    if request.method != "GET" and not takes_file:
        problems += read_message(await _body(request, problems), message)
    for name, value in request.path_params.items():
        if getattr(message, name) not in ("", value):
            problems.append(Problem(name, getattr(message, name), "is another than the one in the path"))
        problems += read_message({name: value}, message)
    return Call(message, Headers(scope=request.scope), tuple(problems), file)


def _parameters(request: Request, message: Message) -> dict[str, Any]:
    """Query parameters; one of a repeated field may be given several times."""
    found: dict[str, Any] = {}
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in request.query_params.multi_items():
        if name in fields and is_repeated(fields[name]):
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


async def _body(request: Request, problems: list[Problem]) -> Any:
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        problems.append(Problem("body", "", f"is not JSON: {reason}"))
        return {}
