"""A job without an MLflow run: ``enable_tracking=False``."""

from __future__ import annotations

from burnish.domain.job import Job
from burnish.tracking.mlflow import MlflowTracker
from burnish.tracking.protocol import NOTHING, OpenRun, RunEntries, RunStatus, TraceBatch

_NO_RUN = ""


class UntrackedTracker(MlflowTracker):
    """Reads from MLflow and registers versions there; makes and changes no run."""

    def schedule_run(self, job: Job, store_id: str) -> str:
        return _NO_RUN

    def open_runs(self, store_id: str) -> list[OpenRun]:
        return []

    def ensure_run(self, job: Job) -> str:
        return _NO_RUN

    def log(self, run_id: str, entries: RunEntries) -> None:
        """Nothing."""

    def log_traces(self, run_id: str, batch: TraceBatch) -> None:
        """Nothing."""

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Nothing."""

    def end_run(self, run_id: str, status: RunStatus, entries: RunEntries = NOTHING) -> bool:
        return True

    def find_run(self, job: Job) -> str | None:
        return None

    def delete_run(self, run_id: str) -> None:
        """Nothing."""
