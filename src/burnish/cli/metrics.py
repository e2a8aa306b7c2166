"""The metrics of a process without an API, on a port of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from burnish.api.metrics import Scrape, create_metrics_app
from burnish.cli.listening import listen
from burnish.config import Settings


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
    listening = listen(settings.metrics_host, settings.metrics_port, "metrics_port")
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
