"""What must be true after every fault."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from burnish.domain.job import Job, JobStatus, StopReason
from burnish.store import tables
from burnish.tracking.description import JOB_TAG
from tests.chaos.deployment import MAX_CALLS, Batch, Deployment

RUN_STATUS = {
    JobStatus.COMPLETED: "FINISHED",
    JobStatus.FAILED: "FAILED",
    JobStatus.CANCELED: "KILLED",
}
NOT_CHARGED = ("429", "500", "503", "garbage", "no_choices", "error_in_200", "stream")
"""Ends of requests that count as unpaid: refusals, and what can never be read and brings no usage."""
SECONDS_AFTER_AN_END = 2.0  # within which the last request may still go out


@dataclass
class Findings:
    """Of one batch. Everything but the first four must be empty or 0.

    Attributes:
        late: deadlines that were missed. They hold on a machine that keeps up; a crowded one may miss them
            though everything is right.
    """

    jobs: int = 0
    completed: int = 0
    attempts: int = 0
    calls: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeated: int = 0
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Everything is as it must be; deadlines left aside."""
        return not (self.lost or self.doubled or self.repeated or self.problems)


async def check_invariants(
    deployment: Deployment, batch: Batch, waiting: list[Job], expected: list[Any] | None
) -> Findings:
    """Look at all that the jobs of a batch have left behind.

    Args:
        waiting: those that did not end in time.
        expected: candidates of an undisturbed job; ``None``: the fault may change what comes out.
    """
    found = Findings(jobs=len(batch.job_ids), problems=list(batch.problems), late=list(batch.late))
    found.lost = [f"{job.job_id} is still {job.status}: {job.status_message}" for job in waiting]
    requests = defaultdict(list)
    for request in deployment.model.requests():
        requests[request["model"]].append(request)
    mlflow = await asyncio.to_thread(_Mlflow, deployment)
    for job_id in batch.job_ids:
        asked = requests[batch.models[job_id]]
        found.calls += len(asked)
        if job_id in batch.deleted:
            _check_deleted(job_id, batch, asked, mlflow, found)
            continue
        job = await deployment.store.get(job_id)
        found.attempts += job.attempt
        found.completed += job.status is JobStatus.COMPLETED
        if not job.status.terminal:
            continue
        _check_state(job, batch, found)
        _check_mlflow(job, mlflow, found)
        await _check_events(deployment, job, found)
        await _check_calls(deployment, job, asked, found)
        if job_id in batch.ended_at:
            late = [r for r in asked if r["at"] > batch.ended_at[job_id] + SECONDS_AFTER_AN_END]
            if late:
                found.problems.append(f"{job_id}: {len(late)} requests after its end")
        if expected is not None and job.status is JobStatus.COMPLETED:
            candidates = await candidates_of(deployment, job_id)
            if candidates != expected:
                found.problems.append(f"{job_id}: other candidates than in an undisturbed run")
    return found


async def candidates_of(deployment: Deployment, job_id: str) -> list[Any]:
    """What a search found, in a form that can be compared."""
    return [
        (r.number, r.candidate.candidate_id, r.status, dict(r.scores), r.candidate.parents)
        for r in await deployment.store.candidates(job_id)
    ]


def _check_state(job: Job, batch: Batch, found: Findings) -> None:
    if job.status is JobStatus.CANCELED and job.job_id not in batch.canceled:
        found.problems.append(f"{job.job_id}: CANCELED, and nobody wanted that")
    if job.status is JobStatus.FAILED:
        found.problems.append(f"{job.job_id}: FAILED: {job.error_message}")
    if job.status is JobStatus.COMPLETED and (job.stop_reason is None or job.verdict is None):
        found.problems.append(f"{job.job_id}: COMPLETED without a verdict ({job.stop_reason})")
    if job.status is JobStatus.CANCELED and job.stop_reason is not StopReason.CANCELED:
        found.problems.append(f"{job.job_id}: CANCELED with stop reason {job.stop_reason}")


class _Mlflow:
    """MLflow's database, read as it is."""

    def __init__(self, deployment: Deployment) -> None:
        with sqlite3.connect(f"file:{deployment.mlflow_file}?mode=ro", uri=True, timeout=30) as connection:
            self.runs = defaultdict(list)
            for job_id, run_id, status in connection.execute(
                "SELECT t.value, r.run_uuid, r.status FROM tags t JOIN runs r USING (run_uuid)"
                " WHERE t.key = ? AND r.lifecycle_stage = 'active'",
                (JOB_TAG,),
            ):
                self.runs[job_id].append((run_id, status))
            self.doubled_metrics = dict(
                connection.execute(
                    "SELECT run_uuid, key FROM metrics GROUP BY run_uuid, key, step HAVING count(*) > 1"
                ).fetchall()
            )
            self.versions = defaultdict(list)
            for job_id, name, version in connection.execute(
                "SELECT value, name, version FROM model_version_tags WHERE key = ?", (JOB_TAG,)
            ):
                self.versions[job_id].append(f"prompts:/{name}/{version}")


def _check_mlflow(job: Job, mlflow: _Mlflow, found: Findings) -> None:
    runs, versions = mlflow.runs[job.job_id], mlflow.versions[job.job_id]
    if len(runs) > 1 or len(versions) > 1:
        found.doubled.append(f"{job.job_id}: runs {runs}, versions {versions}")
    found.doubled += [
        f"{job.job_id}: metric {mlflow.doubled_metrics[run_id]!r} logged twice"
        for run_id, _ in runs
        if run_id in mlflow.doubled_metrics
    ]
    if job.status is JobStatus.COMPLETED and not runs:
        found.lost.append(f"{job.job_id}: COMPLETED without a run")
    if [run_id for run_id, _ in runs] not in ([], [job.run_id]):
        found.problems.append(f"{job.job_id}: its run is {job.run_id}, MLflow has {runs}")
    for _, status in runs:
        if status != RUN_STATUS[job.status]:
            found.problems.append(f"{job.job_id}: {job.status}, but its run is {status}")
    if job.optimized_prompt_uri and versions != [job.optimized_prompt_uri]:
        found.lost.append(f"{job.job_id}: says {job.optimized_prompt_uri}, registered is {versions}")
    if job.status is JobStatus.COMPLETED and versions and not job.optimized_prompt_uri:
        found.problems.append(f"{job.job_id}: registered {versions} and does not know")


def _check_deleted(job_id: str, batch: Batch, asked: list[Any], mlflow: _Mlflow, found: Findings) -> None:
    if mlflow.runs[job_id]:
        found.problems.append(f"{job_id} was deleted and left runs {mlflow.runs[job_id]}")
    late = [r for r in asked if r["at"] > batch.deleted[job_id] + SECONDS_AFTER_AN_END]
    if late:
        found.problems.append(f"{job_id} was deleted and went on with {len(late)} requests")


async def _check_events(deployment: Deployment, job: Job, found: Findings) -> None:
    events = await deployment.store.events(job.job_id, limit=100_000)
    numbers = [event.sequence for event in events]
    if numbers != list(range(1, len(events) + 1)):
        found.problems.append(f"{job.job_id}: event numbers {numbers}")
    attempts = [event.attempt for event in events if event.attempt]
    if attempts != sorted(attempts):
        found.doubled.append(f"{job.job_id}: an older attempt wrote after a newer one")
    ends = [event.kind.value for event in events].count("ENDED")
    if ends != 1 or events[-1].kind.value != "ENDED":
        found.problems.append(f"{job.job_id}: {ends} ends, last event {events[-1].kind.value}")
    tested = [event.kind.value for event in events].count("REGISTERED")
    if tested > job.attempt:
        found.doubled.append(f"{job.job_id}: {tested} registrations in {job.attempt} attempts")


async def _check_calls(
    deployment: Deployment, job: Job, asked: list[dict[str, Any]], found: Findings
) -> None:
    """Compare what the model was asked with the journal.

    Every answer is in the journal, or was on its way when a process died: then the journal has a note
    that the call was begun, which nothing removes. Answers beyond both were asked for again.
    """
    answered = Counter(request["request"] for request in asked if request["end"] == "answered")
    allowed: Counter[str] = Counter()
    by_call: dict[str, str] = {}

    def read(connection: Any) -> tuple[list[Any], list[Any]]:
        begun, finished = tables.calls_begun.c, tables.calls_finished.c
        return (
            connection.execute(
                select(finished.call_id, finished.calls, finished.body).where(finished.job_id == job.job_id)
            ).all(),
            connection.execute(select(begun.call_id, begun.calls).where(begun.job_id == job.job_id)).all(),
        )

    finished_rows, begun_rows = await deployment.store._database.read(read)
    for call_id, calls, body in finished_rows:
        key = json.loads(body)["request_hash"]
        by_call[call_id] = key
        allowed[key] += calls
    unknown = 0
    for call_id, calls in begun_rows:
        if call_id in by_call:
            allowed[by_call[call_id]] += calls
        else:
            unknown += calls
    beyond = (answered - allowed).total()
    found.repeated += max(0, beyond - unknown)
    spent = job.usage.total.calls
    paid = sum(request["end"] not in NOT_CHARGED for request in asked)
    if spent > MAX_CALLS or paid > MAX_CALLS:
        found.problems.append(f"{job.job_id}: {spent} calls counted, {paid} made, {MAX_CALLS} allowed")
    if job.status is JobStatus.COMPLETED and paid > spent:
        found.problems.append(f"{job.job_id}: {paid} calls made, only {spent} counted")
