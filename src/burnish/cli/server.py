"""``burnish server`` and ``burnish worker``: processes that live until they are stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn

from burnish.bootstrap import Services, open_services
from burnish.cli.listening import listen
from burnish.cli.metrics import QuietServer, serving_metrics
from burnish.cli.output import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_OK, say_error, stderr
from burnish.config import Settings
from burnish.errors import BurnishError, InvalidInput, InvalidState
from burnish.observability.logs import configure_logs
from burnish.observability.scrape import Scrape, watch_loop
from burnish.redaction import redact_uri
from burnish.tracking.mlflow.address import Address

GRACE_SECONDS = 5.0

log = structlog.get_logger("burnish.cli")


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
    from burnish.api.mlflow_jobs import check_jobs, running_jobs

    check_exposure(settings)
    check_port(settings)
    check_jobs(settings)
    async with _working(settings) as (services, working), contextlib.AsyncExitStack() as stack:

        async def check() -> None:
            if settings.workers and working.done():
                raise InvalidState("the worker of this process has ended; restart it")

        scrape = Scrape(services.offline.telemetry.metrics, services.store.count_by_status)
        mlflow = behind(settings)
        if settings.mlflow_jobs:
            stack.enter_context(running_jobs(_own_url(settings)))
        if mlflow and settings.mlflow_app:
            await mlflow.loaded()  # a plugin that cannot be loaded is said at once
        app = create_app(services, settings, mlflow_app=mlflow, worker=check, scrape=scrape)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=int(GRACE_SECONDS),
        )
        server = QuietServer(config)

        def stop() -> None:
            app.state.streams.close()  # or the server would wait for its streams
            server.should_exit = True

        on_signals(stop)
        _say(settings, "burnish server", addresses(settings))
        await server.serve()


def _own_url(settings: Settings) -> str:
    """Where processes of this machine find this server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    return f"http://{host}:{settings.port}"


async def _work(settings: Settings) -> None:
    if settings.store_uri.startswith("sqlite"):
        raise InvalidInput.of(
            "store_uri",
            settings.store_uri,
            "workers of their own need PostgreSQL; on SQLite the server itself works (--workers N)",
        )
    async with _working(settings) as (services, working):
        stop = asyncio.Event()
        on_signals(stop.set)
        working.add_done_callback(lambda _: stop.set())  # it has failed, and its supervisor must see that
        scrape = Scrape(services.offline.telemetry.metrics, services.store.count_by_status)
        async with serving_metrics(settings, scrape) as address:
            where = [("jobs", f"{settings.workers} at once"), ("store", redact_uri(settings.store_uri))]
            _say(settings, "burnish worker", where + ([("metrics", address)] if address else []))
            await stop.wait()


@asynccontextmanager
async def _working(settings: Settings) -> AsyncIterator[tuple[Services, asyncio.Task[None]]]:
    """Open services at work, drained in the end."""
    services = await open_services(settings)

    async def work() -> None:
        await services.warm_up()
        await services.work()

    working = asyncio.create_task(work())
    lag = asyncio.create_task(watch_loop(services.offline.telemetry.metrics.loop_lagged))
    try:
        yield services, working
    finally:
        lag.cancel()
        await services.close(GRACE_SECONDS)
        working.cancel()  # it has ended, unless it has not even begun
        with contextlib.suppress(asyncio.CancelledError):
            await working


def check_port(settings: Settings) -> None:
    """Before seconds are spent on loading, and before addresses are shown that somebody else answers.

    Raises:
        InvalidInput: the server cannot listen there.
    """
    listen(settings.host, settings.port).close()


def on_signals(action: Callable[[], None]) -> None:
    """Do it when this process is asked to stop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, action)


def addresses(settings: Settings) -> list[tuple[str, str]]:
    """What this server answers and where, and what it stands on; no password among it."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"http://{host}:{settings.port}"
    return [
        ("page", f"{base}/burnish/"),
        ("API", f"{base}/api/3.0/mlflow/prompt-optimization/jobs"),
        ("docs", f"{base}/docs"),
        ("metrics", f"{base}/metrics"),
        *([("MLflow", base)] if Address(settings.tracking_uri).is_database else []),
        ("store", redact_uri(settings.store_uri)),
        ("tracking", redact_uri(settings.tracking_uri)),
    ]


def _say(settings: Settings, title: str, lines: list[tuple[str, str]]) -> None:
    """Say to a person, or to a program that reads one JSON object a line, what runs here."""
    if settings.log_format == "json":
        log.info(title, **{label.lower(): value for label, value in lines})
        return
    for label, value in lines:
        stderr().print(f"{label:<9} {value}", soft_wrap=True)


def _run(settings: Settings, serve: Callable[[Settings], Coroutine[Any, Any, None]]) -> int:
    configure_logs(settings.log_format)
    try:
        asyncio.run(serve(settings))
    except BurnishError as error:
        if settings.log_format == "json":
            log.critical("the process ends", error=str(error))
        else:
            say_error(error)
        return EXIT_BAD_INPUT if isinstance(error, InvalidInput | InvalidState) else EXIT_FAILED
    return EXIT_OK
