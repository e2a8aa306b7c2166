"""The events of a job, as JSON pages or as a stream, and the stream of the list of jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from burnish.api.admission import Admission
from burnish.api.event_hub import PAGE, EventHub
from burnish.api.job_hub import JobHub
from burnish.api.routes import Call, Verb
from burnish.api.services import Services
from burnish.api.wire import page_size
from burnish.errors import InvalidInput
from burnish.proto import service_pb2 as wire
from burnish.proto.convert import event_to_proto

_STREAM_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


def list_events(hub: EventHub) -> Verb:
    """The verb, with the feeds it streams from."""

    async def verb(
        services: Services, call: Call
    ) -> wire.ListPromptOptimizationJobEvents.Response | Response:
        call.check()
        after = _after(call)
        if "text/event-stream" in call.headers.get("accept", ""):
            return await _stream(services, hub, call, after)
        limit = page_size(call.message, PAGE)
        events = await services.store.events(call.message.job_id, after, limit)
        return wire.ListPromptOptimizationJobEvents.Response(
            events=[event_to_proto(event) for event in events],
            next_after=events[-1].sequence if events else after,
        )

    return verb


def watch_jobs(hub: JobHub) -> Verb:
    """The verb, with the feed it streams from."""

    async def verb(services: Services, call: Call) -> Response:
        call.check()
        last_id = call.headers.get("last-event-id", "").strip()
        admission = Admission(call)
        return _streaming(admission.guard(hub.watch(last_id, call.message.experiment_ids, admission.visible)))

    return verb


def _streaming(parts: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(parts, media_type="text/event-stream", headers=_STREAM_HEADERS)


async def _stream(services: Services, hub: EventHub, call: Call, after: int) -> Response:
    job_id = call.message.job_id
    job = await services.jobs.get(job_id)
    if job.status.terminal and not await services.store.events(job_id, after, 1):
        return Response(status_code=204)  # a browser's EventSource does not come back then
    return _streaming(Admission(call).guard(hub.watch(job_id, after)))


def _after(call: Call) -> int:
    """``Last-Event-ID``, which a reconnecting client sends, wins over the address it was first given.

    Raises:
        InvalidInput: not a sequence number.
    """
    last = call.headers.get("last-event-id", "").strip()
    if not last:
        after = int(call.message.after)
        if after < 0:
            raise InvalidInput.of("after", after, "must be 0 or an event's sequence number")
        return after
    if not (last.isascii() and last.isdigit() and len(last) < 19):
        raise InvalidInput.of("Last-Event-ID", last, "must be an event's sequence number")
    return int(last)
