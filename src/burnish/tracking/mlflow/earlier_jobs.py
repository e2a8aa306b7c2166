"""MLflow's own prompt-optimization jobs, through its job store."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from burnish.domain.job import DEFAULT_WORKSPACE, Job, JobConfig, JobStatus, OptimizerType, Progress
from burnish.errors import BurnishError, InvalidInput, InvalidState, NotFound
from burnish.redaction import redact
from burnish.tracking.earlier_jobs import require_cancelable, require_deletable
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.mlflow.runs import Runs
from burnish.tracking.protocol import RunStatus
from burnish.tracking.workspace import in_workspace

_log = logging.getLogger(__name__)

_NAME = "optimize_prompts"  # MLflow's name of the function that runs such a job
_MOST = 5000
_RUNS_AT_ONCE = 100
_STATUSES: Mapping[str, JobStatus] = {
    "PENDING": JobStatus.PENDING,
    "RUNNING": JobStatus.IN_PROGRESS,
    "NEEDS_RECOVERY": JobStatus.NEEDS_RECOVERY,
    "SUCCEEDED": JobStatus.COMPLETED,
    "FAILED": JobStatus.FAILED,
    "TIMEOUT": JobStatus.FAILED,
    "CANCELED": JobStatus.CANCELED,
}
_INITIAL, _FINAL = "initial_eval_score", "final_eval_score"


class MlflowEarlierJobs:
    """Implements :class:`~burnish.tracking.earlier_jobs.EarlierJobs` over one connection.

    There are none behind a tracking server, whose HTTP API has no list of all of them.
    """

    def __init__(self, connection: Connection, runs: Runs) -> None:
        self._connection = connection
        self._runs = runs
        self._jobs: Any = None

    def list(self, known: Sequence[Job] = ()) -> Sequence[Job]:
        if not self._there_are_some():
            return ()
        with self._store() as store:
            entities = deque(store.list_jobs(job_name=_NAME), maxlen=_MOST)
        ended = {job.job_id: job for job in known if job.status.terminal}
        found = [job for entity in entities if (job := _find_job(entity))]
        fresh = [job for job in found if job.job_id not in ended]
        scored = {job.job_id: job for job in self._with_scores(fresh)} | ended
        return tuple(scored[job.job_id] for job in found)

    def get(self, job_id: str) -> Job:
        if not self._there_are_some():
            raise NotFound("job", job_id)
        with self._store(job_id) as store:
            entity = store.get_job(job_id)
        job = _find_job(entity) if entity.job_name == _NAME else None
        if job is None:
            raise NotFound("job", job_id)
        return next(iter(self._with_scores([job])))

    def cancel(self, job_id: str) -> Job:
        job = self.get(job_id)
        require_cancelable(job)
        if job.status is not JobStatus.CANCELED:
            try:
                with self._store(job_id) as store:
                    store.cancel_job(job_id)
            except InvalidInput:  # it has ended meanwhile
                require_cancelable(self.get(job_id))
        if job.run_id:
            try:
                self._runs.end(self._runs.get(job.run_id), RunStatus.KILLED)
            except BurnishError as error:
                _log.warning("run %s of canceled job %s was not ended: %s", job.run_id, job_id, error)
        return self.get(job_id)

    def delete(self, job_id: str) -> None:
        job = self.get(job_id)
        require_deletable(job)
        if job.run_id:
            self._runs.delete(job.run_id)
        with self._store(job_id) as store:
            if not store.delete_jobs(job_ids=[job_id]):
                raise InvalidState(f"MLflow has not deleted its job {job_id}: it runs again; cancel it first")

    def _there_are_some(self) -> bool:
        """Looked up without MLflow, whose import takes seconds, and without making a database."""
        address = self._connection.address
        if not address.is_database or (address.sqlite_path and not address.sqlite_path.exists()):
            return False
        from sqlalchemy import create_engine, inspect, text
        from sqlalchemy.pool import NullPool

        with self._connection.translated():
            engine = create_engine(address.tracking_uri, poolclass=NullPool)
            with engine.connect() as connection:
                if not inspect(connection).has_table("jobs"):
                    return False
                query = text("SELECT id FROM jobs WHERE job_name = :name").bindparams(name=_NAME)
                return connection.execute(query).first() is not None

    @contextmanager
    def _store(self, job_id: str = "") -> Iterator[Any]:
        """MLflow's job store, that of all workspaces."""
        with self._connection.tracking("job" if job_id else "", job_id):  # whose tables it shares
            if self._jobs is None:
                from mlflow.store.jobs.sqlalchemy_store import SqlAlchemyJobStore

                self._jobs = SqlAlchemyJobStore(self._connection.address.tracking_uri)
            yield self._jobs

    def _with_scores(self, jobs: Sequence[Job]) -> Iterable[Job]:
        """The jobs with what their runs' metrics say."""
        metrics: dict[str, Mapping[str, float]] = {}
        for workspace in sorted({job.workspace for job in jobs}):
            here = [job for job in jobs if job.run_id and job.workspace == workspace]
            for start in range(0, len(here), _RUNS_AT_ONCE):
                part = here[start : start + _RUNS_AT_ONCE]
                experiments = sorted({job.experiment_id for job in part})
                with in_workspace(workspace):
                    metrics |= self._runs.metrics(experiments, [str(job.run_id) for job in part])
        for job in jobs:
            found = metrics.get(job.run_id or "", {})
            yield replace(
                job, initial_eval_scores=_scores(found, _INITIAL), final_eval_scores=_scores(found, _FINAL)
            )


def _scores(metrics: Mapping[str, float], kind: str) -> dict[str, float]:
    """``aggregate`` and one entry for each scorer, of metrics ``KIND`` and ``KIND.SCORER``."""
    parts = {name: name.partition(".") for name in metrics}
    return {
        scorer or "aggregate": metrics[name]
        for name, (before, dot, scorer) in parts.items()
        if before == kind and bool(dot) == bool(scorer)
    }


def _find_job(entity: Any) -> Job | None:
    """The job as ours are shown; ``None`` for one that says no experiment or an optimizer nobody knows."""
    try:
        params = json.loads(entity.params)
        return _job(entity, params, OptimizerType.parse(params["optimizer_type"]))
    except (ValueError, KeyError, TypeError, AttributeError, InvalidInput) as error:
        _log.debug("MLflow's job %s cannot be read: %r", entity.job_id, error)
        return None


def _job(entity: Any, params: Mapping[str, Any], optimizer_type: OptimizerType) -> Job:
    status = _STATUSES[entity.status.value]
    result = entity.parsed_result if status is JobStatus.COMPLETED else None
    optimized = result.get("optimized_prompt_uri") if isinstance(result, dict) else None
    settings = _object(params.get("optimizer_config"))
    reflection_model = settings.pop("reflection_model", None)  # it has an option of its own here
    # Fields that MLflow 3.9 does not have are looked up with a default.
    return Job(
        job_id=entity.job_id,
        experiment_id=str(params["experiment_id"]),
        config=JobConfig(
            source_prompt_uris=(params.get("prompt_uri") or "",),
            dataset_id=params.get("dataset_id") or None,
            scorers=tuple(_list(params.get("scorer_names"))),
            optimizer_type=optimizer_type,
            optimizer_config=settings,
            reflection_model=reflection_model or None,
        ),
        creation_timestamp_ms=entity.creation_time,
        completion_timestamp_ms=entity.last_update_time if status.terminal else None,
        status=status,
        status_message=getattr(entity, "status_message", None),
        error_message=_error(entity) if status is JobStatus.FAILED else None,
        progress=_progress(getattr(entity, "progress", None)),
        progress_updated_at_ms=getattr(entity, "progress_updated_at", None),
        run_id=params.get("run_id") or None,
        optimized_prompt_uris=(optimized,) if optimized else (),
        workspace=getattr(entity, "workspace", None) or DEFAULT_WORKSPACE,
        created_by=getattr(entity, "creator", None),
    )


def _error(entity: Any) -> str:
    said = getattr(entity, "error_message", None) or entity.result
    return redact(said) if said else f"it took longer than its timeout ({entity.timeout} s)"


def _progress(progress: Any) -> Progress | None:
    if progress is None or progress.completed is None or progress.total is None:
        return None
    return Progress(progress.phase or "", progress.completed, progress.total, progress.unit or "")


def _list(value: Any) -> list[str]:
    value = json.loads(value) if isinstance(value, str) else value
    return [str(entry) for entry in value or ()]


def _object(value: Any) -> dict[str, Any]:
    value = json.loads(value) if isinstance(value, str) and value else value
    return value if isinstance(value, dict) else {}
