"""What the API reads and writes, as JSON values: requests → domain, domain → answers."""

from __future__ import annotations

from typing import Any

from burnish.domain.job import Job
from burnish.proto.convert import job_to_proto
from burnish.proto.message import message_to_json


def job_to_json(job: Job) -> dict[str, Any]:
    """The job as ``GET /{job_id}`` shows it under ``"job"``."""
    return message_to_json(job_to_proto(job))
