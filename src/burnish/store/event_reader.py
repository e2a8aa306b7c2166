"""All events of some kinds, page by page."""

from __future__ import annotations

from collections.abc import Collection

from burnish.domain.events import Event, EventKind
from burnish.store.protocol import JobStore

_PAGE = 1000


async def read_events(store: JobStore, job_id: str, kinds: Collection[EventKind]) -> list[Event]:
    """The job's events of these kinds, in order.

    Raises:
        NotFound: there is no such job.
    """
    found: list[Event] = []
    after = 0
    while page := await store.events(job_id, after, _PAGE):
        found += [event for event in page if event.kind in kinds]
        after = page[-1].sequence
    return found
