"""What a search knows of each edit; readable while the job runs."""

from __future__ import annotations

from burnish.api.routes import Call
from burnish.api.services import Services
from burnish.domain.edit import latest, reports_in
from burnish.domain.events import EventKind
from burnish.proto import service_pb2 as wire
from burnish.proto.convert import edit_to_proto
from burnish.store.event_reader import read_events


async def list_edits(services: Services, call: Call) -> wire.ListPromptOptimizationEdits.Response:
    call.check()
    job = await services.jobs.get(call.message.job_id)
    events = await read_events(services.store, job.job_id, (EventKind.EDIT,))
    edits = [edit_to_proto(report) for report in latest(reports_in(events))]
    return wire.ListPromptOptimizationEdits.Response(edits=edits)
