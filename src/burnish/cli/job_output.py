"""Jobs on a server as people and programs read them. Every function gives the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from burnish.cli.output import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, say_json, stdout
from burnish.domain.job import Job, JobStatus
from burnish.domain.prompt import text_of
from burnish.proto.convert import event_to_proto, job_to_proto
from burnish.proto.message import message_to_json
from burnish.sdk.results import Candidate, Estimate, Promotion, candidate_to_proto

if TYPE_CHECKING:
    from rich.table import Table

    from burnish.sdk.blocking import Job as Handle

_COLOURS = {
    JobStatus.COMPLETED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELED: "yellow",
    JobStatus.IN_PROGRESS: "cyan",
}


def say_job(job: Job, as_json: bool) -> int:
    if as_json:
        say_json(message_to_json(job_to_proto(job)))
        return EXIT_OK
    table = _table("", "")
    table.show_header = False
    for label, value in _facts(job):
        if value:
            table.add_row(label, value)
    stdout().print(table)
    return EXIT_OK


def _facts(job: Job) -> list[tuple[str, str]]:
    from rich.markup import escape

    test = job.test_scores
    return [
        ("job", job.job_id),
        ("status", _status(job) + (" (cancel requested)" if job.cancel_requested else "")),
        ("error", escape(job.error_message or "")),
        ("created", _time(job.creation_timestamp_ms)),
        ("ended", _time(job.completion_timestamp_ms)),
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
        ("run", job.run_id or ""),
        ("tags", escape(", ".join(f"{key}={value}" for key, value in sorted(job.tags.items())))),
        *(("warning", escape(text)) for text in job.warnings),
    ]


def say_jobs(jobs: Sequence[Job], as_json: bool) -> int:
    if as_json:
        say_json({"jobs": [message_to_json(job_to_proto(job)) for job in jobs]})
        return EXIT_OK
    table = _table("job", "status", "optimizer", "source", "score", "verdict", "usage", "created")
    for job in jobs:
        table.add_row(
            job.job_id,
            _status(job),
            job.config.optimizer_type,
            job.source_prompt_uri,
            _change(job),
            job.verdict or "",
            _usage(job),
            _time(job.creation_timestamp_ms),
        )
    stdout().print(table if jobs else "no jobs")
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


def say_candidates(candidates: Sequence[Candidate], as_json: bool) -> int:
    if as_json:
        say_json({"candidates": [message_to_json(candidate_to_proto(entry)) for entry in candidates]})
        return EXIT_OK
    table = _table("number", "candidate", "status", "score", "front", "calls", "made from", "how", "why not")
    for entry in candidates:
        score = entry.scores.get("aggregate")
        table.add_row(
            str(entry.number),
            entry.candidate_id,
            entry.status,
            "" if score is None else f"{score:.3f}",
            "yes" if entry.on_pareto_front else "",
            str(entry.usage.total.calls),
            " ".join(entry.parents),
            entry.origin,
            entry.reason,
        )
    stdout().print(table if candidates else "no candidates yet")
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
    table.add_row("seconds", f"{estimate.seconds_low:.0f}", f"{estimate.seconds_high:.0f}")
    stdout().print(table)
    for warning in estimate.warnings:
        stdout().print(f"note: {warning}", markup=False)
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


def _table(*headings: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False)


def _status(job: Job) -> str:
    colour = _COLOURS.get(job.status)
    return f"[{colour}]{job.status}[/]" if colour else job.status


def _change(job: Job) -> str:
    before, after = job.initial_eval_scores.get("aggregate"), job.final_eval_scores.get("aggregate")
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
