"""The metrics of a process without an API, on a port of their own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from burnish.api.metrics import Scrape, create_metrics_app
from burnish.config import Settings
from burnish.errors import InvalidInput


@asynccontextmanager
async def serving_metrics(settings: Settings, scrape: Scrape) -> AsyncIterator[str | None]:
    """Serve ``/metrics`` meanwhile, where a port is named (0: any free one); gives the address.

    Raises:
        InvalidInput: the port cannot be had, or the token file cannot be used.
    """
    if settings.metrics_port is None:
        yield None
        return
    app = create_metrics_app(settings, scrape)
    listening = _listen(settings.metrics_host, settings.metrics_port)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = QuietServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    host = f"[{settings.metrics_host}]" if ":" in settings.metrics_host else settings.metrics_host
    try:
        yield f"http://{host}:{listening.getsockname()[1]}/metrics"
    finally:
        server.should_exit = True
        await serving
        listening.close()


class QuietServer(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again before jobs have been given back."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidInput.of(
            "metrics_port", port, f"cannot listen on {host}: {error.strerror}; name another port"
        ) from None
