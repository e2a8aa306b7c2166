"""Everything that the event streams of one server are read from."""

from __future__ import annotations

from dataclasses import dataclass

from burnish.api.event_hub import EventHub
from burnish.api.job_hub import JobHub
from burnish.store.protocol import JobStore


@dataclass(frozen=True, slots=True)
class Streams:
    """The events of each job, and the list of jobs."""

    events: EventHub
    jobs: JobHub

    @classmethod
    def of(cls, store: JobStore, poll_seconds: float | None = None) -> Streams:
        """
        Args:
            poll_seconds: how often the store is looked at; by default what each thinks best.
        """
        if poll_seconds is None:
            return cls(EventHub(store), JobHub(store))
        return cls(EventHub(store, poll_seconds), JobHub(store, poll_seconds))

    def close(self) -> None:
        """End every stream."""
        self.events.close()
        self.jobs.close()
