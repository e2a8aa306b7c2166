"""What a job has tried, and how it went; readable while the job runs."""

from __future__ import annotations

from burnish.api.routes import Call
from burnish.api.services import Services
from burnish.api.wire import candidates_to_proto, evaluation_to_proto, page_size, with_texts
from burnish.errors import NotFound
from burnish.proto import service_pb2 as wire

DEFAULT_PAGE = 100


async def list_candidates(services: Services, call: Call) -> wire.ListPromptOptimizationCandidates.Response:
    call.check()
    job = await services.jobs.get(call.message.job_id)
    records = await services.store.candidates(job.job_id)
    return wire.ListPromptOptimizationCandidates.Response(candidates=candidates_to_proto(records))


async def get_candidate(services: Services, call: Call) -> wire.GetPromptOptimizationCandidate.Response:
    call.check()
    request = call.message
    limit = page_size(request, DEFAULT_PAGE)
    job = await services.jobs.get(request.job_id)
    records = await services.store.candidates(job.job_id)
    messages = candidates_to_proto(records)
    position = next((n for n, m in enumerate(messages) if m.candidate_id == request.candidate_id), None)
    if position is None:
        raise NotFound("candidate", request.candidate_id)
    found = await services.store.evaluations(
        job.job_id, request.candidate_id, after=request.page_token, limit=limit + 1
    )
    page = found[:limit]
    return wire.GetPromptOptimizationCandidate.Response(
        candidate=with_texts(messages[position], records[position].candidate),
        evaluations=[evaluation_to_proto(entry) for entry in page],
        next_page_token=page[-1].evaluation.example_id if len(found) > limit else None,
    )
