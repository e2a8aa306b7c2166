"""Who made a job. Its id says so: 32 hexadecimal digits are Burnish's, a UUID with hyphens is MLflow's."""

from __future__ import annotations

import re
from enum import StrEnum

_MLFLOW_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Origin(StrEnum):
    BURNISH = "burnish"
    MLFLOW = "mlflow"  # its own prompt optimization, in the same tracking database

    @classmethod
    def of(cls, job_id: str) -> Origin:
        """Of the job that has this id, if there is one."""
        return cls.MLFLOW if _MLFLOW_ID.fullmatch(job_id) else cls.BURNISH
