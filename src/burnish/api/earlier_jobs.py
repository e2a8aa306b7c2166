"""What is answered about jobs that MLflow's own prompt optimization has made: they have no attempts, events,
records and candidates, and only MLflow runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.responses import Response

from burnish.api.routes import SERVICE, Call, Verb
from burnish.api.services import Services
from burnish.domain.origin import Origin
from burnish.errors import InvalidInput, NotFound

_AS_OURS = frozenset(
    {"getPromptOptimizationJob", "cancelPromptOptimizationJob", "deletePromptOptimizationJob"}
)
_EMPTY = frozenset(
    {
        "listPromptOptimizationJobEvents",
        "listPromptOptimizationCandidates",
        "listPromptOptimizationExamples",
        "listPromptOptimizationEdits",
        "listPromptOptimizationEvaluations",
    }
)
_MISSING: Mapping[str, str] = {
    "getPromptOptimizationJobInputs": "inputs",
    "getPromptOptimizationCandidate": "candidate",
}
_REMEDY = (
    "MLflow's own prompt optimization made this job (origin: mlflow), so it can only be got, found, canceled "
    "and deleted; make it again here (like_job_id with refresh_inputs) for all else"
)


def with_earlier_jobs(method: str, verb: Verb) -> Verb:
    """The verb, and what it says of a job of MLflow's.

    Args:
        method: of the service.
    """
    if method in _AS_OURS:
        return verb
    answer_type = GetMessageClass(SERVICE.methods_by_name[method].output_type)

    async def answering(services: Services, call: Call) -> Message | Mapping[str, Any] | Response:
        found = [job_id for job_id in _job_ids(call) if Origin.of(job_id) is Origin.MLFLOW]
        if not found:
            return await verb(services, call)
        call.check()
        if method in _MISSING:
            raise NotFound(_MISSING[method], f"{found[0]} (origin: mlflow)")
        if method not in _EMPTY:
            raise InvalidInput.of("job_id", found[0], _REMEDY)
        if "text/event-stream" in call.headers.get("accept", ""):
            return Response(status_code=204)  # a browser's EventSource does not come back then
        return answer_type()

    return answering


def _job_ids(call: Call) -> list[str]:
    return [*getattr(call.message, "job_ids", ()), getattr(call.message, "job_id", "")]
