"""``burnish datasets``: datasets in MLflow, made where this command runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from burnish.bootstrap import OfflineServices
    from burnish.service.trace_dataset import DatasetResult

app = typer.Typer(name="datasets", help="Datasets in MLflow.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps ``from-traces`` a command of its own while it is the only one."""


@app.command("from-traces")
def from_traces(
    experiment: Annotated[
        str,
        typer.Option(metavar="NAME|ID", help="MLflow experiment that has the traces.", show_default=False),
    ],
    filter: Annotated[
        str, typer.Option("--filter", help="In MLflow's grammar for traces.  [default: all]")
    ] = "",
    feedback: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Take only traces with this feedback of a person: a yes makes the app's own output the "
            "expected response, a text becomes it.",
        ),
    ] = "",
    sample: Annotated[
        int | None, typer.Option(metavar="N", help="Take so many of them, always the same.  [default: all]")
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the dataset.  [default: traces-EXPERIMENT]")
    ] = "",
    mask: Annotated[
        bool, typer.Option("--mask", help="Replace keys, e-mail, card and telephone numbers and IBANs.")
    ] = False,
    allow_personal_data: Annotated[
        bool, typer.Option("--allow-personal-data", help="Keep personal data as it is.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            "--tracking-uri",
            metavar="URI",
            help="MLflow's server or database.  [default: sqlite:///mlflow.db]",
        ),
    ] = None,
) -> None:
    """Make a dataset of the traces that an app has logged.

    Personal data is named, and refused unless it is masked or allowed; nothing is written then.
    """
    import asyncio

    from burnish.bootstrap import make_offline_services
    from burnish.cli.output import EXIT_BAD_INPUT, EXIT_FAILED, say_error
    from burnish.config import Settings
    from burnish.errors import BurnishError, InvalidInput, NotFound
    from burnish.service.trace_dataset import TraceRequest

    async def make(offline: OfflineServices) -> DatasetResult:
        request = TraceRequest(
            experiment_id=await offline.catalog.experiment_id(experiment),
            filter=filter,
            feedback=feedback,
            sample=sample,
            name=name,
            mask=mask,
            allow_personal_data=allow_personal_data,
        )
        return await offline.datasets.from_traces(request, dry_run=dry_run)

    try:
        result = asyncio.run(make(make_offline_services(Settings.read(tracking_uri=tracking_uri))))
    except (InvalidInput, NotFound) as error:
        say_error(error)
        sys.exit(EXIT_BAD_INPUT)
    except BurnishError as error:
        say_error(error)
        sys.exit(EXIT_FAILED)
    _say(result, as_json)


def _say(result: DatasetResult, as_json: bool) -> None:
    from burnish.cli.output import say_json, stderr

    dataset = result.dataset
    expected = sum(example.expected is not None for example in dataset.examples)
    if as_json:
        say_json(
            {
                "dataset_id": dataset.dataset_id,
                "name": dataset.name,
                "records": len(dataset.examples),
                "with_expected_response": expected,
                "notes": list(result.notes),
                "personal_data": [
                    {"field": find.field, "value": find.value, "message": find.remedy}
                    for find in result.personal_data
                ],
            }
        )
        return
    for note in (*result.notes, *map(str, result.personal_data)):
        stderr().print(f"note: {note}", markup=False)
    made = dataset.dataset_id or "only looked at, nothing was written"
    sys.stdout.write(
        f"{dataset.name} ({made}): {len(dataset.examples)} records, {expected} with an expected response\n"
    )
