"""A job's run: its params, tags, inputs, metrics and status."""

from __future__ import annotations

import getpass
import json
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from burnish.domain.job import Job
from burnish.domain.prompt import Prompt
from burnish.errors import InvalidInput, NotFound
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.mlflow.prompts import JOB_TAG, split_uri
from burnish.tracking.protocol import RunStatus

ATTEMPT_TAG = "burnish.attempt"
_LINKED_PROMPTS = "mlflow.linkedPrompts"  # JSON: [{"name": ..., "version": "1"}, ...]
_MAX_PARAM = 500  # characters; MLflow takes 6000 today, servers before 2.8 took 500
_MAX_TAG = 5000  # characters; MLflow takes 8000 today
_MAX_METRICS = 1000  # in one request
_MAX_RACERS = 100


class Runs:
    """Runs over one connection.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        # Two threads of one process ask MLflow one after the other, so that "is it there?" and
        # "make it" are not torn apart. Between processes the attempt decides, see ``_winner``.
        self._making = threading.Lock()

    def ensure(self, job: Job, dataset: Any | None) -> str:
        """Find the job's run or make it, complete what a crash left undone, and set it RUNNING.

        Args:
            dataset: MLflow's object of the job's dataset.

        Returns:
            The run's id.
        """
        with self._making:
            run = self._find(job) or self._make(job)
            self._complete(run, job, dataset)
        return str(run.info.run_id)

    def find(self, job: Job) -> str | None:
        """Id of the job's run, where it has one."""
        run = self._find(job)
        return run.info.run_id if run is not None else None

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
        name, version = split_uri(prompt.uri)
        with self._making:
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
        run = self.get(run_id)
        latest = {metric.key: metric.step for metric in run.data._metric_objs}
        with self._connection.tracking("run", run_id) as store:
            from mlflow.entities import Metric

            now = int(self._clock() * 1000)
            missing = []
            for name, value in metrics.items():
                key = metric_name(name)
                if key in latest and step <= latest[key]:
                    history = [latest[key]]
                    if step < latest[key]:
                        history = [metric.step for metric in store.get_metric_history(run_id, key)]
                    if step in history:
                        continue
                missing.append(Metric(key, float(value), now, step))
            for start in range(0, len(missing), _MAX_METRICS):
                store.log_batch(run_id, missing[start : start + _MAX_METRICS], [], [])

    def end(self, run_id: str, status: RunStatus) -> None:
        """End the run, unless it has ended already with this status."""
        run = self.get(run_id)
        if run.info.status != status.value:
            self._set_status(run_id, status)

    def delete(self, run_id: str) -> None:
        """Delete the run; one that is already gone is skipped."""
        try:
            self.get(run_id)
        except NotFound:
            return
        with self._connection.tracking("run", run_id) as store:
            store.delete_run(run_id)

    def _find(self, job: Job) -> Any | None:
        if job.run_id is not None:
            try:
                return self.get(job.run_id)
            except NotFound:
                pass  # deleted by hand: the job goes on in a new one
        found = self._search(job)
        return self._winner(found) if found else None

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

    @staticmethod
    def _winner(runs: list[Any]) -> Any:
        """Of several runs of one job: that of the latest attempt, then the oldest.

        The latest attempt is the one that is not fenced off, so its worker's run must be the one
        that stays, whichever of them finds out first.
        """
        return min(
            runs,
            key=lambda run: (
                -int(run.data.tags.get(ATTEMPT_TAG, "0")),
                run.info.start_time,
                run.info.run_id,
            ),
        )

    def _make(self, job: Job) -> Any:
        name, version = split_uri(job.source_prompt_uri)
        now = int(self._clock() * 1000)
        user = _user()
        tags = {key: value for key, value in job.tags.items() if not key.startswith("mlflow.")}
        tags |= {
            "mlflow.user": user,
            "mlflow.source.name": "burnish",
            "mlflow.source.type": "JOB",
            "mlflow.run.isPromptOptimization": "true",
            JOB_TAG: job.job_id,
            ATTEMPT_TAG: str(job.attempt),
        }
        with self._connection.tracking("experiment", job.experiment_id) as store:
            from mlflow.entities import RunTag

            made = store.create_run(
                experiment_id=job.experiment_id,
                user_id=user,
                start_time=now,
                tags=[RunTag(tag_name(key), value[:_MAX_TAG]) for key, value in tags.items()],
                run_name=f"optimize_prompt_{job.config.optimizer_type.value.lower()}_{name}_{version}",
            )
        racers = self._search(job)
        winner = self._winner(racers) if racers else made
        for run in racers:
            if run.info.run_id != winner.info.run_id:
                self.delete(run.info.run_id)
        return winner

    def _complete(self, run: Any, job: Job, dataset: Any | None) -> None:
        run_id = run.info.run_id
        full = self.get(run_id)
        missing = {key: value for key, value in _params(job).items() if key not in full.data.params}
        with self._connection.tracking("run", run_id) as store:
            from mlflow.entities import Dataset as DatasetEntity
            from mlflow.entities import DatasetInput, InputTag, Param

            if missing:
                store.log_batch(run_id, [], [Param(key, value) for key, value in missing.items()], [])
            if dataset is not None and not full.inputs.dataset_inputs:
                entity = DatasetEntity(
                    name=dataset.name,
                    digest=dataset.digest,
                    source_type=dataset.source._get_source_type(),
                    source=dataset.source.to_json(),
                    schema=dataset.schema,
                    profile=dataset.profile,
                )
                tags = [InputTag("mlflow.data.context", "optimization")]
                store.log_inputs(run_id, datasets=[DatasetInput(dataset=entity, tags=tags)])
        if full.info.status != RunStatus.RUNNING.value:
            self._set_status(run_id, RunStatus.RUNNING)  # a resumed job

    def _set_status(self, run_id: str, status: RunStatus) -> None:
        ended = None if status is RunStatus.RUNNING else int(self._clock() * 1000)
        with self._connection.tracking("run", run_id) as store:
            from mlflow.entities import RunStatus as MlflowRunStatus

            store.update_run_info(run_id, MlflowRunStatus.from_string(status.value), ended, None)


def metric_name(name: str) -> str:
    """The name with ``_`` for what MLflow does not take in a metric's name."""
    return re.sub(r"[^\w.\- ]", "_", name)


def tag_name(name: str) -> str:
    """
    Raises:
        InvalidInput: MLflow does not take this name for a tag.
    """
    if not re.fullmatch(r"[\w.\-: /]{1,250}", name) or name != "/".join(filter(None, name.split("/"))):
        raise InvalidInput.of(
            "tags", name, "MLflow takes letters, digits, '_', '-', '.', ':', '/' and spaces in a tag's name"
        )
    return name


def _params(job: Job) -> dict[str, str]:
    """The first five as MLflow's own jobs log them, then ours."""
    config = job.config
    params = {
        "source_prompt_uri": job.source_prompt_uri,
        "optimizer_type": config.optimizer_type.value.lower(),
        "dataset_id": config.dataset_id or "",
        "scorer_names": json.dumps(list(config.scorers)),
        "optimizer_config_json": json.dumps(dict(config.optimizer_config), default=str),
        "split": str(config.split),
        "seed": str(config.seed),
        "concurrency": str(config.concurrency),
    }
    optional = {
        "model": config.model,
        "reflection_model": config.reflection_model,
        "max_output_tokens": config.max_output_tokens,
        "budget.max_calls": config.budget.max_calls,
        "budget.max_tokens": config.budget.max_tokens,
        "budget.max_usd": config.budget.max_usd,
        "budget.max_seconds": config.budget.max_seconds,
    }
    params |= {key: str(value) for key, value in optional.items() if value is not None}
    if len(config.source_prompt_uris) > 1:
        params["source_prompt_uris"] = json.dumps(list(config.source_prompt_uris))
    return {
        key: value if len(value) <= _MAX_PARAM else value[: _MAX_PARAM - 3] + "..."
        for key, value in params.items()
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
