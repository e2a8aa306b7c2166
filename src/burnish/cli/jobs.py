"""``burnish jobs``: jobs on a server, over the SDK. Heavy imports happen inside the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.cli.job_options import read_options, read_pairs, with_job_options
from burnish.errors import InvalidInput, Problems

if TYPE_CHECKING:
    from burnish.domain.job import Job as JobData
    from burnish.sdk.blocking import Client, Job

app = typer.Typer(name="jobs", help="Jobs on a Burnish server.", no_args_is_help=True)

Url = Annotated[str, typer.Option("--url", metavar="URL", envvar="BURNISH_URL", help="The server.")]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TOKEN", envvar="BURNISH_TOKEN", help="Bearer token.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers.")]
JobId = Annotated[str, typer.Argument(metavar="JOB_ID", help="The job.", show_default=False)]
DEFAULT_URL = "http://127.0.0.1:5000"


@app.command()
@with_job_options()
def create(
    context: typer.Context,
    *,
    prompt: Annotated[
        str | None, typer.Option(help="prompts:/NAME/VERSION or prompts:/NAME@ALIAS.", show_default=False)
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="JOB_ID",
            help="Make this job again, on exactly what it ran on; options given beside it replace its own.",
            show_default=False,
        ),
    ] = None,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            help="With --like: look prompts, records, judges and models up anew, and take any option.",
        ),
    ] = False,
    experiment_id: Annotated[
        str, typer.Option(help="MLflow experiment of the run.  [default: 0; with --like, its]")
    ] = "",
    options: Mapping[str, Any],
    tag: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Repeat for several.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Any text of your own; asked twice with it, there is one job.")
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would take.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Watch it to its end.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Create a job, or estimate one."""

    def run(client: Client) -> int:
        from burnish.cli import job_output as output

        tags = read_pairs(tag or (), "--tag")
        if like is not None:
            if estimate:
                raise InvalidInput.of("--estimate", "", "does not go with --like")
            job = client.repeat_job(
                like,
                source_prompt_uri=prompt or "",
                refresh_inputs=refresh,
                experiment_id=experiment_id,
                tags=tags,
                idempotency_key=idempotency_key,
                **read_options(_typed(context, options)),
            )
            return output.watch(job, as_json) if wait else output.say_created(job.data, as_json)
        if prompt is None or refresh:
            _refuse_without_like(prompt, refresh)
        fields = read_options(options)
        if estimate:
            found = client.estimate_job(str(prompt), experiment_id=experiment_id or "0", **fields)
            return output.say_estimate(found, as_json)
        job = client.create_job(
            str(prompt),
            experiment_id=experiment_id or "0",
            tags=tags,
            idempotency_key=idempotency_key,
            **fields,
        )
        return output.watch(job, as_json) if wait else output.say_created(job.data, as_json)

    _run(url, token, run)


def _typed(context: typer.Context, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were typed, and not those that have their default."""
    found = {}
    for name, value in options.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            found[name] = value
    return found


def _refuse_without_like(prompt: str | None, refresh: bool) -> None:
    """
    Raises:
        InvalidInput: there is no prompt, or nothing to refresh.
    """
    problems = Problems()
    if prompt is None:
        problems.add(
            "--prompt", "", "name prompts:/NAME/VERSION or prompts:/NAME@ALIAS, or a job with --like"
        )
    if refresh:
        problems.add("--refresh", "", "goes with --like; a new job reads its inputs anyway")
    problems.check()


@app.command()
def get(job_id: JobId, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Show one job."""
    _show(url, token, job_id, lambda job: job.data, as_json)


@app.command("list")
def list_jobs(
    filter: Annotated[
        str, typer.Option("--filter", help="Such as: status = 'COMPLETED' AND tags.team = 'search'")
    ] = "",
    experiment_id: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Repeat for several.  [default: all]")
    ] = None,
    order_by: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Such as: final_eval_scores.aggregate DESC  [default: newest]"),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List jobs."""

    def run(client: Client) -> int:
        from itertools import islice

        from burnish.cli import job_output as output

        found = client.search_jobs(
            filter, experiment_ids=experiment_id or (), order_by=order_by or (), page_size=min(limit, 1000)
        )
        return output.say_jobs([job.data for job in islice(found, limit)], as_json)

    _run(url, token, run)


@app.command()
def compare(
    job_ids: Annotated[
        list[str],
        typer.Argument(metavar="JOB_ID...", help="Two to six; the first is the one compared with."),
    ],
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Compare the winners of jobs on the sealed test examples that they have in common."""

    def run(client: Client) -> int:
        from burnish.cli import job_output as output

        return output.say_comparisons(job_ids[0], client.compare_jobs(job_ids), as_json)

    _run(url, token, run)


@app.command()
def watch(job_id: JobId, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Watch a job to its end. With --json, one event on each line."""

    def run(client: Client) -> int:
        from burnish.cli import job_output as output

        return output.watch(client.get_job(job_id), as_json)

    _run(url, token, run)


@app.command()
def cancel(job_id: JobId, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Cancel a job; the best candidate so far is kept."""
    _show(url, token, job_id, lambda job: job.cancel(), as_json)


@app.command()
def resume(job_id: JobId, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Let a canceled or failed job go on from what it has."""
    _show(url, token, job_id, lambda job: job.resume(), as_json)


@app.command()
def delete(job_id: JobId, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Delete a job, its records and its run."""

    def run(client: Client) -> int:
        from burnish.cli import job_output as output

        client.get_job(job_id).delete()
        return output.say_deleted(job_id, as_json)

    _run(url, token, run)


@app.command()
def candidates(
    job_id: JobId,
    candidate_id: Annotated[
        str | None,
        typer.Argument(metavar="CANDIDATE_ID", help="Show this one with its texts.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 1000,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show what a job has tried."""

    def run(client: Client) -> int:
        from itertools import islice

        from burnish.cli import job_output as output

        job = client.get_job(job_id)
        if candidate_id is not None:
            return output.say_candidate(job.candidate(candidate_id), as_json)
        found = list(islice(job.candidates(page_size=min(limit, 1000)), limit))
        return output.say_candidates(found, job.data.best_candidate_id, as_json)

    _run(url, token, run)


@app.command()
def edits(job_id: JobId, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Show which edits of the prompt helped, and by how much (optimizer factorial)."""

    def run(client: Client) -> int:
        from burnish.cli import job_output as output

        return output.say_edits(client.get_job(job_id).edits(), as_json)

    _run(url, token, run)


@app.command()
def register(
    job_id: JobId,
    candidate_id: Annotated[
        str,
        typer.Argument(
            metavar="CANDIDATE_ID",
            help="One that `burnish jobs candidates JOB_ID` lists.",
            show_default=False,
        ),
    ],
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Register a candidate as a new prompt version, whatever the job's own --register says."""

    def run(client: Client) -> int:
        from burnish.cli import job_output as output

        return output.say_registration(client.get_job(job_id).register(candidate_id), as_json)

    _run(url, token, run)


@app.command()
def inputs(job_id: JobId, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Show what a job runs on: versions, models, scorers and settings as they were when it was created."""

    def run(client: Client) -> int:
        from burnish.cli import job_inputs as output

        return output.say_inputs(client.get_job(job_id).inputs(), as_json)

    _run(url, token, run)


@app.command()
def examples(
    job_id: JobId,
    split: Annotated[
        str | None, typer.Option(help="train, validation or test.  [default: all]", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 1000,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show the records a job runs on, each with its split. With --json, one record on each line."""

    def run(client: Client) -> int:
        from itertools import islice

        from burnish.cli import job_inputs as output

        found = client.get_job(job_id).examples(split, page_size=min(limit, 1000))
        return output.say_examples(islice(found, limit), as_json)

    _run(url, token, run)


@app.command()
def promote(
    job_id: JobId,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as production.", show_default=False)],
    back: Annotated[
        bool, typer.Option("--rollback", help="Point it back at the version the job started from.")
    ] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Point an alias of the prompt at the job's new version."""

    def run(client: Client) -> int:
        from burnish.cli import job_output as output

        job = client.get_job(job_id)
        return output.say_promotion(job.roll_back(alias) if back else job.promote(alias), as_json)

    _run(url, token, run)


def _show(url: str, token: str | None, job_id: str, action: Callable[[Job], JobData], as_json: bool) -> None:
    """Do it with a job, and show the job."""

    def run(client: Client) -> int:
        from burnish.cli import job_output as output

        return output.say_job(action(client.get_job(job_id)), as_json)

    _run(url, token, run)


def _run(url: str, token: str | None, action: Callable[[Client], int]) -> None:
    """Do it with a client, and leave with its exit code; errors of our tree become lines."""
    from burnish.cli.output import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_INTERRUPTED, say_error
    from burnish.errors import BurnishError, Conflict, InvalidState, NotFound
    from burnish.sdk.blocking import Client

    try:
        with Client(url, token=token) as client:
            code = action(client)
    except (InvalidInput, InvalidState, NotFound, Conflict) as error:
        say_error(error)
        code = EXIT_BAD_INPUT
    except BurnishError as error:
        say_error(error)
        code = EXIT_FAILED
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    sys.exit(code)
