"""One conversation with one server: messages there and back over HTTP, events as a stream."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from google.protobuf.message import Message

from burnish.concurrency import Backoff
from burnish.proto import service_pb2 as wire
from burnish.proto.message import message_to_json, read_message
from burnish.sdk.credentials import split_credentials
from burnish.sdk.errors import ServerUnavailable, error_from
from burnish.sdk.sse import EventStream, StreamEvent

if TYPE_CHECKING:
    import aiohttp

BASE_PATH = "/api/3.0/mlflow/prompt-optimization/jobs"
TRIES = 3
RETRY = Backoff(base_seconds=0.3, jitter=0.5)
CONNECT_SECONDS = 10.0
UPLOAD_SECONDS = 600.0
RECONNECTS = 20
RECONNECT = Backoff(base_seconds=0.3, cap_seconds=10.0, jitter=0.5)
SILENCE_SECONDS = 60.0  # of a stream, which has a heartbeat every 15 s

Answer = TypeVar("Answer", bound=Message)


class Transport:
    """
    Args:
        url: of the server, with the path it may be mounted under; ``USER:PASSWORD@`` before the host says
            who asks.
        token: bearer token; default: see :func:`~burnish.sdk.credentials.split_credentials`.
        timeout_seconds: for one request (not for a stream).
    """

    def __init__(self, url: str, token: str | None = None, timeout_seconds: float = 60.0) -> None:
        self._url, self._credentials = split_credentials(url, token, os.environ)
        self._base = self._url + BASE_PATH
        self._timeout_seconds = timeout_seconds
        self._open: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        path: tuple[str, ...],
        answer: Answer,
        request: Message | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """Send a request and fill its answer in. What a newer server adds to it is passed over.

        Args:
            path: segments behind the base path.
            request: goes as parameters of a GET, as the body of anything else.
            repeatable: sent again, a few times, while the server cannot be reached.

        Raises:
            BurnishError: as the server's answer says; ServerUnavailable where there is none.
        """
        content = message_to_json(request) if request is not None else {}
        send = partial(self._send, method, path, content, headers or {})
        tries = TRIES if repeatable else 1
        read_message(await RETRY.retry(send, tries=tries, on=ServerUnavailable), answer)
        return answer

    async def upload(self, path: tuple[str, ...], file: bytes, answer: Answer, request: Message) -> Answer:
        """Send a file, with a request as parameters; it may take minutes until it is stored.

        Raises:
            BurnishError: as :meth:`call`.
        """
        content = message_to_json(request)
        async with self._response("POST", path, content, {}, file=file) as response:
            read_message(await response.json(content_type=None), answer)
        return answer

    async def pages(
        self, method: str, path: tuple[str, ...], new_answer: Callable[[], Answer], request: Any
    ) -> AsyncIterator[Answer]:
        """The answers to a request that comes in pages, from the page it asks for to the last."""
        while True:
            page: Any = await self.call(method, path, new_answer(), request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def stream(
        self,
        path: tuple[str, ...],
        ended: Callable[[], Awaitable[bool]],
        last_id: str = "",
        request: Message | None = None,
    ) -> AsyncIterator[StreamEvent]:
        """Server-sent events, taken up again where a connection was lost.

        Args:
            ended: asked when the server has ended the stream: whether there is nothing more.
            last_id: go on behind this event.
            request: goes as parameters.

        Raises:
            ServerUnavailable: the server stayed away.
        """
        parameters = message_to_json(request) if request is not None else {}
        connections = failures = 0  # since the last event
        while True:
            connections += 1
            try:
                async for event in self._stream_once(path, parameters, last_id):
                    yield event
                    last_id, connections, failures = event.event_id, 1, 0
                if await ended():
                    return
            except ServerUnavailable:
                failures += 1
                if failures >= RECONNECTS:
                    raise
            await RECONNECT.sleep(RECONNECT.pause_seconds(connections))

    async def _stream_once(
        self, path: tuple[str, ...], parameters: dict[str, Any], last_id: str
    ) -> AsyncIterator[StreamEvent]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        events = EventStream()
        async with self._response("GET", path, parameters, headers, streaming=True) as response:
            async for part in response.content.iter_any():
                for event in events.feed(part):
                    yield event

    async def close(self) -> None:
        """Give the connections back. May be called twice."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def _send(
        self, method: str, path: tuple[str, ...], content: dict[str, Any], headers: Mapping[str, str]
    ) -> Any:
        async with self._response(method, path, content, headers) as response:
            return await response.json(content_type=None)

    @asynccontextmanager
    async def _response(
        self,
        method: str,
        path: tuple[str, ...],
        content: dict[str, Any],
        headers: Mapping[str, str],
        streaming: bool = False,
        file: bytes | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is no error."""
        import aiohttp

        url = self._base + "".join(f"/{quote(segment, safe='')}" for segment in path)
        timeout = aiohttp.ClientTimeout(
            total=None if streaming else self._timeout_seconds if file is None else UPLOAD_SECONDS,
            sock_connect=CONNECT_SECONDS,
            sock_read=SILENCE_SECONDS if streaming else None,
        )
        in_address = method == "GET" or file is not None
        try:
            async with self._session().request(
                method,
                _encoded(url),
                params=_parameters(content) if in_address else None,
                json=None if in_address else content,
                data=file,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status >= 300:
                    raise error_from(response.status, _error_in(await response.read()))
                yield response
        except TimeoutError:
            raise ServerUnavailable(f"{self._url}: no answer in time") from None
        except aiohttp.ClientConnectorError as error:
            reason = error.os_error.strerror or error.os_error
            remedy = "is the server running (burnish server), and is this its address (--url, BURNISH_URL)?"
            raise ServerUnavailable(f"{self._url}: cannot connect ({reason}); {remedy}") from None
        except aiohttp.ClientError as error:
            raise ServerUnavailable(f"{self._url}: the connection was lost ({error})") from None

    def _session(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._open is None:
            headers = self._credentials
            self._open = aiohttp.ClientSession(headers=headers, json_serialize=_dumps)
        return self._open


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _encoded(url: str) -> Any:
    """The URL as it is: what is quoted stays quoted."""
    from yarl import URL

    return URL(url, encoded=True)


def _parameters(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A message of scalars as query parameters, repeated fields several times."""
    found = []
    for name, value in content.items():
        found += [(name, _as_parameter(entry)) for entry in (value if isinstance(value, list) else [value])]
    return found


def _as_parameter(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error_in(raw: bytes) -> wire.Error:
    """The body of an error; of something that is not Burnish's, the beginning of its text."""
    error = wire.Error()
    try:
        read_message(json.loads(raw), error)
    except ValueError:
        error.message = raw[:200].decode("utf-8", "replace")
    return error
