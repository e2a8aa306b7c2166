"""An MLflow that can only be asked as a whole: a server elsewhere, or a plugin's application."""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlencode

import aiohttp
from starlette.types import ASGIApp, Message

from burnish.access.mlflow import NO_ENDPOINT, Answer, MlflowAuthority
from burnish.access.protocol import (
    EVERYBODY,
    WORKSPACE_HEADER,
    Caller,
    Kind,
    Need,
    NewJob,
    Permission,
)
from burnish.access.questions import WHO, Question, question_of
from burnish.errors import TrackingUnavailable

_TIMEOUT_SECONDS = 15.0
_LOOK_SECONDS = 60.0  # between two looks whether the server knows users


class WholeAnswers(ABC):
    """Asks guard and handler together; the questions are made so that the handler does nothing."""

    @abstractmethod
    async def send(self, question: Question, headers: Mapping[str, str]) -> Answer: ...

    async def guard(self, question: Question, headers: Mapping[str, str]) -> Answer:
        if question.needs_active is not None:
            get = question_of(Need(Permission.READ, Kind.EXPERIMENT, question.needs_active))
            found = await self.send(get, headers)
            if found.status != 200:
                return found
            if found.json().get("experiment", {}).get("lifecycle_stage") != "active":
                return Answer(403, "the experiment is deleted; restore it first")
        answer = await self.send(question, headers)
        if answer.status == 404 and "error_code" not in answer.json():
            return NO_ENDPOINT
        refused = answer.status in (401, 403) or answer.status >= 500
        return answer if refused or question.method == "GET" else Answer(200)  # its handler has refused it


class HttpAnswers(WholeAnswers):
    """A connection for each question: what is answered is remembered, so there are few.

    Args:
        base_url: of the server, without user and password.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    async def send(self, question: Question, headers: Mapping[str, str]) -> Answer:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(
                    question.method,
                    self._base_url + question.path,
                    params=dict(question.query),
                    json=question.body,
                    headers=dict(headers),
                    allow_redirects=False,
                ) as response,
            ):
                text = await response.text(errors="replace")
                return Answer(response.status, text, response.headers.get("WWW-Authenticate", ""))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise TrackingUnavailable(f"MLflow at {self._base_url} does not answer: {reason}") from error


class AsgiAnswers(WholeAnswers):
    """Asks an application of this process.

    Args:
        loaded: gives it, or raises TrackingUnavailable.
    """

    def __init__(self, loaded: Callable[[], Awaitable[ASGIApp]]) -> None:
        self._loaded = loaded

    async def send(self, question: Question, headers: Mapping[str, str]) -> Answer:
        body = b"" if question.body is None else json.dumps(question.body).encode()
        sent = {"host": "localhost", "content-type": "application/json", **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": question.method,
            "scheme": "http",
            "path": question.path_in_process,
            "raw_path": question.path_in_process.encode(),
            "root_path": "",
            "query_string": urlencode(question.query).encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
            + [(b"content-length", str(len(body)).encode())],
            "client": ("127.0.0.1", 0),
            "server": ("localhost", 80),
        }
        parts: list[Message] = []
        received: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        ended = asyncio.Event()

        async def receive() -> Message:
            if not received:
                await ended.wait()
            return received.pop() if received else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            parts.append(message)

        try:
            await (await self._loaded())(scope, receive, send)
        finally:
            ended.set()
        start = next(part for part in parts if part["type"] == "http.response.start")
        known = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
        text = b"".join(part.get("body", b"") for part in parts).decode(errors="replace")
        return Answer(start["status"], text, known.get("www-authenticate", ""))


class ServerAuthority:
    """Checks users against an MLflow that may know some: one that answers who gives no name knows none.

    Args:
        remember_seconds: see :class:`MlflowAuthority`.
        clock: seconds, for what is remembered.
    """

    def __init__(
        self, answers: WholeAnswers, remember_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._answers = answers
        self._users = MlflowAuthority(answers, remember_seconds, clock)
        self._clock = clock
        self._look_at = 0.0
        self._knows_users: bool | None = None
        self._looking = asyncio.Lock()

    async def identify(self, headers: Mapping[str, str]) -> Caller:
        if await self._look() or headers.get(WORKSPACE_HEADER):
            return await self._users.identify(headers)
        return EVERYBODY

    async def check(self, caller: Caller, need: Need, *, fresh: bool = False) -> None:
        if caller is not EVERYBODY:
            await self._users.check(caller, need, fresh=fresh)

    async def check_new_job(self, caller: Caller, wanted: NewJob) -> None:
        if caller is not EVERYBODY:
            await self._users.check_new_job(caller, wanted)

    async def readable(self, caller: Caller, kind: Kind, *, fresh: bool = False) -> frozenset[str] | None:
        return None if caller is EVERYBODY else await self._users.readable(caller, kind, fresh=fresh)

    async def _look(self) -> bool:
        async with self._looking:
            if self._clock() >= self._look_at:
                try:
                    self._knows_users = (await self._answers.guard(WHO, {})).status in (401, 403)
                except TrackingUnavailable:
                    if self._knows_users is None:  # who may ask is not known, so nobody may
                        raise
                self._look_at = self._clock() + _LOOK_SECONDS
            return bool(self._knows_users)
