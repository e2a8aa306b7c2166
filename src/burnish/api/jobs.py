"""The verbs of jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from burnish.api.routes import Call
from burnish.api.services import Services
from burnish.api.wire import (
    estimate_to_proto,
    promotion_to_proto,
    read_job_request,
    read_query,
    read_repeat_request,
)
from burnish.domain.actor import NOBODY
from burnish.domain.hashing import digest
from burnish.domain.records import Idempotency
from burnish.errors import Problem, Problems
from burnish.proto import service_pb2 as wire
from burnish.proto.convert import comparison_to_proto, job_to_json
from burnish.proto.message import message_to_json
from burnish.samples import DEMO_MAX_CALLS, DEMO_MODEL
from burnish.service.comparison import compare_jobs

MAX_KEY_LENGTH = 255


async def create(services: Services, call: Call) -> dict[str, Any]:
    if call.message.like_job_id:
        return await _repeat(services, call)
    request = read_job_request(call.message, call.problems)
    idempotency, problems = _read_idempotency(call)
    job, _ = await services.jobs.submit(
        request.experiment_id,
        request.config,
        request.tags,
        idempotency,
        found=[*request.problems, *problems],
        actor=call.caller.actor,
    )
    return {"job": job_to_json(job)}


async def _repeat(services: Services, call: Call) -> dict[str, Any]:
    request = read_repeat_request(call.message, call.problems)
    idempotency, problems = _read_idempotency(call)
    Problems([*request.problems, *problems]).check()
    job, _ = await services.jobs.repeat(
        call.message.like_job_id,
        change=request.change,
        refresh_inputs=call.message.refresh_inputs,
        experiment_id=request.experiment_id,
        tags=request.tags,
        idempotency=idempotency,
        actor=call.caller.actor,
    )
    return {"job": job_to_json(job)}


def _read_idempotency(call: Call) -> tuple[Idempotency | None, list[Problem]]:
    key = call.headers.get("idempotency-key", "").strip()
    if not key:
        return None, []
    if len(key) > MAX_KEY_LENGTH:
        remedy = f"must have at most {MAX_KEY_LENGTH} characters"
        return None, [Problem("Idempotency-Key", key, remedy)]
    actor = call.caller.actor
    if actor != NOBODY:  # a key of one user's says nothing to another
        key = digest([actor.workspace, actor.name, key], 64)
    return Idempotency(key=key, body_digest=digest(message_to_json(call.message), 64)), []


async def get_demo(services: Services, call: Call) -> wire.GetDemoJob.Response:
    call.check()
    return wire.GetDemoJob.Response(model=DEMO_MODEL, max_calls=DEMO_MAX_CALLS)


async def start_demo(services: Services, call: Call) -> dict[str, Any]:
    call.check()
    return {"job": job_to_json(await services.demo.start())}


async def get(services: Services, call: Call) -> dict[str, Any]:
    call.check()
    job = await services.jobs.get(call.message.job_id)
    return {"job": job_to_json(job)}


async def search(services: Services, call: Call) -> dict[str, Any]:
    call.check()
    visible = call.visible
    query = read_query(call.message)
    page = await services.jobs.search(
        replace(query, workspace=visible.workspace, readable_experiment_ids=visible.names)
    )
    answer: dict[str, Any] = {"jobs": [job_to_json(job) for job in page.jobs]} if page.jobs else {}
    if page.next_page_token is not None:
        answer["next_page_token"] = page.next_page_token
    return answer


async def cancel(services: Services, call: Call) -> dict[str, Any]:
    call.check()
    job = await services.jobs.cancel(call.message.job_id, call.caller.actor)
    return {"job": job_to_json(job)}


async def delete(services: Services, call: Call) -> wire.DeletePromptOptimizationJob.Response:
    call.check()
    await services.jobs.delete(call.message.job_id, call.caller.actor)
    return wire.DeletePromptOptimizationJob.Response()


async def resume(services: Services, call: Call) -> dict[str, Any]:
    call.check()
    job = await services.jobs.resume(call.message.job_id, call.caller.actor)
    return {"job": job_to_json(job)}


async def estimate(services: Services, call: Call) -> wire.EstimatePromptOptimizationJob.Response:
    request = read_job_request(call.message, call.problems)
    found = await services.jobs.estimate(
        request.experiment_id, request.config, request.tags, request.problems
    )
    return wire.EstimatePromptOptimizationJob.Response(estimate=estimate_to_proto(found))


async def compare(services: Services, call: Call) -> wire.ComparePromptOptimizationJobs.Response:
    call.check()
    found = await compare_jobs(services.store, call.message.job_ids)
    comparisons = [comparison_to_proto(entry) for entry in found]
    return wire.ComparePromptOptimizationJobs.Response(comparisons=comparisons)


async def register(services: Services, call: Call) -> wire.RegisterPromptOptimizationCandidate.Response:
    call.check()
    uris = await services.prompts.register(call.message.job_id, call.message.candidate_id, call.caller.actor)
    return wire.RegisterPromptOptimizationCandidate.Response(prompt_uris=uris)


async def promote(services: Services, call: Call) -> wire.PromoteOptimizedPrompt.Response:
    call.check()
    moved = await services.prompts.promote(call.message.job_id, call.message.alias, call.caller.actor)
    return wire.PromoteOptimizedPrompt.Response(promotion=promotion_to_proto(moved))


async def roll_back(services: Services, call: Call) -> wire.RollbackOptimizedPrompt.Response:
    call.check()
    moved = await services.prompts.roll_back(call.message.job_id, call.message.alias, call.caller.actor)
    return wire.RollbackOptimizedPrompt.Response(promotion=promotion_to_proto(moved))
