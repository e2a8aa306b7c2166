"""What ``mlflow server --app-name burnish`` runs: the same server through MLflow's plugin point.

MLflow starts several processes of it. On SQLite exactly one of them may work on jobs: the one that
gets the store's lock. The others only answer; what they take in, the working one finds in the store.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from burnish.bootstrap import Services, open_services
from burnish.config import Settings
from burnish.domain.job import JobStatus
from burnish.domain.records import JobQuery
from burnish.errors import InvalidState, StoreUnavailable

LOOK_SECONDS = 1.0
GRACE_SECONDS = 5.0

log = structlog.get_logger("burnish.server")


def create_app() -> ASGIApp:
    """The application factory that MLflow calls in each of its server processes.

    Raises:
        InvalidInput: a ``BURNISH_*`` variable has a wrong value.
    """
    settings = settings_under_mlflow(os.environ)
    served: list[ASGIApp] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await served[0](scope, receive, send)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        send_at_once()
        async with _hosting(settings) as opened:
            served.append(opened)
            yield

    return Starlette(routes=[Mount("/", application)], lifespan=lifespan)


def settings_under_mlflow(environment: Mapping[str, str]) -> Settings:
    """``BURNISH_*`` variables, and the flags of ``mlflow server``: its database and its hosts."""
    settings = Settings.read(environment, tracking_uri=environment.get("_MLFLOW_SERVER_FILE_STORE"))
    hosts = environment.get("MLFLOW_SERVER_ALLOWED_HOSTS", "")
    allowed = (*settings.allowed_hosts, *(name.strip() for name in hosts.split(",") if name.strip()))
    return replace(settings, allowed_hosts=allowed)


@asynccontextmanager
async def _hosting(settings: Settings) -> AsyncIterator[ASGIApp]:
    from burnish.api.app import create_app as create_burnish_app
    from burnish.api.mlflow_app import LazyApp, find_plugin, load

    async with AsyncExitStack() as stack:
        services = await open_working_or_answering(settings)
        stack.push_async_callback(services.close, GRACE_SECONDS)
        working = [asyncio.create_task(services.work())] if services.settings.workers else []
        if services.lock is not None:
            working.append(asyncio.create_task(announce_waiting(services)))

        async def check() -> None:
            if any(task.done() for task in working):
                raise InvalidState("the worker of this process has ended; restart it")

        mlflow_app = LazyApp(partial(load, find_plugin(settings.mlflow_app)))
        await mlflow_app.loaded()
        app = create_burnish_app(
            services,
            services.settings,
            mlflow_app=mlflow_app,
            worker=check,
            prefix=os.environ.get("_MLFLOW_STATIC_PREFIX", "").rstrip("/"),
        )
        stack.callback(before_signals(app.state.streams.close))
        try:
            yield app
        finally:
            for task in working[1:]:
                task.cancel()


async def open_working_or_answering(settings: Settings) -> Services:
    """Open everything; without a worker where another process has it."""
    try:
        return await open_services(settings)
    except InvalidState as taken:
        log.info("this process only answers requests", reason=str(taken))
        return await open_services(replace(settings, workers=0))


async def announce_waiting(services: Services, look_seconds: float = LOOK_SECONDS) -> None:
    """Hand over what other processes have put into the store, for ever."""
    known: frozenset[str] = frozenset()
    waiting = JobQuery(
        filter=f"status = '{JobStatus.PENDING}'", order_by=("creation_timestamp_ms ASC",), max_results=1000
    )
    while True:
        try:
            page = await services.store.search(waiting)
        except StoreUnavailable as away:
            log.warning("cannot look for waiting jobs", error=str(away))
        else:
            found = [job.job_id for job in page.jobs]
            for job_id in found:
                if job_id not in known:
                    services.dispatcher.announce(job_id)
            known = frozenset(found)
        await asyncio.sleep(look_seconds)


def send_at_once() -> None:
    """Switch Nagle's algorithm off for the connections of this process's listening sockets.

    asyncio does it for sockets it makes itself. uvicorn with several processes brings its own, and an
    answer in two pieces then waits 40 ms for the reader's delayed acknowledgement.
    """
    descriptors = Path("/proc/self/fd")
    for entry in list(descriptors.iterdir()) if descriptors.is_dir() else ():
        try:
            found = socket.socket(fileno=int(entry.name))
        except OSError:  # not a socket
            continue
        over_ip = found.family in (socket.AF_INET, socket.AF_INET6)
        if over_ip and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found.detach()  # it belongs to somebody else


def before_signals(action: Callable[[], None]) -> Callable[[], None]:
    """Let ``action`` come before the server's own handling of SIGINT and SIGTERM: it waits for streams,
    and so they must end first. Returns what undoes it."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}

    def handle(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(action)
        earlier = before[number]
        if callable(earlier):
            earlier(number, frame)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, handle)

    def undo() -> None:
        for number, earlier in before.items():
            signal.signal(number, earlier)

    return undo
