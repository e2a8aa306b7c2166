"""``burnish server`` and ``burnish worker``: long-lived processes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

from burnish.bootstrap import open_services
from burnish.cli.output import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_OK, say_error
from burnish.config import Settings
from burnish.errors import BurnishError, InvalidInput, InvalidState
from burnish.worker.logs import configure_logs


def run_worker(settings: Settings) -> int:
    """Take jobs until SIGTERM or SIGINT; running jobs are given back. Returns the exit code."""
    configure_logs(settings.log_format)
    try:
        if settings.store_uri.startswith("sqlite"):
            raise InvalidInput.of(
                "--store-uri",
                settings.store_uri,
                "workers of their own need PostgreSQL; on SQLite the server itself works (--workers N)",
            )
        asyncio.run(_work(settings))
    except (InvalidInput, InvalidState) as error:
        say_error(error)
        return EXIT_BAD_INPUT
    except BurnishError as error:
        say_error(error)
        return EXIT_FAILED
    return EXIT_OK


async def _work(settings: Settings) -> None:
    services = await open_services(settings)
    working = asyncio.create_task(services.work())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    print(f"burnish worker: {settings.workers} jobs at once", file=sys.stderr)
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        waiting.cancel()
        await services.close(grace_seconds=2.0)
        with contextlib.suppress(asyncio.CancelledError):
            await working
