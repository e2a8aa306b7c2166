"""Events: what happened in a job, numbered from 1 without gaps, append-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What an event reports. The keys of ``Event.data`` stand behind each."""

    CREATED = "CREATED"
    STARTED = "STARTED"  # attempt, worker_id, reason; deaths (of attempts before it, where there were)
    SPLIT = "SPLIT"  # train, validation, test (sizes)
    PHASE = "PHASE"  # phase, total, unit
    PROGRESS = "PROGRESS"  # phase, completed, total, unit, best, usage
    CANDIDATE = "CANDIDATE"  # candidate_id, status, parents, origin, score, reason
    # number (from 1), parent; at its end the same with outcome, and with candidate_id where it left one
    PROPOSAL = "PROPOSAL"
    EDIT = "EDIT"  # the fields of ``edit.EditReport``
    FORECAST = "FORECAST"  # calls, expected_gain (of the next hundred), minimum_gain
    BEST = "BEST"  # candidate_id, score
    WARNING = "WARNING"  # message
    RETRY = "RETRY"  # reason, attempt, delay_seconds
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    RESUMED = "RESUMED"
    TESTED = "TESTED"  # initial, final, difference, ci_low, ci_high, examples, detectable, verdict
    REGISTERED = "REGISTERED"  # optimized_prompt_uri, candidate_id, reason
    PROMOTED = "PROMOTED"  # name, alias, version, previous_version
    ROLLED_BACK = "ROLLED_BACK"  # the same
    # status, stop_reason, error_message, message; always the last of an attempt that ended the job
    ENDED = "ENDED"


ACTORS: Mapping[EventKind, str] = {
    EventKind.CREATED: "created_by",
    EventKind.CANCEL_REQUESTED: "canceled_by",
    EventKind.RESUMED: "resumed_by",
    EventKind.REGISTERED: "registered_by",
    EventKind.PROMOTED: "promoted_by",
    EventKind.ROLLED_BACK: "promoted_by",
}
"""Acts of users, and the field of a job that says who did it last."""

ACTOR_FIELDS = tuple(dict.fromkeys(ACTORS.values()))


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before the store has numbered it.

    Attributes:
        actor: the user who did it; ``None``: the server itself, or somebody who gave no name.
    """

    kind: EventKind
    data: Mapping[str, Any]
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event as stored.

    Attributes:
        sequence: 1, 2, 3, ... within its job, no gaps.
        attempt: 0 for what the API did, else the attempt that wrote it.
        actor: as in :class:`NewEvent`.
    """

    job_id: str
    sequence: int
    attempt: int
    timestamp_ms: int
    kind: EventKind
    data: Mapping[str, Any]
    actor: str | None = None
