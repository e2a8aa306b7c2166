"""``burnish app``: a function of yours as an app that jobs can ask."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(name="app", help="Apps whose prompts a job optimizes.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``serve`` a command of its own while it is the only one."""


@app.command()
def serve(
    function: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="What mlflow.genai.optimize_prompts would take as predict_fn.",
            show_default=False,
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8080,
    timeout: Annotated[float, typer.Option(help="Seconds after which an evaluation is left.")] = 600.0,
    traces: Annotated[
        bool, typer.Option("--traces/--no-traces", help="Write a trace of each evaluation to MLflow.")
    ] = True,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            "--tracking-uri",
            metavar="URI",
            help="MLflow's server or database, where the function's prompts are.  "
            "[default: sqlite:///mlflow.db]",
        ),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="MLflow experiment for its traces.")
    ] = None,
) -> None:
    """Let jobs ask a function over HTTP (docs/app-protocol.md).

    Requests must bear the token of BURNISH_APP_TOKEN where that is set; beyond loopback it must be.
    """
    from burnish.cli.app_server import AppOptions, run

    options = AppOptions(
        host=host,
        port=port,
        timeout_seconds=timeout,
        traces=traces,
        tracking_uri=tracking_uri,
        experiment=experiment,
    )
    sys.exit(run(function, options))
