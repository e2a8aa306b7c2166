"""A job's run: its params, tags, inputs, metrics and status."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from typing import Any

from burnish.domain.job import Job
from burnish.domain.prompt import Prompt
from burnish.errors import NotFound
from burnish.tracking.description import ATTEMPT_TAG, JOB_TAG, run_name, run_params, run_tags
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.names import metric_name, split_prompt_uri
from burnish.tracking.protocol import RunStatus

_LINKED_PROMPTS = "mlflow.linkedPrompts"  # JSON: [{"name": ..., "version": "1"}, ...]
_MAX_METRICS = 1000  # in one request
_PAGE = 25_000  # metric values, as MLflow's client asks for
_MAX_RACERS = 100


class Runs:
    """Runs over one connection.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock

    def ensure(self, job: Job, dataset: Any | None) -> str:
        """Find the job's run or make it, complete what a crash left undone, and set it RUNNING.

        Args:
            dataset: MLflow's object of the job's dataset.

        Returns:
            The run's id.
        """
        # Threads of this process take turns; between processes the attempt decides, see _winner.
        with self._connection.turn(job.job_id):
            run_id = self.find(job) or self._make(job)
            self._complete(run_id, job, dataset)
        return run_id

    def find(self, job: Job) -> str | None:
        """Id of the job's run, where it has one."""
        if job.run_id is not None:
            try:
                return str(self.get(job.run_id).info.run_id)
            except NotFound:
                pass  # deleted by hand: the job goes on in a new one
        found = self._search(job)
        return _winner(found) if found else None

    def get(self, run_id: str) -> Any:
        """
        Raises:
            NotFound: there is none, or it has been deleted.
        """
        with self._connection.tracking("run", run_id) as store:
            run = store.get_run(run_id)
        if run.info.lifecycle_stage != "active":
            raise NotFound("run", run_id)
        return run

    def link_prompt(self, run_id: str, prompt: Prompt) -> None:
        """Show the prompt version on the run's page."""
        assert prompt.uri is not None
        name, version = split_prompt_uri(prompt.uri)
        with self._connection.turn(run_id):
            linked = json.loads(self.get(run_id).data.tags.get(_LINKED_PROMPTS, "[]"))
            entry = {"name": name, "version": str(version)}
            if entry not in linked:
                self.set_tag(run_id, _LINKED_PROMPTS, json.dumps([*linked, entry]))

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        with self._connection.tracking("run", run_id) as store:
            from mlflow.entities import RunTag

            store.set_tag(run_id, RunTag(key, value))

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        """Log each (metric, step) that the run does not have yet."""
        latest = {metric.key: metric.step for metric in self.get(run_id).data._metric_objs}
        named = {metric_name(name): float(value) for name, value in metrics.items()}
        with self._connection.tracking("run", run_id) as store:
            from mlflow.entities import Metric

            def is_there(key: str) -> bool:
                if key not in latest or step > latest[key]:
                    return False
                return step == latest[key] or step in _steps(store, run_id, key)

            now = int(self._clock() * 1000)
            missing = [Metric(key, value, now, step) for key, value in named.items() if not is_there(key)]
            for start in range(0, len(missing), _MAX_METRICS):
                store.log_batch(run_id, missing[start : start + _MAX_METRICS], [], [])

    def end(self, run_id: str, status: RunStatus) -> None:
        """End the run, unless it is gone or has ended already with this status."""
        try:
            if self.get(run_id).info.status != status.value:
                self._set_status(run_id, status)
        except NotFound:
            return

    def delete(self, run_id: str) -> None:
        """Delete the run; one that is already gone is skipped."""
        try:
            self.get(run_id)
            with self._connection.tracking("run", run_id) as store:
                store.delete_run(run_id)
        except NotFound:
            return

    def _search(self, job: Job) -> list[Any]:
        with self._connection.tracking("experiment", job.experiment_id) as store:
            from mlflow.entities import ViewType

            return list(
                store.search_runs(
                    experiment_ids=[job.experiment_id],
                    filter_string=f"tags.`{JOB_TAG}` = '{job.job_id}'",
                    run_view_type=ViewType.ACTIVE_ONLY,
                    max_results=_MAX_RACERS,
                )
            )

    def _make(self, job: Job) -> str:
        user = _user()
        tags = {"mlflow.user": user, **run_tags(job)}
        with self._connection.tracking("experiment", job.experiment_id) as store:
            from mlflow.entities import RunTag

            made = store.create_run(
                experiment_id=job.experiment_id,
                user_id=user,
                start_time=int(self._clock() * 1000),
                tags=[RunTag(key, value) for key, value in tags.items()],
                run_name=run_name(job),
            )
        racers = self._search(job) or [made]
        winner = _winner(racers)
        for run in racers:
            if run.info.run_id != winner:
                self.delete(run.info.run_id)
        return winner

    def _complete(self, run_id: str, job: Job, dataset: Any | None) -> None:
        run = self.get(run_id)
        missing = {key: value for key, value in run_params(job).items() if key not in run.data.params}
        with self._connection.tracking("run", run_id) as store:
            from mlflow.entities import Dataset as DatasetEntity
            from mlflow.entities import DatasetInput, InputTag, Param

            if missing:
                store.log_batch(run_id, [], [Param(key, value) for key, value in missing.items()], [])
            if dataset is not None and not run.inputs.dataset_inputs:
                entity = DatasetEntity(
                    name=dataset.name,
                    digest=dataset.digest,
                    source_type=dataset.source._get_source_type(),
                    source=dataset.source.to_json(),
                    schema=dataset.schema,
                    profile=dataset.profile,
                )
                context = InputTag("mlflow.data.context", "optimization")
                store.log_inputs(run_id, datasets=[DatasetInput(dataset=entity, tags=[context])])
        if run.info.status != RunStatus.RUNNING.value:
            self._set_status(run_id, RunStatus.RUNNING)  # a resumed job

    def _set_status(self, run_id: str, status: RunStatus) -> None:
        ended = None if status is RunStatus.RUNNING else int(self._clock() * 1000)
        with self._connection.tracking("run", run_id) as store:
            from mlflow.entities import RunStatus as MlflowRunStatus

            store.update_run_info(run_id, MlflowRunStatus.from_string(status.value), ended, None)


def _steps(store: Any, run_id: str, key: str) -> set[int]:
    """Every step the metric has. Without a page size, older servers answer with nothing."""
    steps: set[int] = set()
    token = None
    while True:
        page = store.get_metric_history(run_id, key, max_results=_PAGE, page_token=token)
        steps |= {metric.step for metric in page}
        token = page.token
        if not token:
            return steps


def _winner(runs: list[Any]) -> str:
    """Of several runs of one job: that of the latest attempt, then the oldest.

    The latest attempt is the one that is not fenced off, so its worker's run must be the one that
    stays, whichever of them finds out first.
    """
    first = min(
        runs,
        key=lambda run: (
            -int(run.data.tags.get(ATTEMPT_TAG, "0")),
            run.info.start_time,
            run.info.run_id,
        ),
    )
    return str(first.info.run_id)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
