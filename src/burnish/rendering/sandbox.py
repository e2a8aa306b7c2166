"""Jinja templates as MLflow renders them, in a process of its own.

The process is started when the first template comes, and again after it was ended, by one of the limits or
by somebody else. It ends with this one, since its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from burnish.domain.prompt import Message, Template, is_jinja, render, texts_of
from burnish.domain.rendering import JinjaNames, first_statement
from burnish.domain.text import well_formed
from burnish.errors import InvalidInput

CPU_SECONDS = 3
"""Of one rendering; compiling the template included."""

WALL_SECONDS = 30.0
"""After which the process is ended though it had no CPU: more than a busy machine needs."""

LARGEST_BYTES = 64 * 1024 * 1024
"""Of a template with its values."""

_CHUNK_BYTES = 1 << 16


class _Died(Exception):
    """The process ended by a signal that is none of our limits, or before it had answered."""


class JinjaSandbox:
    """Implements :class:`~burnish.domain.rendering.Renderer`. Used by any number of threads and loops.

    Jinja's immutable sandbox, with MLflow's settings otherwise: an undefined name is empty.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jinja")
        self._process: subprocess.Popen[bytes] | None = None

    async def render(self, template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
        if not is_jinja(template):
            return render(template, values)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self.render_now, template, values)

    def render_now(self, template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
        if not is_jinja(template):
            return render(template, values)
        texts = self._ask(template, {"values": dict(values)})["texts"]
        texts = [well_formed(text) for text in texts]
        if isinstance(template, str):
            return (Message("user", texts[0]),)
        return tuple(Message(message.role, text) for message, text in zip(template, texts, strict=True))

    def names(self, template: Template) -> JinjaNames:
        answer = self._ask(template, {})
        return JinjaNames(frozenset(answer["used"]), frozenset(answer["optional"]))

    @property
    def process_id(self) -> int | None:
        """Of the process that renders, while there is one."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """End the process. May be called twice."""
        with self._turn:
            self._end()
        self._thread.shutdown(wait=False)

    def _ask(self, template: Template, request: Mapping[str, Any]) -> dict[str, Any]:
        body = json.dumps({"texts": texts_of(template), **request}).encode()
        if len(body) > LARGEST_BYTES:
            raise _problem(template, f"is with its values larger than {LARGEST_BYTES // 2**20} MB")
        with self._turn:
            try:
                answer = self._exchange(template, body)
            except _Died:  # ended by somebody else, perhaps while it rendered for another: once more
                try:
                    answer = self._exchange(template, body)
                except _Died as died:
                    raise _problem(template, f"cannot be rendered: {died}, twice") from None
        if "message" in answer:
            raise _problem(template, answer["message"])
        return answer

    def _exchange(self, template: Template, body: bytes) -> dict[str, Any]:
        process = self._running()
        try:
            answer = _talk(process, struct.pack(">I", len(body)) + body, self._clock)
        except TimeoutError:
            self._end()
            raise _problem(template, f"took more than {WALL_SECONDS:g} seconds to render") from None
        except BaseException:
            self._end()
            raise
        if answer is None:
            code = self._end()
            if code == -signal.SIGXCPU:
                raise _problem(template, f"took more than {CPU_SECONDS} seconds of CPU to render")
            raise _Died(f"the process that renders ended with {_named(code)}")
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = _start()
        return self._process

    def _end(self) -> int:
        """End the process, if there is one, and say how it ended."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)  # it may be ending by itself: then its own reason is the true one
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return process.wait()


def _start() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("child.py")), str(CPU_SECONDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={  # and nothing else: there are keys in ours
            "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path),
            "PYTHONHASHSEED": "0",
            "LANG": "C.UTF-8",
        },
        bufsize=0,
    )
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
    return process


def _talk(
    process: subprocess.Popen[bytes], message: bytes, clock: Callable[[], float]
) -> dict[str, Any] | None:
    """Write a message and read the answer; ``None``: the process ended instead.

    Raises:
        TimeoutError
    """
    assert process.stdin is not None and process.stdout is not None
    until = clock() + WALL_SECONDS
    unsent, received = memoryview(message), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            ready = selector.select(max(0.0, until - clock()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    try:
                        unsent = unsent[os.write(key.fd, unsent[:_CHUNK_BYTES]) :]
                    except BrokenPipeError:
                        return None
                    if not unsent:
                        selector.unregister(process.stdin)
                    continue
                part = os.read(key.fd, _CHUNK_BYTES)
                if not part:
                    return None
                received += part
                if len(received) >= 4:
                    (size,) = struct.unpack_from(">I", received)
                    if len(received) == 4 + size:
                        return dict(json.loads(received[4:]))


def _named(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else f"code {code}"
    except ValueError:
        return f"signal {-code}"


def _problem(template: Template, message: str) -> InvalidInput:
    return InvalidInput.of("prompt", first_statement(template), f"the Jinja template {message}")
