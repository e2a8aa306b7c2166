"""Jobs on a server as people and programs read them. Every function gives the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.markup import escape

from burnish.cli.edits import edits_table
from burnish.cli.output import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, say_json, stderr, stdout
from burnish.domain.edit import EditReport
from burnish.domain.job import DEFAULT_WORKSPACE, Job, JobStatus
from burnish.domain.origin import Origin
from burnish.domain.prompt import text_of
from burnish.domain.records import JobComparison
from burnish.proto.convert import comparison_to_proto, edit_to_proto, event_to_proto, job_to_json
from burnish.proto.message import message_to_json
from burnish.sdk.results import Candidate, Estimate, Promotion, candidate_to_proto

if TYPE_CHECKING:
    from rich.table import Column, Table

    from burnish.sdk.blocking import Job as Handle

_COLOURS = {
    JobStatus.COMPLETED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELED: "yellow",
    JobStatus.IN_PROGRESS: "cyan",
}


def say_job(job: Job, as_json: bool) -> int:
    if as_json:
        say_json(job_to_json(job))
        return EXIT_OK
    table = _table("", "")
    table.show_header = False
    for label, value in _facts(job):
        if value:
            table.add_row(label, value)
    stdout().print(table)
    return EXIT_OK


_LATER_ACTS = ("resumed_by", "registered_by", "promoted_by")


def say_created(job: Job, as_json: bool) -> int:
    """The job, and on standard error how to go on."""
    say_job(job, as_json)
    if not as_json:
        stderr().print(f"watch it with: burnish jobs watch {job.job_id}", soft_wrap=True)
    return EXIT_OK


def _facts(job: Job) -> list[tuple[str, str]]:
    test = job.test_scores
    return [
        ("job", job.job_id),
        ("origin", "MLflow's own prompt optimization" if job.origin is Origin.MLFLOW else ""),
        ("status", _status(job) + (" (cancel requested)" if job.cancel_requested else "")),
        ("now", "" if job.status.terminal else escape(_now(job))),
        ("winner", escape(job.status_message or "") if job.status is JobStatus.COMPLETED else ""),
        ("error", escape(job.error_message or "")),
        ("created", _time(job.creation_timestamp_ms) + _by(job.created_by)),
        (
            "ended",
            _time(job.completion_timestamp_ms)
            + (f", {job.stop_reason}" if job.stop_reason else "")
            + _by(job.canceled_by),
        ),
        *((name.replace("_", " "), escape(getattr(job, name) or "")) for name in _LATER_ACTS),
        ("workspace", "" if job.workspace == DEFAULT_WORKSPACE else job.workspace),
        ("app", escape(job.config.app.uri) if job.config.app else ""),
        ("optimizer", job.config.optimizer_type),
        ("source", escape(job.source_prompt_uri)),
        ("optimized", escape(job.optimized_prompt_uri or "")),
        ("scores", _change(job)),
        (
            "sealed test",
            f"{test.difference:+.3f} ({test.ci_low:+.3f} to {test.ci_high:+.3f}), {job.verdict}"
            if test
            else "",
        ),
        ("usage", _usage(job)),
        ("answers", answers_in_words(job)),
        ("run", job.run_id or ""),
        ("tags", escape(", ".join(f"{key}={value}" for key, value in sorted(job.tags.items())))),
        *(("warning", escape(text)) for text in job.warnings),
    ]


def _by(user: str | None) -> str:
    return f" by {escape(user)}" if user else ""


def answers_in_words(job: Job) -> str:
    """``92 ok, 3 cut``, or nothing where there were no answers."""
    return ", ".join(f"{count} {kind}" for kind, count in job.answers.items() if count)


def say_jobs(jobs: Sequence[Job], as_json: bool) -> int:
    if as_json:
        say_json({"jobs": [job_to_json(job) for job in jobs]})
        return EXIT_OK
    origins = {job.origin for job in jobs}
    columns = {
        "job": [job.job_id for job in jobs],
        "status": [_status(job) for job in jobs],
        "score": [_change(job) for job in jobs],
        "verdict": [job.verdict or "" for job in jobs],
        **({"kind": [job.kind.value for job in jobs]} if any(job.config.app for job in jobs) else {}),
        **({"origin": [job.origin.value for job in jobs]} if origins != {Origin.BURNISH} else {}),
        "created": [_time(job.creation_timestamp_ms) for job in jobs],
        "usage": [_usage(job) for job in jobs],
        "source": [escape(job.source_prompt_uri) for job in jobs],
        "optimizer": [str(job.config.optimizer_type) for job in jobs],
    }
    stdout().print(_fitting(columns) if jobs else "no jobs")
    return EXIT_OK


def say_comparisons(first: str, comparisons: Sequence[JobComparison], as_json: bool) -> int:
    if as_json:
        say_json({"comparisons": [message_to_json(comparison_to_proto(entry)) for entry in comparisons]})
        return EXIT_OK
    table = _table(_whole("job"), "verdict", f"winner's score, less that of {first}", "examples")
    for entry in comparisons:
        found = entry.scores
        if found is None:
            table.add_row(entry.job_id, "", escape(entry.reason), "")
            continue
        examples = f"{found.examples}" if entry.same_test_split else f"{found.examples} in common"
        difference = f"{found.difference:+.3f} ({found.ci_low:+.3f} to {found.ci_high:+.3f})"
        table.add_row(entry.job_id, str(entry.verdict), difference, examples)
    stdout().print(table)
    return EXIT_OK


def watch(job: Handle, as_json: bool) -> int:
    """Show a job until it has ended; 1 where it failed, 130 where it was canceled."""
    if as_json:
        for event in job.events():
            line = json.dumps(message_to_json(event_to_proto(event)), ensure_ascii=False)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        ended = job.refresh()
    else:
        from burnish.cli.progress import ProgressDisplay

        with ProgressDisplay(job.data) as display:
            ended = job.wait(progress=display.show)
        say_job(ended, as_json=False)
    return {JobStatus.FAILED: EXIT_FAILED, JobStatus.CANCELED: EXIT_INTERRUPTED}.get(ended.status, EXIT_OK)


def say_deleted(job_id: str, as_json: bool) -> int:
    if as_json:
        say_json({})
    else:
        stdout().print(f"job {job_id} is deleted", soft_wrap=True)
    return EXIT_OK


def say_candidates(candidates: Sequence[Candidate], best_candidate_id: str | None, as_json: bool) -> int:
    if as_json:
        say_json({"candidates": [message_to_json(candidate_to_proto(entry)) for entry in candidates]})
        return EXIT_OK
    table = _table(
        "", _whole("candidate"), _whole("status"), _whole("score"), "front", "calls", "how", "why not"
    )
    numbers = {entry.candidate_id: entry.number for entry in candidates}
    for entry in candidates:
        score = entry.scores.get("aggregate")
        table.add_row(
            str(entry.number),
            entry.candidate_id,
            f"{entry.status}, best" if entry.candidate_id == best_candidate_id else entry.status,
            "" if score is None else f"{score:.3f}",
            "yes" if entry.on_pareto_front else "",
            str(entry.usage.total.calls),
            escape(_how(entry, numbers)),
            escape(entry.reason),
        )
    stdout().print(table if candidates else "no candidates yet")
    return EXIT_OK


def say_edits(edits: Sequence[EditReport], as_json: bool) -> int:
    if as_json:
        say_json({"edits": [message_to_json(edit_to_proto(edit)) for edit in edits]})
        return EXIT_OK
    stdout().print(edits_table(edits) if edits else "no edits; only the optimizer factorial has them")
    return EXIT_OK


def say_candidate(candidate: Candidate, as_json: bool) -> int:
    if as_json:
        say_json({"candidate": message_to_json(candidate_to_proto(candidate))})
        return EXIT_OK
    for name in sorted(candidate.texts):
        sys.stdout.write(f"--- {name}\n{text_of(candidate.texts[name])}\n")
    return EXIT_OK


def say_estimate(estimate: Estimate, as_json: bool) -> int:
    if as_json:
        say_json({"estimate": {name: value for name, value in asdict(estimate).items() if value is not None}})
        return EXIT_OK
    table = _table("", "from", "to")
    table.add_row("calls", str(estimate.calls_low), str(estimate.calls_high))
    table.add_row("tokens", str(estimate.tokens_low), str(estimate.tokens_high))
    if estimate.usd_low is not None and estimate.usd_high is not None:
        table.add_row("US dollars", f"{estimate.usd_low:.4f}", f"{estimate.usd_high:.4f}")
    else:
        table.add_row("US dollars", "unknown", "unknown")
    table.add_row("seconds", f"{estimate.seconds_low:.0f}", f"{estimate.seconds_high:.0f}")
    if estimate.detectable_low is not None and estimate.detectable_high is not None:
        shown = f"{estimate.detectable_low:+.3f}", f"{estimate.detectable_high:+.3f}"
        table.add_row("gain that the test can show", *shown)
    stdout().print(table)
    for choice in estimate.splits:
        if choice.detectable_low is not None and choice.detectable_high is not None:
            gain = f"{choice.detectable_low:+.3f} to {choice.detectable_high:+.3f}"
            learned = f"{choice.train} to learn from, {choice.validation} to choose by"
            line = f"--split {choice.split}: {learned}, {choice.test} for the test, which can show {gain}"
            stdout().print(line, soft_wrap=True, highlight=False)
    for warning in estimate.warnings:
        stdout().print(f"note: {warning}", markup=False)
    return EXIT_OK


def say_registration(uris: Sequence[str], as_json: bool) -> int:
    if as_json:
        say_json({"prompt_uris": list(uris)})
    else:
        stdout().print(f"registered: {', '.join(uris)}", soft_wrap=True, markup=False)
    return EXIT_OK


def say_promotion(promotion: Promotion, as_json: bool) -> int:
    if as_json:
        say_json(
            {"promotion": {name: value for name, value in asdict(promotion).items() if value is not None}}
        )
        return EXIT_OK
    before = f" (was {promotion.previous_version})" if promotion.previous_version is not None else ""
    stdout().print(
        f"prompts:/{promotion.name}@{promotion.alias} is version {promotion.version}{before}", soft_wrap=True
    )
    return EXIT_OK


def _table(*columns: str | Column) -> Table:
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)


def _fitting(columns: Mapping[str, Sequence[str]]) -> Table:
    """The columns that a narrow terminal has room for, none of them cut: ids are to be copied."""
    from rich.text import Text

    room = stdout().width
    shown: dict[str, Sequence[str]] = {}
    for heading, cells in columns.items():
        room -= 2 + max(Text.from_markup(cell).cell_len for cell in (heading, *cells))
        if shown and room < 0:
            break
        shown[heading] = cells
    table = _table(*(_whole(heading) for heading in shown))
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    return table


def _whole(heading: str) -> Column:
    """A column that is never cut, however narrow the terminal."""
    from rich.table import Column

    return Column(heading, no_wrap=True, overflow="ignore", min_width=len(heading))


def _how(candidate: Candidate, numbers: Mapping[str, int]) -> str:
    """How it was made, and from which: by their numbers, which are shown too."""
    parents = ", ".join(str(numbers.get(parent, parent)) for parent in candidate.parents)
    return f"{candidate.origin} (from {parents})" if parents else candidate.origin


def _now(job: Job) -> str:
    """What is going on: how far the phase is, or why the job waits."""
    if job.status_message:
        return job.status_message
    if job.progress is None:
        return "waits for a worker" if job.status is JobStatus.PENDING else "being loaded"
    return f"{job.progress.phase}, {job.progress.completed} of {job.progress.total} {job.progress.unit}"


def _status(job: Job) -> str:
    colour = _COLOURS.get(job.status)
    return f"[{colour}]{job.status}[/]" if colour else job.status


def _change(job: Job) -> str:
    before = job.initial_eval_scores.get("aggregate")
    after = job.final_eval_scores.get("aggregate", job.best_score)
    if before is None:
        return ""
    return f"{before:.3f}" if after is None else f"{before:.3f} → {after:.3f}"


def _usage(job: Job) -> str:
    total = job.usage.total
    if not total.calls:
        return ""
    return f"{total.calls} calls" + (f", {total.usd:.4f} USD" if total.usd else "")


def _time(timestamp_ms: int | None) -> str:
    if timestamp_ms is None:
        return ""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
