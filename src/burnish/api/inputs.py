"""What a job was given: readable as long as the job is there, whatever has become of it in MLflow."""

from __future__ import annotations

from burnish.api.candidates import DEFAULT_PAGE
from burnish.api.routes import Call
from burnish.api.services import Services
from burnish.api.wire import page_size
from burnish.domain.dataset import SPLITS
from burnish.errors import InvalidInput, NotFound, did_you_mean
from burnish.proto import service_pb2 as wire
from burnish.proto.inputs import example_to_proto, inputs_to_proto

MAX_IDS = 100


async def get_inputs(services: Services, call: Call) -> wire.GetPromptOptimizationJobInputs.Response:
    """
    Raises:
        NotFound: there is no such job, or an earlier version made it and it has not begun since.
    """
    call.check()
    inputs = await services.store.find_inputs(call.message.job_id)
    if inputs is None:
        raise NotFound("inputs", call.message.job_id)
    return wire.GetPromptOptimizationJobInputs.Response(inputs=inputs_to_proto(inputs))


async def list_examples(services: Services, call: Call) -> wire.ListPromptOptimizationExamples.Response:
    call.check()
    request = call.message
    limit, start = page_size(request, DEFAULT_PAGE), _start(request.page_token)
    if len(request.example_ids) > MAX_IDS:
        raise InvalidInput.of("example_ids", str(len(request.example_ids)), f"name at most {MAX_IDS}")
    split = _split(request.split)
    found = await services.store.examples(request.job_id, start, limit + 1, split, request.example_ids)
    return wire.ListPromptOptimizationExamples.Response(
        examples=[example_to_proto(record) for record in found[:limit]],
        next_page_token=str(found[limit].position) if len(found) > limit else None,
    )


def _start(page_token: str) -> int:
    """A token is the position of the first example on the page.

    Raises:
        InvalidInput: it is none.
    """
    if not page_token:
        return 0
    if not (page_token.isascii() and page_token.isdigit() and len(page_token) < 10):
        remedy = "is not a next_page_token of a job's examples; start again without it"
        raise InvalidInput.of("page_token", page_token, remedy)
    return int(page_token)


def _split(name: str) -> str | None:
    if name and name not in SPLITS:
        remedy = f"must be one of {', '.join(SPLITS)}{did_you_mean(name, SPLITS)}"
        raise InvalidInput.of("split", name, remedy)
    return name or None
