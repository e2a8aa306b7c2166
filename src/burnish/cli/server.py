"""``burnish server`` and ``burnish worker``: processes that live until they are told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from burnish.bootstrap import Services, open_services
from burnish.cli.output import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_OK, say_error, stderr
from burnish.config import Settings
from burnish.errors import BurnishError, InvalidInput, InvalidState
from burnish.store.location import safe_uri
from burnish.worker.logs import configure_logs

GRACE_SECONDS = 5.0


def run_server(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    return _run(settings, _serve)


def run_worker(settings: Settings) -> int:
    """Take jobs until SIGTERM or SIGINT; running ones are given back. Returns the exit code."""
    return _run(settings, _work)


async def _serve(settings: Settings) -> None:
    from burnish.api.app import create_app
    from burnish.api.auth import check_exposure
    from burnish.api.mlflow_app import behind

    check_exposure(settings)
    async with _working(settings) as (services, check):
        app = create_app(services, settings, mlflow_app=behind(settings), worker=check)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=int(GRACE_SECONDS),
        )
        server = _Server(config)

        def stop() -> None:
            app.state.watching.close()  # or the server would wait for its streams
            server.should_exit = True

        _on_signals(stop)
        _say_where(settings)
        await server.serve()
        if not server.started:
            raise InvalidInput.of("port", settings.port, f"cannot listen on {settings.host}; is it in use?")


async def _work(settings: Settings) -> None:
    if settings.store_uri.startswith("sqlite"):
        raise InvalidInput.of(
            "store_uri",
            settings.store_uri,
            "workers of their own need PostgreSQL; on SQLite the server itself works (--workers N)",
        )
    async with _working(settings):
        stop = asyncio.Event()
        _on_signals(stop.set)
        stderr().print(f"burnish worker: {settings.workers} jobs at once from {safe_uri(settings.store_uri)}")
        await stop.wait()


@asynccontextmanager
async def _working(
    settings: Settings,
) -> AsyncIterator[tuple[Services, Callable[[], Coroutine[Any, Any, None]]]]:
    """Open services at work, and a check that they still are; drained in the end."""
    services = await open_services(settings)
    working = asyncio.create_task(services.work())

    async def check() -> None:
        if settings.workers and working.done():
            raise InvalidState("the worker of this process has ended; restart it")

    try:
        yield services, check
    finally:
        await services.close(GRACE_SECONDS)
        with contextlib.suppress(asyncio.CancelledError):
            await working


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again before jobs have been given back."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _on_signals(action: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, action)


def _say_where(settings: Settings) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"http://{host}:{settings.port}"
    lines = [
        ("API", f"{base}/api/3.0/mlflow/prompt-optimization/jobs"),
        ("docs", f"{base}/docs"),
        ("MLflow", base if "://" in settings.tracking_uri else settings.tracking_uri),
        ("store", safe_uri(settings.store_uri)),
        ("tracking", safe_uri(settings.tracking_uri)),
    ]
    for label, value in lines:
        stderr().print(f"{label:<9} {value}", soft_wrap=True)


def _run(settings: Settings, serve: Callable[[Settings], Coroutine[Any, Any, None]]) -> int:
    configure_logs(settings.log_format)
    try:
        asyncio.run(serve(settings))
    except (InvalidInput, InvalidState) as error:
        say_error(error)
        return EXIT_BAD_INPUT
    except BurnishError as error:
        say_error(error)
        return EXIT_FAILED
    return EXIT_OK
