"""What a job has tried, and how it went; readable while the job runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from burnish.api.routes import Call
from burnish.api.services import Services
from burnish.api.wire import (
    MAX_PAGE,
    candidates_to_proto,
    evaluation_to_proto,
    page_size,
    scores_to_proto,
    with_texts,
)
from burnish.domain.candidate import CandidateStatus
from burnish.domain.dataset import SPLITS
from burnish.domain.job import Job, JobStatus
from burnish.domain.records import CandidateRecord, EvaluationRecord
from burnish.errors import InvalidInput, NotFound, did_you_mean
from burnish.proto import service_pb2 as wire
from burnish.tracking.names import trace_id_of
from burnish.worker.traces import is_traced

DEFAULT_PAGE = 100


async def list_candidates(services: Services, call: Call) -> wire.ListPromptOptimizationCandidates.Response:
    call.check()
    limit = page_size(call.message, MAX_PAGE)
    job = await services.jobs.get(call.message.job_id)
    records = await services.store.candidates(job.job_id)  # all: who is on the front depends on all
    behind = candidates_to_proto(records)[_start(records, call.message.page_token) :]
    return wire.ListPromptOptimizationCandidates.Response(
        candidates=behind[:limit],
        next_page_token=behind[limit - 1].candidate_id if len(behind) > limit else None,
    )


def _start(records: Sequence[CandidateRecord], page_token: str) -> int:
    """Position of the first candidate on the page; a token is the id of the last one on the page before.

    Raises:
        InvalidInput: it is none of this job.
    """
    if not page_token:
        return 0
    position = _position_of(page_token, records)
    if position is None:
        remedy = "is not a next_page_token of this job's candidates; start again without it"
        raise InvalidInput.of("page_token", page_token, remedy)
    return position + 1


def _position_of(candidate_id: str, records: Sequence[CandidateRecord]) -> int | None:
    ids = (record.candidate.candidate_id for record in records)
    return next((position for position, found in enumerate(ids) if found == candidate_id), None)


async def get_candidate(services: Services, call: Call) -> wire.GetPromptOptimizationCandidate.Response:
    call.check()
    request = call.message
    limit = page_size(request, DEFAULT_PAGE)
    job = await services.jobs.get(request.job_id)
    records = await services.store.candidates(job.job_id)
    position = _position_of(request.candidate_id, records)
    if position is None:
        raise NotFound("candidate", request.candidate_id)
    found = await services.store.evaluations(
        job.job_id, request.candidate_id, after=request.page_token, limit=limit + 1
    )
    page = found[:limit]
    return wire.GetPromptOptimizationCandidate.Response(
        candidate=with_texts(candidates_to_proto(records)[position], records[position].candidate),
        evaluations=[evaluation_to_proto(entry, _trace_of(job, records[position], entry)) for entry in page],
        next_page_token=page[-1].evaluation.example_id if len(found) > limit else None,
    )


def _trace_of(job: Job, candidate: CandidateRecord, entry: EvaluationRecord) -> str | None:
    """The id of the evaluation's MLflow trace, where there is one."""
    if job.run_id == "":  # made without tracking: what its app's traces said is kept, and not they
        return None
    run = entry.evaluation.run
    if run is not None and run.trace_id:
        return run.trace_id
    finalist = (
        candidate.status is CandidateStatus.SOURCE
        or candidate.candidate.candidate_id == job.best_candidate_id
    )
    written = job.status is JobStatus.COMPLETED and job.run_id is not None
    return (
        trace_id_of(job.job_id, entry)
        if written and is_traced(job.config.traces, entry.split, finalist)
        else None
    )


async def list_evaluations(services: Services, call: Call) -> wire.ListPromptOptimizationEvaluations.Response:
    call.check()
    request = call.message
    split = request.split or "validation"
    if split not in SPLITS:
        raise InvalidInput.of(
            "split", split, f"must be one of {', '.join(SPLITS)}{did_you_mean(split, SPLITS)}"
        )
    job = await services.jobs.get(request.job_id)
    scores = await services.store.scores(job.job_id, split, request.scorer or "aggregate")
    records = await services.store.candidates(job.job_id)
    numbers = {record.candidate.candidate_id: record.number for record in records}
    return await asyncio.to_thread(scores_to_proto, scores, numbers)
