"""What a job has tried, and how it went; readable while the job runs."""

from __future__ import annotations

from burnish.api.routes import Call
from burnish.api.services import Services
from burnish.api.wire import candidate_to_proto, evaluation_to_proto, page_size
from burnish.errors import NotFound
from burnish.proto import service_pb2 as wire

DEFAULT_PAGE = 100


async def list_candidates(services: Services, call: Call) -> wire.ListPromptOptimizationCandidates.Response:
    call.check()
    job = await services.jobs.get(call.message.job_id)
    records = await services.store.candidates(job.job_id)
    return wire.ListPromptOptimizationCandidates.Response(
        candidates=[candidate_to_proto(record) for record in records]
    )


async def get_candidate(services: Services, call: Call) -> wire.GetPromptOptimizationCandidate.Response:
    call.check()
    request = call.message
    limit = page_size(request, DEFAULT_PAGE)
    job = await services.jobs.get(request.job_id)
    for record in await services.store.candidates(job.job_id):
        if record.candidate.candidate_id == request.candidate_id:
            break
    else:
        raise NotFound("candidate", request.candidate_id)
    found = await services.store.evaluations(
        job.job_id, request.candidate_id, after=request.page_token, limit=limit + 1
    )
    page = found[:limit]
    return wire.GetPromptOptimizationCandidate.Response(
        candidate=candidate_to_proto(record, with_texts=True),
        evaluations=[evaluation_to_proto(entry) for entry in page],
        next_page_token=page[-1].evaluation.example_id if len(found) > limit else None,
    )
