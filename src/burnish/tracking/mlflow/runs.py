"""A job's run: its params, tags, inputs, metrics and status."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from burnish.domain.job import Job
from burnish.errors import NotFound
from burnish.tracking.description import ATTEMPT_TAG, JOB_TAG, STORE_TAG, run_name, run_params, run_tags
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.names import metric_name, split_prompt_uri
from burnish.tracking.protocol import OpenRun, RunStatus

_LINKED_PROMPTS = "mlflow.linkedPrompts"  # JSON: [{"name": ..., "version": "1"}, ...]
_MAX_METRICS = 800  # in one request, which takes 1000 entries in all
_MAX_OTHERS = 100  # params, and tags, in one request
_PAGE = 25_000  # metric values, as MLflow's client asks for
_MAX_RACERS = 100
_MAX_DIGEST = 30  # of 36 characters, before what we add
_EXPERIMENTS = 100  # in one search
_RUN_ID = re.compile(r"\w+")
_RUNS = 5_000  # open ones of one store; more are found the next time


class Runs:
    """Runs over one connection.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock

    def ensure(self, job: Job, dataset: Any | None, sources: Sequence[tuple[str, int]] = ()) -> str:
        """Find the job's run or make it, complete what a crash left undone, and set it RUNNING.

        Args:
            dataset: MLflow's object of the job's dataset.
            sources: name and version of each source prompt, to be linked.

        Returns:
            The run's id.
        """
        # Threads of this process take turns; between processes the attempt decides, see _winner.
        with self._connection.turn(job.job_id):
            if job.attempt == 1 and job.run_id:  # made whole with the job, and begun by nobody yet
                with suppress(NotFound):  # deleted by hand
                    self._connection.together("run", job.run_id, partial(self._begin, job, dataset))
                    return job.run_id
            # Before a job's first attempt there is nothing to find.
            run = self._find(job) if job.attempt > 1 or job.run_id else None
            run = run or self._make(job, sources)
            self._complete(run, job, dataset, sources)
        return str(run.info.run_id)

    def schedule(self, job: Job, store_id: str) -> str:
        """Make the run of a new job, SCHEDULED."""
        linked = [split_prompt_uri(uri) for uri in job.source_prompt_uris]
        versions = [(name, which) for name, which in linked if isinstance(which, int)]

        def make() -> str:
            run = self._create(job, {STORE_TAG: store_id, **linked_prompts({}, versions)})
            self.log(run, params=run_params(job))
            self._set_status(run.info.run_id, RunStatus.SCHEDULED)
            return str(run.info.run_id)

        return self._connection.together("experiment", job.experiment_id, make)

    def open(self, store_id: str, experiment_ids: Sequence[str]) -> list[OpenRun]:
        """Runs with this store's tag that have not ended."""
        found = []
        for start in range(0, len(experiment_ids), _EXPERIMENTS):
            for status in (RunStatus.SCHEDULED, RunStatus.RUNNING):
                condition = f"attributes.status = '{status}' AND tags.`{STORE_TAG}` = '{store_id}'"
                ids = experiment_ids[start : start + _EXPERIMENTS]
                found += [
                    OpenRun(run.info.run_id, run.data.tags.get(JOB_TAG, ""), status)
                    for run in self._search(ids, condition, _RUNS)
                ]
        return found

    def find(self, job: Job) -> str | None:
        """Id of the job's run, where it has one."""
        run = self._find(job)
        return str(run.info.run_id) if run else None

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

    def metrics(
        self, experiment_ids: Sequence[str], run_ids: Sequence[str]
    ) -> dict[str, Mapping[str, float]]:
        """Run id → the latest value of each metric, of those of the runs (at most 100) that there are."""
        known = [run_id for run_id in run_ids if _RUN_ID.fullmatch(run_id)]
        if not known:
            return {}
        condition = f"attributes.run_id IN ({', '.join(repr(run_id) for run_id in known)})"
        found = self._search(experiment_ids, condition, len(known))
        return {run.info.run_id: dict(run.data.metrics) for run in found}

    def log(
        self,
        run: Any,
        points: Iterable[tuple[Mapping[str, float], int]] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write all of it in as few requests as MLflow takes.

        Args:
            run: as it is now; what it has already is not written again.
            points: metrics and their step.
        """
        run_id = run.info.run_id
        latest = {metric.key: metric.step for metric in run.data._metric_objs}
        with self._connection.tracking("run", run_id) as store:
            from mlflow.entities import Metric, Param, RunTag

            def is_there(key: str, step: int) -> bool:
                if key not in latest or step > latest[key]:
                    return False
                return step == latest[key] or step in _steps(store, run_id, key)

            now = int(self._clock() * 1000)
            metrics = [
                Metric(metric_name(name), float(value), now, step)
                for values, step in points
                for name, value in values.items()
                if not is_there(metric_name(name), step)
            ]
            missing = [
                Param(key, value) for key, value in (params or {}).items() if key not in run.data.params
            ]
            changed = [
                RunTag(key, value) for key, value in (tags or {}).items() if run.data.tags.get(key) != value
            ]
            while metrics or missing or changed:
                store.log_batch(run_id, metrics[:_MAX_METRICS], missing[:_MAX_OTHERS], changed[:_MAX_OTHERS])
                del metrics[:_MAX_METRICS], missing[:_MAX_OTHERS], changed[:_MAX_OTHERS]

    def end(self, run: Any, status: RunStatus) -> None:
        """End the run, unless it has ended already with this status.

        Raises:
            NotFound: it has been deleted meanwhile.
        """
        if run.info.status != status.value:
            self._set_status(run.info.run_id, status)

    def end_deleted(self, run_id: str, status: RunStatus) -> None:
        """End a run that was deleted while it was open: MLflow shows it among the deleted ones. It changes
        no deleted run, so this one is restored for a moment. One that is gone for good is skipped."""
        with suppress(NotFound), self._connection.tracking("run", run_id) as store:
            run = store.get_run(run_id)
            if run.info.status in (RunStatus.SCHEDULED.value, RunStatus.RUNNING.value):
                store.restore_run(run_id)
                try:
                    self._set_status(run_id, status)
                finally:
                    store.delete_run(run_id)

    def delete(self, run_id: str) -> None:
        """Delete the run; one that is already gone is skipped."""
        try:
            self.get(run_id)
            with self._connection.tracking("run", run_id) as store:
                store.delete_run(run_id)
        except NotFound:
            return

    def _find(self, job: Job) -> Any | None:
        if job.run_id is not None:
            with suppress(NotFound):  # deleted by hand: the job goes on in a new one
                return self.get(job.run_id)
        found = self._of_job(job)
        return _winner(found) if found else None

    def _of_job(self, job: Job) -> list[Any]:
        return self._search([job.experiment_id], f"tags.`{JOB_TAG}` = '{job.job_id}'", _MAX_RACERS)

    def _search(self, experiment_ids: Sequence[str], condition: str, limit: int) -> list[Any]:
        with self._connection.tracking("experiment", ", ".join(experiment_ids)) as store:
            from mlflow.entities import ViewType

            return list(
                store.search_runs(
                    experiment_ids=list(experiment_ids),
                    filter_string=condition,
                    run_view_type=ViewType.ACTIVE_ONLY,
                    max_results=limit,
                )
            )

    def _make(self, job: Job, sources: Sequence[tuple[str, int]]) -> Any:
        """The job's run, made now, or by somebody else at the same time."""
        made = self._create(job, linked_prompts({}, sources))
        racers = self._of_job(job) or [made]
        winner = _winner(racers)
        for run in racers:
            if run is not winner:
                self.delete(run.info.run_id)
        return winner

    def _create(self, job: Job, others: Mapping[str, str]) -> Any:
        user = _user()
        tags = {"mlflow.user": user, **run_tags(job), **others}
        with self._connection.tracking("experiment", job.experiment_id) as store:
            from mlflow.entities import RunTag

            return store.create_run(
                experiment_id=job.experiment_id,
                user_id=user,
                start_time=int(self._clock() * 1000),
                tags=[RunTag(key, value) for key, value in tags.items()],
                run_name=run_name(job),
            )

    def _begin(self, job: Job, dataset: Any | None) -> None:
        """Of the run that was made with the job."""
        assert job.run_id is not None
        self._log_dataset(job.run_id, job, dataset)
        self._set_status(job.run_id, RunStatus.RUNNING)

    def _complete(self, run: Any, job: Job, dataset: Any | None, sources: Sequence[tuple[str, int]]) -> None:
        self.log(run, params=run_params(job), tags=linked_prompts(run.data.tags, sources))
        if not run.inputs.dataset_inputs:
            self._log_dataset(run.info.run_id, job, dataset)
        if run.info.status != RunStatus.RUNNING.value:
            self._set_status(run.info.run_id, RunStatus.RUNNING)  # a resumed job

    def _log_dataset(self, run_id: str, job: Job, dataset: Any | None) -> None:
        """Show the run's data. Logging the same data again changes nothing."""
        if dataset is not None:
            with self._connection.tracking("run", run_id) as store:
                store.log_inputs(run_id, datasets=_dataset_inputs(job, dataset))

    def _set_status(self, run_id: str, status: RunStatus) -> None:
        ended = None if status in (RunStatus.SCHEDULED, RunStatus.RUNNING) else int(self._clock() * 1000)
        with self._connection.tracking("run", run_id) as store:
            from mlflow.entities import RunStatus as MlflowRunStatus

            store.update_run_info(run_id, MlflowRunStatus.from_string(status.value), ended, None)


def _dataset_inputs(job: Job, dataset: Any) -> list[Any]:
    """The whole dataset, and the part that was learned from, as MLflow's own jobs show them."""
    from mlflow.entities import Dataset as DatasetEntity
    from mlflow.entities import DatasetInput, InputTag

    def shown(context: str, digest: str, profile: str | None) -> Any:
        entity = DatasetEntity(
            name=dataset.name,
            digest=digest,
            source_type=dataset.source._get_source_type(),
            source=dataset.source.to_json(),
            schema=dataset.schema,
            profile=profile,
        )
        return DatasetInput(dataset=entity, tags=[InputTag("mlflow.data.context", context)])

    inputs = [shown("optimization", dataset.digest, dataset.profile)]
    if job.inputs is not None and job.inputs.dataset is not None:
        rows = json.dumps({"num_records": job.inputs.dataset.train})
        inputs.append(shown("training", f"{dataset.digest[:_MAX_DIGEST]}-train", rows))
    return inputs


def linked_prompts(tags: Mapping[str, str], prompts: Sequence[tuple[str, int | str]]) -> dict[str, str]:
    """The tag that shows these prompt versions on the run's page, beside those that are there."""
    linked = json.loads(tags.get(_LINKED_PROMPTS, "[]"))
    for name, version in prompts:
        entry = {"name": name, "version": str(version)}
        if entry not in linked:
            linked.append(entry)
    return {_LINKED_PROMPTS: json.dumps(linked)} if linked else {}


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


def _winner(runs: list[Any]) -> Any:
    """Of several runs of one job: that of the latest attempt, then the oldest.

    The latest attempt is the one that is not fenced off, so its worker's run must be the one that
    stays, whichever of them finds out first.
    """
    return min(
        runs,
        key=lambda run: (
            -int(run.data.tags.get(ATTEMPT_TAG, "0")),
            run.info.start_time,
            run.info.run_id,
        ),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
