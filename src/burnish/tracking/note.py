"""The description of a finished job's run: what a person who opens MLflow should read first."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from burnish.domain.candidate import Candidate
from burnish.domain.job import Job, JobStatus, Verdict
from burnish.domain.prompt import text_of
from burnish.tracking.description import MAX_TAG_CHARACTERS

NOTE_TAG = "mlflow.note.content"

_VERDICTS = {
    Verdict.IMPROVED: "The new prompt is better on examples that the search has never seen.",
    Verdict.NO_DIFFERENCE: "No difference is shown: the interval contains 0.",
    Verdict.WORSE: "The new prompt is worse on examples that the search has never seen.",
}
_CUT = "\n… cut; the run's artifacts have the whole texts\n"
_FENCE = "```"


def run_note(job: Job, source: Candidate | None = None, best: Candidate | None = None) -> str:
    """Write the verdict, the scores, what became of the winner and the change, as Markdown.

    Args:
        job: as it ended.
        source, best: the candidates whose texts are compared; without one there is no change to show.

    Returns:
        At most as many characters as a tag may have; the change is cut to fit.
    """
    parts = [_headline(job), _scores(job), _registered(job)]
    if job.error_message and job.status is JobStatus.FAILED:
        parts.append(f"Cause: {job.error_message}")
    parts.append(f"Burnish job `{job.job_id}`")
    head = "\n\n".join(part for part in parts if part)[:MAX_TAG_CHARACTERS]
    if source is None or best is None or source.texts == best.texts:
        return head
    return _with_change(head, _change(source, best))


def _headline(job: Job) -> str:
    if job.verdict is None or job.test_scores is None:
        return f"**{job.status}**" + (f" ({job.stop_reason})" if job.stop_reason else "")
    test = job.test_scores
    return (
        f"**{job.verdict}** {_VERDICTS[job.verdict]} "
        f"Difference {test.difference:+.3f}, 95 % interval {test.ci_low:+.3f} to {test.ci_high:+.3f}, "
        f"{test.examples} examples."
    )


def _scores(job: Job) -> str:
    rows = [
        (f"validation, {name}", before, job.final_eval_scores.get(name))
        for name, before in job.initial_eval_scores.items()
    ]
    if job.test_scores is not None:
        rows.append(("sealed test", job.test_scores.initial, job.test_scores.final))
    if not rows:
        return ""
    lines = [f"| {name} | {before:.3f} | {_shown(after)} |" for name, before, after in rows]
    return "\n".join(["| score | source | best |", "|---|---|---|", *lines])


def _shown(score: float | None) -> str:
    return "–" if score is None else f"{score:.3f}"


def _registered(job: Job) -> str:
    if job.status is JobStatus.COMPLETED and job.status_message:
        return job.status_message
    if not job.optimized_prompt_uris:
        return "No new version was registered." if job.status is JobStatus.COMPLETED else ""
    return "Registered: " + ", ".join(f"`{uri}`" for uri in job.optimized_prompt_uris)


def _change(source: Candidate, best: Candidate) -> Mapping[str, str]:
    """Unified diff of each prompt that changed, by name."""
    changes = {}
    for name, before in source.texts.items():
        after = best.texts.get(name, before)
        if after != before:
            lines = difflib.unified_diff(
                text_of(before).splitlines(), text_of(after).splitlines(), "source", "best", lineterm=""
            )
            changes[name] = "\n".join(lines)
    return changes


def _with_change(head: str, changes: Mapping[str, str]) -> str:
    note = head
    for name, change in changes.items():
        fence = _FENCE
        while fence in change:  # the prompt itself may hold fences
            fence += "`"
        opening, closing = f"\n\nChange of `{name}`:\n\n{fence}diff\n", f"\n{fence}"
        room = MAX_TAG_CHARACTERS - len(note) - len(opening) - len(closing) - len(_CUT)
        if room < 1:
            break
        note += opening + (change if len(change) <= room else change[:room] + _CUT) + closing
    return note
