"""The ``burnish`` command. Heavy imports happen inside the commands, so that help is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish import __version__
from burnish.cli import app as app_commands
from burnish.cli import datasets, jobs
from burnish.cli.job_options import with_job_options

if TYPE_CHECKING:
    from burnish.config import Settings

app = typer.Typer(
    name="burnish",
    help="Durable prompt-optimization jobs for teams that keep their prompts in MLflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(jobs.app)
app.add_typer(datasets.app)
app.add_typer(app_commands.app)

StoreUri = Annotated[
    str | None,
    typer.Option("--store-uri", metavar="URI", help="Where jobs are kept.  [default: sqlite:///burnish.db]"),
]
AppUrls = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-app-url", metavar="URL", help="Jobs may ask apps below this base URL; repeat for several."
    ),
]
AppNetworks = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-app-network",
        metavar="NETWORK",
        help="A private network that those URLs may lead to, such as 10.0.0.0/8; repeat for several.",
    ),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri", metavar="URI", help="MLflow's server or database.  [default: sqlite:///mlflow.db]"
    ),
]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
@with_job_options(
    without=("dataset_id",), model="the prompt's own, else local:/smollm2", scorers="exact_match"
)
def optimize(
    *,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|URI",
            help="A text file, a .json file of chat messages, or prompts:/NAME/VERSION; "
            "repeat for several that are sent one after the other and optimized together.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|ID",
            help="A .jsonl, .csv or .parquet file, or an MLflow dataset id; metaprompt can do without.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the prompt in the registry.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column that holds the expected answer.")
    ] = None,
    options: Mapping[str, Any],
    experiment: Annotated[
        str, typer.Option(metavar="NAME", help="MLflow experiment of the run.")
    ] = "burnish",
    resume: Annotated[
        str | None,
        typer.Option(metavar="JOB_ID", help="Go on with this canceled, failed or interrupted job instead."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the best prompt to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the job as one JSON document.")] = False,
    store_uri: StoreUri = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Optimize a prompt on your own data, here and now."""
    from burnish.cli.optimize import OptimizeRequest, run

    request = OptimizeRequest(
        prompts=tuple(prompt or ()),
        data=data,
        name=name,
        target=target,
        options=options,
        experiment=experiment,
        resume=resume,
    )
    sys.exit(run(request, output, as_json, store_uri, tracking_uri))


@app.command()
def demo(
    store_uri: StoreUri = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """The main job on sample data with a small model in this process: no key, no server."""
    from burnish.cli.demo import run

    sys.exit(run(store_uri, tracking_uri))


@app.command()
def server(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.  [default: 5000]")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Jobs that run at once in this process; 0: none.  [default: 1]")
    ] = None,
    auth_token_file: Annotated[
        str | None,
        typer.Option(help="Tokens that are let in, one a line: NAME: TOKEN [read|write] [EXPERIMENT_ID …]."),
    ] = None,
    mlflow_app: Annotated[
        str | None,
        typer.Option(
            help="The mlflow.app plugin to mount, such as basic-auth: its users and permissions count."
        ),
    ] = None,
    mlflow_jobs: Annotated[
        bool,
        typer.Option(
            "--mlflow-jobs",
            help="Run MLflow's own jobs too (judges, evaluations, issue detection), with MLflow's runner.",
        ),
    ] = False,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Listen beyond loopback without tokens.")
    ] = False,
    keep_journal_days: Annotated[
        float | None, typer.Option(help="Drop the journal of jobs that ended so long ago.")
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="console or json.")] = None,
    allow_app_url: AppUrls = None,
    allow_app_network: AppNetworks = None,
    store_uri: StoreUri = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Serve the job API and run jobs; MLflow's own server stands behind it."""
    from burnish.cli.server import run_server

    _serve(
        run_server,
        host=host,
        port=port,
        workers=workers,
        auth_token_file=auth_token_file,
        mlflow_app=mlflow_app,
        mlflow_jobs=mlflow_jobs or None,
        no_auth=no_auth or None,
        keep_journal_days=keep_journal_days,
        log_format=log_format,
        app_urls=tuple(allow_app_url) if allow_app_url else None,
        app_networks=tuple(allow_app_network) if allow_app_network else None,
        store_uri=store_uri,
        tracking_uri=tracking_uri,
    )


@app.command()
def worker(
    concurrency: Annotated[int, typer.Option(help="Jobs that run at once in this process.")] = 50,
    takeover_seconds: Annotated[
        float | None, typer.Option(help="Silence after which another's job is taken over.  [default: 10]")
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(help="Port of /metrics, on loopback unless BURNISH_METRICS_HOST says otherwise."),
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="console or json.")] = None,
    allow_app_url: AppUrls = None,
    allow_app_network: AppNetworks = None,
    store_uri: StoreUri = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Run jobs of a PostgreSQL store; start as many as you like, on any machine."""
    from burnish.cli.server import run_worker

    _serve(
        run_worker,
        workers=concurrency,
        takeover_seconds=takeover_seconds,
        metrics_port=metrics_port,
        log_format=log_format,
        app_urls=tuple(allow_app_url) if allow_app_url else None,
        app_networks=tuple(allow_app_network) if allow_app_network else None,
        store_uri=store_uri,
        tracking_uri=tracking_uri,
    )


@app.command()
def doctor(
    model: Annotated[
        list[str] | None,
        typer.Option(help="Ask this model one short question; repeat for several."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON document.")] = False,
    store_uri: StoreUri = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Check versions, store, tracking, dispatcher and models, and say what to do. Writes nothing."""
    from burnish.cli.doctor import run

    sys.exit(run(tuple(model or ()), as_json, store_uri, tracking_uri))


def _serve(run: Callable[[Settings], int], **flags: Any) -> None:
    from burnish.cli.output import EXIT_BAD_INPUT, say_error
    from burnish.config import Settings
    from burnish.errors import InvalidInput

    try:
        settings = Settings.read(**flags)
    except InvalidInput as error:
        say_error(error)
        sys.exit(EXIT_BAD_INPUT)
    sys.exit(run(settings))


def main() -> None:
    """Entry point of the console script."""
    if problem := unreadable_argument(sys.argv[1:]):
        sys.stderr.write(f"error: {problem}\n")
        sys.exit(2)
    app()


def unreadable_argument(arguments: Sequence[str]) -> str | None:
    """What to say of the first argument that is not UTF-8; ``None`` where all are. MLflow, the store and the
    models take nothing else, and would say so only when something has been paid."""
    for argument in arguments:
        raw = os.fsencode(argument)
        shown = raw.decode("utf-8", "backslashreplace")
        if shown.encode() != raw:
            return f"argument '{shown}': is not UTF-8; rename the file, or set the terminal to UTF-8"
    return None


if __name__ == "__main__":
    main()
