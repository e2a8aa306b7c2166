"""The end of a job as a person reads it: scores, verdict, the change, where to look, what to do next."""

from __future__ import annotations

import asyncio
import difflib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from burnish.cli.output import stdout
from burnish.config import Settings
from burnish.domain.answer import AnswerOutcome
from burnish.domain.edit import latest, reports_in
from burnish.domain.events import EventKind
from burnish.domain.job import Job, JobStatus, StopReason, Verdict
from burnish.domain.prompt import template_to_json, text_of
from burnish.errors import InvalidInput
from burnish.redaction import redact_uri
from burnish.store.event_reader import read_events

if TYPE_CHECKING:
    from rich.table import Table

    from burnish.bootstrap import Services

VERDICTS = {
    Verdict.IMPROVED: ("bold green", "better than the source on examples it has never seen"),
    Verdict.NO_DIFFERENCE: ("bold yellow", "the interval contains 0: no difference is shown"),
    Verdict.WORSE: ("bold red", "worse than the source on unseen examples"),
}
STOPS = {
    StopReason.FINISHED: "the search was finished",
    StopReason.BUDGET: "the budget was used up",
    StopReason.TARGET_REACHED: "the target score was reached",
    StopReason.PATIENCE: "no candidate was better for a while",
    StopReason.NO_HEADROOM: "the source prompt was already perfect",
    StopReason.NO_NEW_IDEAS: "the reflection model has no new ideas",
    StopReason.LITTLE_TO_GAIN: "more calls would hardly gain anything",
    StopReason.CANCELED: "canceled",
    StopReason.ERROR: "an error",
}


async def print_result(services: Services, job: Job) -> None:
    """Print everything a person wants to know, to standard output."""
    from rich.markup import escape

    console = stdout()
    if job.status is JobStatus.FAILED:
        console.print(f"[bold red]FAILED[/]  {escape(job.error_message or '')}")
    if job.initial_eval_scores:
        console.print(_scores(job))
    if job.verdict is not None and job.test_scores is not None:
        colour, meaning = VERDICTS[job.verdict]
        test = job.test_scores
        console.print(
            f"[{colour}]{job.verdict}[/]  sealed test {test.difference:+.3f} "
            f"(95 % interval {test.ci_low:+.3f} to {test.ci_high:+.3f}, {test.examples} examples): {meaning}"
        )
    unusable = {kind: count for kind, count in job.answers.items() if count and kind != AnswerOutcome.OK}
    if unusable:
        total = sum(job.answers.values())
        shown = ", ".join(f"{count} {kind}" for kind, count in unusable.items())
        console.print(f"[yellow]of {total} answers {shown}[/]")
    usage = job.usage.total
    price = "price unknown" if usage.usd is None else f"{usage.usd:.4f} USD"
    tokens = "tokens unknown" if usage.unmetered else f"{usage.tokens} tokens"
    console.print(
        f"{usage.calls} calls, {tokens}, {price}, {job.seconds_spent:.0f} s; "
        f"ended because {STOPS.get(job.stop_reason or StopReason.FINISHED)}\n"
    )
    await _print_change(services, job)
    await _print_edits(services, job)
    if job.status is JobStatus.COMPLETED and job.status_message:
        console.print(f"{job.status_message}\n", markup=False, soft_wrap=True)
    await _print_links(services, job)


def check_output(path: Path) -> None:
    """See that the best prompt can be written there, before a job is paid for.

    Raises:
        InvalidInput: it certainly cannot.
    """
    folder = path.absolute().parent
    remedy = ""
    if path.is_dir():
        remedy = "is a folder; name the file in it"
    elif not folder.exists():
        remedy = f"there is no such folder as {folder}; make it first"
    elif not folder.is_dir():
        remedy = f"{folder} is no folder"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        remedy = "may not be written by you; name another file"
    if remedy:
        raise InvalidInput.of("--output", path, remedy)


async def write_best_prompt(services: Services, job: Job, path: Path) -> None:
    """Write the best candidate's text to a file: a chat prompt as JSON, several as an object by name.

    Raises:
        InvalidInput: the file cannot be written.
    """
    for record in await services.store.candidates(job.job_id):
        if record.candidate.candidate_id == job.best_candidate_id:
            templates = {name: template_to_json(text) for name, text in record.candidate.texts.items()}
            found = templates if len(templates) > 1 else next(iter(templates.values()))
            text = found if isinstance(found, str) else json.dumps(found, indent=2)
            try:
                await asyncio.to_thread(path.write_text, text, encoding="utf-8")
            except OSError as error:
                raise InvalidInput.of("--output", path, f"cannot be written: {error.strerror}") from None


def _scores(job: Job) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("score")
    for heading in ("initial", "final", "change"):
        table.add_column(heading, justify="right")
    names = [name for name in job.initial_eval_scores if name != "aggregate"]
    if len(names) != 1:
        names.append("aggregate")
    for name in names:
        before, after = job.initial_eval_scores.get(name), job.final_eval_scores.get(name)
        table.add_row(f"validation, {name}", *_cells(before, after))
        if name in job.score_ranges:
            raw = [
                job.raw_scores(scores).get(name)
                for scores in (job.initial_eval_scores, job.final_eval_scores)
            ]
            table.add_row(f"  of {job.score_ranges[name]}", *_cells(*raw))
    if job.test_scores is not None:
        table.add_row("[bold]sealed test[/]", *_cells(job.test_scores.initial, job.test_scores.final))
    return table


def _cells(before: float | None, after: float | None) -> tuple[str, str, str]:
    if before is None or after is None:
        return ("–" if before is None else f"{before:.3f}", "–" if after is None else f"{after:.3f}", "")
    return f"{before:.3f}", f"{after:.3f}", f"{after - before:+.3f}"


async def _print_change(services: Services, job: Job) -> None:
    from rich.text import Text

    records = await services.store.candidates(job.job_id)
    by_id = {record.candidate.candidate_id: record.candidate for record in records}
    best = by_id.get(job.best_candidate_id or "")
    source = next((record.candidate for record in records if record.number == 0), None)
    if best is None or source is None:
        return
    if best.candidate_id == source.candidate_id:
        return
    colours = {"+": "green", "-": "red"}
    for name in source.texts:
        before, after = text_of(source.texts[name]), text_of(best.texts[name])
        if before == after:
            continue
        stdout().print(Text(f"{name}: source → optimized", style="bold"))
        for line in difflib.ndiff(before.splitlines(), after.splitlines()):
            if not line.startswith("?"):
                stdout().print(Text(f"  {line}", style=colours.get(line[0], "dim")))
        stdout().print()


async def _print_edits(services: Services, job: Job) -> None:
    from burnish.cli.edits import edits_table

    edits = latest(reports_in(await read_events(services.store, job.job_id, (EventKind.EDIT,))))
    if tested := [edit for edit in edits if edit.effect is not None]:
        stdout().print(edits_table(tested))
    if dropped := len(edits) - len(tested):
        stdout().print(f"{dropped} more edits were given up at once (burnish jobs edits shows all)\n")


async def _print_links(services: Services, job: Job) -> None:
    lines = [("job", job.job_id)]
    for label, uri in (
        ("run", f"runs:/{job.run_id}" if job.run_id else None),
        *(("source prompt", uri) for uri in job.config.source_prompt_uris),
        *(
            ("new version", uri)
            for uri in job.optimized_prompt_uris
            if uri not in job.config.source_prompt_uris
        ),
    ):
        if uri:
            link = await asyncio.to_thread(services.tracker.link, uri)
            lines.append((label, link.uri + (f"  {link.url}" if link.url else "")))
    for label, value in lines:
        stdout().print(f"{label + ':':<15}{value}", soft_wrap=True)
    stdout().print()
    for line in _next_steps(services, job):
        stdout().print(line, soft_wrap=True)


def _next_steps(services: Services, job: Job) -> list[str]:
    where = _where(services.settings)
    if job.status in (JobStatus.CANCELED, JobStatus.FAILED):
        return [f"Go on from here:  burnish optimize --resume {job.job_id}{where}"]
    look = f"Look at it:       burnish server{where}   and open its page, /burnish/"
    if job.optimized_prompt_uri is None:
        return [look, "Try next:         more data, a larger --max-calls, or another --optimizer"]
    return [
        look,
        f'Use the prompt:   mlflow.genai.load_prompt("{job.optimized_prompt_uri}")',
    ]


def _where(settings: Settings) -> str:
    """The flags that lead to the same store and tracking server, where they are not the usual ones."""
    usual = Settings()
    flags = (
        ("--store-uri", settings.store_uri, usual.store_uri),
        ("--tracking-uri", settings.tracking_uri, usual.tracking_uri),
    )
    return "".join(f" {flag} {redact_uri(uri)}" for flag, uri, default in flags if uri != default)
