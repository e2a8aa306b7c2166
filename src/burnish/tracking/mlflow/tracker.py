"""The tracker on MLflow: one object that a process shares between all its jobs and threads."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Concatenate, ParamSpec, TypeVar

from burnish.domain.dataset import Dataset
from burnish.domain.job import Job
from burnish.domain.prompt import Prompt, Template
from burnish.errors import NotFound, TrackingUnavailable
from burnish.tracking.description import JOB_TAG, MAX_TAG_CHARACTERS, SOURCE_TAG
from burnish.tracking.layout import (
    CANDIDATES,
    EVALUATIONS,
    SCORES,
    candidate_files,
    candidate_folder,
    candidate_metrics,
)
from burnish.tracking.mlflow.address import Address
from burnish.tracking.mlflow.artifacts import Artifacts
from burnish.tracking.mlflow.catalog import MlflowCatalog
from burnish.tracking.mlflow.connection import Connection
from burnish.tracking.mlflow.datasets import Datasets
from burnish.tracking.mlflow.earlier_jobs import MlflowEarlierJobs
from burnish.tracking.mlflow.experiments import Experiments
from burnish.tracking.mlflow.linked_traces import LinkedPromptTraces
from burnish.tracking.mlflow.logged_traces import LoggedTraces
from burnish.tracking.mlflow.prompts import Prompts
from burnish.tracking.mlflow.runs import Runs, linked_prompts
from burnish.tracking.mlflow.scorers import Scorers
from burnish.tracking.mlflow.traces import Traces
from burnish.tracking.names import split_prompt_uri
from burnish.tracking.note import NOTE_TAG
from burnish.tracking.protocol import (
    NOTHING,
    Link,
    LinkedTraces,
    LoggedTrace,
    OpenRun,
    RunEntries,
    RunStatus,
    TraceBatch,
    TraceValues,
)

_TABLES_TAG = "mlflow.loggedArtifacts"  # JSON: [{"path": ..., "type": "table"}, ...]; the UI shows these

_PAUSES_SECONDS = (0.5, 2.0)

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _patiently(
    method: Callable[Concatenate[MlflowTracker, _P], _T],
) -> Callable[Concatenate[MlflowTracker, _P], _T]:
    """Try again when an MLflow that had answered before is away for a moment.

    Here and not in the HTTP client: a request whose answer was lost may have been carried out, and
    only a whole method looks for its effect before it repeats it.
    """

    @functools.wraps(method)
    def patient(self: MlflowTracker, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        for pause in _PAUSES_SECONDS:
            try:
                return method(self, *args, **kwargs)
            except TrackingUnavailable:
                if not self._connection.opened:
                    raise
                self._sleep(pause)
        return method(self, *args, **kwargs)

    return patient


class MlflowTracker:
    """Implements :class:`~burnish.tracking.protocol.Tracker`; see there for what each method promises.

    Nothing is opened before the first call. Safe to share between threads.

    Args:
        tracking_uri: see :class:`~burnish.tracking.mlflow.address.Address`, as the next two.
        clock: seconds since the epoch.
        sleep: waits so many seconds, between tries.

    Raises:
        InvalidInput: not a URI MLflow keeps datasets at.
    """

    def __init__(
        self,
        tracking_uri: str,
        registry_uri: str | None = None,
        artifact_root: str | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self.address = Address(tracking_uri, registry_uri, artifact_root)
        self._connection = Connection(self.address)
        self._experiments = Experiments(self._connection)
        self._prompts = Prompts(self._connection)
        self._datasets = Datasets(self._connection)
        self._runs = Runs(self._connection, clock)
        self._scorers = Scorers(self._connection)
        self._artifacts = Artifacts(self._connection)
        self._traces = Traces(self._connection, clock)
        self._logged_traces = LoggedTraces(self._connection)
        self._linked_traces = LinkedPromptTraces(self._connection, self._logged_traces)
        self.catalog = MlflowCatalog(self._connection)
        self.earlier_jobs = MlflowEarlierJobs(self._connection, self._runs)

    @_patiently
    def prompt(self, uri: str) -> Prompt:
        return self._prompts.get(uri)

    @_patiently
    def dataset(self, dataset_id: str) -> Dataset:
        return self._datasets.get(dataset_id)

    @_patiently
    def linked_traces(self, prompt: Prompt) -> LinkedTraces:
        return self._linked_traces.of(prompt, self._experiments.active_ids())

    @_patiently
    def experiment_exists(self, experiment_id: str) -> bool:
        return self._experiments.exists(experiment_id)

    @_patiently
    def find_scorer(self, experiment_id: str, name: str) -> Mapping[str, Any] | None:
        return self._scorers.find(experiment_id, name)

    @_patiently
    def search_traces(self, experiment_id: str, filter: str, max_results: int) -> Sequence[LoggedTrace]:
        return self._logged_traces.search(experiment_id, filter, max_results)

    @_patiently
    def trace_values(self, trace_ids: Sequence[str]) -> Mapping[str, TraceValues]:
        return self._logged_traces.values(trace_ids)

    @_patiently
    def ensure_experiment(self, name: str) -> str:
        return self._experiments.ensure(name)

    @_patiently
    def ensure_prompt(self, prompt: Prompt) -> Prompt:
        return self._prompts.ensure(prompt)

    @_patiently
    def ensure_dataset(self, dataset: Dataset, experiment_id: str) -> Dataset:
        if not self._experiments.exists(experiment_id):  # MLflow would take any id
            raise NotFound("experiment", experiment_id)
        return self._datasets.ensure(dataset, experiment_id)

    def schedule_run(self, job: Job, store_id: str) -> str:
        # Not repeated: a run whose answer was lost is found by open_runs, since no job has it.
        return self._runs.schedule(job, store_id)

    @_patiently
    def open_runs(self, store_id: str) -> list[OpenRun]:
        return self._runs.open(store_id, self._experiments.active_ids())

    @_patiently
    def ensure_run(self, job: Job) -> str:
        try:
            return self._ensure_run(job)
        except NotFound as error:
            if error.what != "run":
                raise
            # The worker of another attempt has made one meanwhile and removed ours: take that.
            return self._ensure_run(job)

    @_patiently
    def log(self, run_id: str, entries: RunEntries) -> None:
        self._write(self._runs.get(run_id), entries)

    @_patiently
    def log_traces(self, run_id: str, batch: TraceBatch) -> None:
        self._traces.write(run_id, batch)

    @_patiently
    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        path = PurePosixPath(artifact_file)
        folder = "" if str(path.parent) == "." else str(path.parent)
        self._artifacts.write(self._runs.get(run_id).info.artifact_uri, folder, {path.name: text})

    @_patiently
    def register_winner(self, job: Job, source: Prompt, template: Template) -> str:
        with self._connection.turn(job.job_id):
            # A first attempt looks, too: it may be one that was superseded while it lived.
            find = partial(self._prompts.find_of_job, job.job_id, source.name, template)
            winner = find()
            if winner is None:
                made = self._prompts.register(
                    Prompt(
                        name=source.name,
                        template=template,
                        model_config=source.model_config,
                        response_format=source.response_format,
                    ),
                    message=f"Optimized from {source.uri} by Burnish job {job.job_id}",
                    tags={JOB_TAG: job.job_id, SOURCE_TAG: source.uri or ""},
                )
                # The worker of another attempt, which does not know yet that it is superseded, may have
                # done the same: of equal versions the first stays, whoever made it.
                winner = find(made) or made
                if winner.uri != made.uri:
                    self._prompts.delete(made)
        assert winner.uri is not None
        return winner.uri

    @_patiently
    def end_run(self, run_id: str, status: RunStatus, entries: RunEntries = NOTHING) -> bool:
        try:
            run = self._runs.get(run_id)
            self._write(run, entries, status)
        except NotFound as error:
            if error.what != "run":
                raise
            self._runs.end_deleted(run_id, status)
            return False
        return True

    @_patiently
    def find_run(self, job: Job) -> str | None:
        return self._runs.find(job)

    def delete_run(self, run_id: str) -> None:
        # Not repeated: a locked SQLite file is waited for each time, and who asks has a timeout.
        self._runs.delete(run_id)

    def set_alias(self, name: str, alias: str, version: int) -> int | None:
        return self._prompts.set_alias(name, alias, version)

    def link(self, uri: str) -> Link:
        kind, _, rest = uri.partition(":/")
        url = None
        if not self.address.is_server:
            return Link(uri)
        if kind == "runs":
            try:
                url = self.address.run_url(self._runs.get(rest).info.experiment_id, rest)
            except NotFound:
                url = None
        elif kind == "prompts":
            url = self.address.prompt_url(split_prompt_uri(uri)[0])
        elif kind == "experiments":
            url = self.address.experiment_url(rest)
        return Link(uri, url)

    def check(self) -> None:
        self._connection.check()

    def _write(self, run: Any, entries: RunEntries, status: RunStatus | None = None) -> None:
        """And end the run, where it is given a status to end with."""
        records = [entry.record for entry in entries.candidates]
        if records:
            self._write_files(run.info.artifact_uri, entries)

        def write() -> None:
            self._runs.log(
                run,
                [*entries.metrics, *((candidate_metrics(record), record.number) for record in records)],
                tags=_tables(run, [f"{candidate_folder(record)}/{EVALUATIONS}" for record in records])
                | linked_prompts(run.data.tags, [split_prompt_uri(uri) for uri in entries.prompt_uris])
                | ({NOTE_TAG: entries.note} if entries.note else {}),
            )
            if status is not None:
                self._runs.end(run, status)

        self._connection.together("run", run.info.run_id, write)

    def _write_files(self, artifact_uri: str, entries: RunEntries) -> None:
        begun = self._artifacts.names(artifact_uri, CANDIDATES)

        def is_there(folder: str) -> bool:
            is_begun = PurePosixPath(folder).name in begun
            return is_begun and SCORES in self._artifacts.names(artifact_uri, folder)

        missing = [entry for entry in entries.candidates if not is_there(candidate_folder(entry.record))]
        folders = (
            (
                candidate_folder(entry.record),
                candidate_files(entry.record, entry.evaluations, entries.examples),
            )
            for entry in missing
        )
        self._artifacts.write_folders(artifact_uri, folders, last=SCORES)

    def _ensure_run(self, job: Job) -> str:
        # A job that owns its inputs only lacks the run's links; what they name may be gone.
        tolerant = partial(suppress, NotFound) if job.inputs or job.run_id else nullcontext
        dataset, sources = None, []
        with tolerant():
            dataset = self._datasets.entity(job.config.dataset_id) if job.config.dataset_id else None
        for uri in job.source_prompt_uris:
            with tolerant():
                sources.append(self._prompts.version(uri))
        run_id = self._runs.ensure(job, dataset, sources)
        for name, _ in sources:
            with tolerant():
                self._prompts.show_in_experiment(name, job.experiment_id)
        return run_id


def _tables(run: Any, files: Sequence[str]) -> dict[str, str]:
    """The tag by which MLflow's UI finds a run's tables, with these files added."""
    tables = json.loads(run.data.tags.get(_TABLES_TAG, "[]"))
    listed = ""
    for file in files:
        entry = {"path": file, "type": "table"}
        # One that MLflow had to cut would be broken JSON.
        if entry not in tables and len(longer := json.dumps([*tables, entry])) <= MAX_TAG_CHARACTERS:
            tables.append(entry)
            listed = longer
    return {_TABLES_TAG: listed} if listed else {}
