"""A scripted model behind HTTP on loopback: OpenAI's and Anthropic's shapes, faults on request.

    python -m burnish.llm.testing.scripted_server --port 0 --script sentiment --latency-ms 200 --fault 429:0.1

The first line on standard output is its address. ``GET /_stats`` says what it was asked, ``PUT /_faults``
changes what goes wrong: ``{"shares": {"500": 1}, "latency_seconds": 0.2}``. A model whose name is one of
``scripted.SCRIPTS`` is answered by that script, any other by ``--script``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TextIO

from burnish.domain.prompt import Message
from burnish.llm.protocol import Parameters, Request, Response
from burnish.llm.testing.faults import KINDS, Faults
from burnish.llm.testing.scripted import SCRIPTS, Script, response_to

if TYPE_CHECKING:
    from aiohttp import web

_HANG_SECONDS = 3600.0


class ScriptedServer:
    """Serves a script. ``async with ScriptedServer(script) as server: server.url``.

    Args:
        script: answers every model that has no script of its own.
        log: gets a JSON line for each request (number, time, path, model, hash of the body, hash of the
            request as the journal has it) and another for its end (number, time, ``answered`` or what
            went wrong; ``gone`` where the client did not wait).

    Attributes:
        faults, script: what goes wrong, and who answers; may be replaced while it runs.
        requests: how many came in.
        statuses: status (or ``dropped``, ``hung``) → how many.
        answered: body's hash → how often it was answered with a text.
        bodies: the last requests as they came (path, headers, body), for tests to look at.
    """

    def __init__(self, script: Script, faults: Faults | None = None, log: TextIO | None = None) -> None:
        self.faults = faults or Faults()
        self.script = script
        self._log = log
        self._runner: web.AppRunner | None = None
        self._seen: Counter[str] = Counter()
        self.in_flight = 0
        self.requests = 0
        self.statuses: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.most_at_once = 0
        self.bodies: list[tuple[str, Mapping[str, str], dict[str, Any]]] = []
        self.url = ""

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; ``url`` is set then, without a path."""
        from aiohttp import web

        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/_stats", self._stats)
        app.router.add_put("/_faults", self._set_faults)
        app.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> ScriptedServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def stats(self) -> dict[str, Any]:
        """Counts so far. ``repeated``: answers to a body that had been answered before."""
        return {
            "requests": self.requests,
            "answered": self.answered.total(),
            "repeated": self.answered.total() - len(self.answered),
            "statuses": dict(self.statuses),
            "in_flight": self.in_flight,
            "most_at_once": self.most_at_once,
        }

    async def _answer(self, http: web.Request) -> web.StreamResponse:
        content = await http.read()
        body_hash = hashlib.sha256(content).hexdigest()[:16]
        number, occurrence = self.requests, self._seen[body_hash]
        self.requests += 1
        self._seen[body_hash] += 1
        self.in_flight += 1
        self.most_at_once = max(self.most_at_once, self.in_flight)
        fault = self.faults.kind_of(body_hash, occurrence, number)
        end = "gone"
        try:
            body = json.loads(content)
            self.bodies = [*self.bodies[-99:], (http.path_qs, dict(http.headers), body)]
            if self._log is not None:
                request = self.read(http.path, body)
                key = replace(request, model=f"openai:/{request.model}").digest  # as the journal has it
                self._note(number, path=http.path, model=request.model, body=body_hash, request=key)
            response = await self._act(http, body, body_hash, fault)
            end = fault or "answered"
            return response
        finally:
            self.in_flight -= 1
            self._note(number, end=end)

    async def _act(
        self, http: web.Request, body: dict[str, Any], body_hash: str, fault: str | None
    ) -> web.StreamResponse:
        from aiohttp import web

        if fault == "hang":
            self.statuses["hung"] += 1
            await asyncio.sleep(_HANG_SECONDS)
        await asyncio.sleep(self.faults.seconds(body_hash))
        if fault == "drop":
            self.statuses["dropped"] += 1
            if http.transport is not None:
                http.transport.abort()
            return web.Response()
        if fault is not None and fault.isdigit():
            self.statuses[fault] += 1
            retry_after = {"Retry-After": f"{self.faults.retry_after_seconds:g}"} if fault == "429" else {}
            error = {"error": {"message": f"{KINDS[fault]} (scripted)", "type": "scripted", "code": fault}}
            return web.json_response(error, status=int(fault), headers=retry_after)
        self.statuses["200"] += 1
        if fault == "garbage":
            return web.Response(text="<html>not what you asked for</html>", content_type="text/html")
        if fault == "no_choices":
            return web.json_response({"object": "chat.completion", "choices": []})
        if fault == "error_in_200":
            return web.json_response({"error": {"message": f"{KINDS[fault]} (scripted)"}})
        if fault == "stream":
            return web.Response(text='data: {"choices": []}\n\n', content_type="text/event-stream")
        self.answered[body_hash] += 1
        request = self.read(http.path, body)
        response = response_to(request, "") if fault == "empty" else self._respond(request)
        return web.json_response(self.write(http.path, response, request))

    def read(self, path: str, body: Mapping[str, Any]) -> Request:
        """The request in a body. An API of another shape overrides this and :meth:`write`."""
        system = [Message("system", body["system"])] if body.get("system") else []
        messages = [Message(entry["role"], entry["content"]) for entry in body["messages"]]
        stop = body.get("stop") or body.get("stop_sequences") or ()
        return Request(
            model=str(body.get("model", "")),
            messages=(*system, *messages),
            parameters=Parameters(
                temperature=body.get("temperature"),
                max_tokens=body.get("max_tokens") or body.get("max_completion_tokens"),
                stop=(stop,) if isinstance(stop, str) else tuple(stop),
            ),
        )

    def write(self, path: str, response: Response, request: Request) -> dict[str, Any]:
        """The body of an answer."""
        shape = _anthropic if path.endswith("/messages") else _openai
        return shape(response, request)

    def _respond(self, request: Request) -> Response:
        answer = SCRIPTS.get(request.model, self.script)(request)
        if isinstance(answer, Exception):
            raise answer
        return response_to(request, answer) if isinstance(answer, str) else answer

    def _note(self, number: int, **what: Any) -> None:
        if self._log is not None:
            self._log.write(json.dumps({"number": number, "at": time.time(), **what}) + "\n")
            self._log.flush()

    async def _stats(self, http: web.Request) -> web.Response:
        from aiohttp import web

        return web.json_response(self.stats)

    async def _set_faults(self, http: web.Request) -> web.Response:
        from aiohttp import web

        self.faults = replace(self.faults, **await http.json())
        return web.json_response(asdict(self.faults))


def _openai(response: Response, request: Request) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{request.digest[:16]}",
        "object": "chat.completion",
        "created": 0,
        "model": request.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": response.text},
                "finish_reason": response.finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": response.prompt_tokens,
            "completion_tokens": response.completion_tokens,
            "total_tokens": response.prompt_tokens + response.completion_tokens,
        },
    }


def _anthropic(response: Response, request: Request) -> dict[str, Any]:
    return {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [{"type": "text", "text": response.text}],
        "stop_reason": "max_tokens" if response.finish_reason == "length" else "end_turn",
        "usage": {"input_tokens": response.prompt_tokens, "output_tokens": response.completion_tokens},
    }


def _faults_from(arguments: argparse.Namespace) -> Faults:
    shares = {}
    for text in arguments.fault:
        kind, _, share = text.partition(":")
        shares[kind] = float(share or 1)
    return Faults(
        shares=shares,
        from_request=arguments.from_request,
        latency_seconds=arguments.latency_ms / 1000,
        jitter_seconds=arguments.jitter_ms / 1000,
        retry_after_seconds=arguments.retry_after,
        seed=arguments.seed,
    )


async def _serve(arguments: argparse.Namespace) -> None:
    with contextlib.ExitStack() as files:
        log = files.enter_context(open(arguments.log, "a")) if arguments.log else None  # noqa: ASYNC230, PTH123
        server = ScriptedServer(SCRIPTS[arguments.script], _faults_from(arguments), log)
        await server.start(arguments.port)
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        try:
            await asyncio.Event().wait()
        finally:
            await server.stop()


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m burnish.llm.testing.scripted_server", description=__doc__
    )
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--script", choices=sorted(SCRIPTS), default="sentiment")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--jitter-ms", type=float, default=0.0)
    parser.add_argument("--fault", action="append", default=[], metavar="KIND:SHARE", help=", ".join(KINDS))
    parser.add_argument("--from-request", type=int, default=0, help="the first request that may go wrong")
    parser.add_argument("--retry-after", type=float, default=1.0, help="seconds a 429 asks for")
    parser.add_argument("--log", help="file that gets two JSON lines for each request")
    parser.add_argument("--seed", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args(argv)))


if __name__ == "__main__":
    main()
