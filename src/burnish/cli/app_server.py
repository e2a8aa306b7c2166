"""The process of ``burnish app serve``."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from burnish.apps.function_app import FunctionApp
from burnish.apps.server import TOKEN_VARIABLE, check_exposure, create_app, load_function
from burnish.cli.listening import listen
from burnish.cli.metrics import QuietServer
from burnish.cli.output import EXIT_BAD_INPUT, EXIT_OK, say_error, stderr
from burnish.cli.server import on_signals
from burnish.config import Settings
from burnish.errors import InvalidInput
from burnish.mlflow_import import load_mlflow

_GRACE_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """What was typed.

    Attributes:
        port: 0: any that is free.
        traces: whether each evaluation's trace is written to MLflow.
    """

    host: str
    port: int
    timeout_seconds: float
    traces: bool
    tracking_uri: str | None
    experiment: str | None


def run(function: str, options: AppOptions) -> int:
    """Serve ``module:function`` until SIGTERM or SIGINT. Returns the exit code."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    host = options.host
    try:
        check_exposure(host, token)
        listening = listen(host, options.port)
        load_mlflow()
        import mlflow

        mlflow.set_tracking_uri(Settings.read(tracking_uri=options.tracking_uri).tracking_uri)
        if options.experiment is not None:
            mlflow.set_experiment(options.experiment)
        app = create_app(
            FunctionApp(load_function(function, Path.cwd())),
            token=token,
            timeout_seconds=options.timeout_seconds,
            traced=options.traces,
        )
    except InvalidInput as error:
        say_error(error)
        return EXIT_BAD_INPUT
    shown = f"[{host}]" if ":" in host else host
    stderr().print(f"{function} answers at http://{shown}:{listening.getsockname()[1]}/", markup=False)
    with listening:
        asyncio.run(_serve(app, listening))
    return EXIT_OK


async def _serve(app: Starlette, listening: socket.socket) -> None:
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_SECONDS, ws="none"
    )
    server = QuietServer(config)

    def stop() -> None:
        server.should_exit = True

    on_signals(stop)
    await server.serve(sockets=[listening])
