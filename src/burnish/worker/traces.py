"""A completed job's evaluations as MLflow traces, written when the job has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from burnish.domain.job import TracePolicy
from burnish.domain.records import CandidateRecord, EvaluationRecord
from burnish.tracking.protocol import EvaluationTrace, TraceBatch
from burnish.worker.context import AttemptContext

_BATCH = 100  # traces for which one call holds MLflow's turn
_PAGE = 1000
_FINAL_SPLITS = ("validation", "test")


async def write_traces(context: AttemptContext) -> None:
    """Write what the job's ``traces`` setting asks for; what the run has already is left as it is.

    Raises:
        StoreUnavailable, TrackingUnavailable: some may be missing; the job is over and stays so.
    """
    job, policy = context.job, context.plan.config.traces
    if policy is TracePolicy.NONE or context.run_id is None:
        return
    found = [trace async for trace in _traces(context, policy)]
    for start in range(0, len(found), _BATCH):
        batch = TraceBatch(
            job_id=job.job_id, experiment_id=job.experiment_id, traces=found[start : start + _BATCH]
        )
        await context.mlflow_calls(context.worker.tracker.log_traces, context.run_id, batch)


def is_traced(policy: TracePolicy, split: str, finalist: bool = True) -> bool:
    """Whether an evaluation of a completed job becomes a trace.

    Args:
        finalist: it is of the source or of the winner.
    """
    return policy is TracePolicy.ALL or (
        policy is TracePolicy.FINALISTS and finalist and split in _FINAL_SPLITS
    )


async def _traces(context: AttemptContext, policy: TracePolicy) -> AsyncIterator[EvaluationTrace]:
    splits = context.plan.splits
    examples = {e.example_id: e for e in (*splits.train, *splits.validation, *splits.test)}
    records = await context.worker.store.candidates(context.job.job_id)
    for record in records if policy is TracePolicy.ALL else _finalists(context, records):
        async for entry in _evaluations(context, record.candidate.candidate_id):
            if is_traced(policy, entry.split):
                yield EvaluationTrace(
                    record=entry,
                    example=examples[entry.evaluation.example_id],
                    role=_role(context, record),
                    model=context.plan.target.uri,
                )


async def _evaluations(context: AttemptContext, candidate_id: str) -> AsyncIterator[EvaluationRecord]:
    after = ""
    while page := await context.worker.store.evaluations(
        context.job.job_id, candidate_id, after=after, limit=_PAGE
    ):
        for entry in page:
            yield entry
        after = page[-1].evaluation.example_id


def _finalists(context: AttemptContext, records: Sequence[CandidateRecord]) -> list[CandidateRecord]:
    """Source and winner; once where they are the same."""
    final = {context.plan.source.candidate_id, context.job.best_candidate_id}
    return [record for record in records if record.candidate.candidate_id in final]


def _role(context: AttemptContext, record: CandidateRecord) -> str:
    candidate_id = record.candidate.candidate_id
    if candidate_id == context.plan.source.candidate_id:
        return "source"
    return "best" if candidate_id == context.job.best_candidate_id else "candidate"
