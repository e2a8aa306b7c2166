"""The honest fake: a tracker in memory that keeps the same contract as the one on MLflow."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from burnish.domain.dataset import Dataset
from burnish.domain.job import Job
from burnish.domain.prompt import Prompt, Template
from burnish.errors import BurnishError, InvalidInput, NotFound, TrackingUnavailable
from burnish.tracking.description import ATTEMPT_TAG, JOB_TAG, STORE_TAG, run_name, run_params, run_tags
from burnish.tracking.layout import SCORES, candidate_files, candidate_folder, candidate_metrics
from burnish.tracking.names import (
    check_alias,
    check_dataset_name,
    check_prompt_name,
    check_prompt_text,
    metric_name,
    split_prompt_uri,
)
from burnish.tracking.note import NOTE_TAG
from burnish.tracking.protocol import (
    NOTHING,
    EvaluationTrace,
    Link,
    LinkedTraces,
    LoggedTrace,
    OpenRun,
    RunEntries,
    RunStatus,
    TraceBatch,
    TraceValues,
)


@dataclass
class FakeRun:
    """One run, open to inspection.

    Attributes:
        metrics: name → [(step, value), ...] in the order of logging.
        artifacts: path → text.
        prompts: URIs of the linked versions.
        datasets: ids of the dataset inputs.
        traces: by candidate, example and split.
    """

    run_id: str
    experiment_id: str
    name: str
    tags: dict[str, str]
    params: dict[str, str]
    status: RunStatus = RunStatus.RUNNING
    metrics: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    prompts: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)
    traces: dict[str, EvaluationTrace] = field(default_factory=dict)
    deleted: bool = False


@dataclass(frozen=True)
class FakeVersion:
    """One registered version: the prompt, and for a winner the job that registered it."""

    prompt: Prompt
    job_id: str | None = None


class FakeTracker:
    """Implements :class:`~burnish.tracking.protocol.Tracker` without I/O. Safe between threads.

    Attributes:
        away: while true, every method raises ``TrackingUnavailable``.
        failures: method name → error that the next call of that method raises, once.
        calls: names of the methods called, in order.
        runs, versions, datasets, experiments: what is there, by id or name.
        traces: of apps: (experiment, trace, its values), the oldest first.
        scorers: registered ones by experiment and name, in MLflow's serialized form.
        linked: URI of a prompt version → what its traces say.
    """

    def __init__(self) -> None:
        self.away = False
        self.failures: dict[str, BurnishError] = {}
        self.calls: list[str] = []
        self.experiments = {"0": "Default"}
        self.versions: dict[str, list[FakeVersion]] = {}
        self.aliases: dict[tuple[str, str], int] = {}
        self.datasets: dict[str, Dataset] = {}
        self.dataset_experiments: dict[str, str] = {}
        self.traces: list[tuple[str, LoggedTrace, TraceValues]] = []
        self.scorers: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.linked: dict[str, LinkedTraces] = {}
        self.runs: dict[str, FakeRun] = {}
        self._lock = threading.RLock()

    def prompt(self, uri: str) -> Prompt:
        name, which = split_prompt_uri(uri)
        with self._call("prompt"):
            found = self._find_version(name, which)
            if found is None:
                raise NotFound("prompt", uri)
            return found.prompt

    def dataset(self, dataset_id: str) -> Dataset:
        with self._call("dataset"):
            if dataset_id not in self.datasets:
                raise NotFound("dataset", dataset_id)
            return self.datasets[dataset_id]

    def linked_traces(self, prompt: Prompt) -> LinkedTraces:
        with self._call("linked_traces"):
            return self.linked.get(str(prompt.uri), LinkedTraces(Dataset.of([])))

    def experiment_exists(self, experiment_id: str) -> bool:
        with self._call("experiment_exists"):
            return experiment_id in self.experiments

    def find_scorer(self, experiment_id: str, name: str) -> Mapping[str, Any] | None:
        with self._call("find_scorer"):
            return self.scorers.get((experiment_id, name))

    def search_traces(self, experiment_id: str, filter: str, max_results: int) -> list[LoggedTrace]:
        """Knows one filter: ``request_id = '…'``."""
        wanted = re.fullmatch(r"request_id = '([^']*)'", filter)
        with self._call("search_traces"):
            if filter and not wanted:
                raise InvalidInput.of("filter", filter, "the fake knows only request_id = '…'")
            found = [
                trace
                for experiment, trace, _ in reversed(self.traces)
                if experiment == experiment_id and (wanted is None or trace.trace_id == wanted[1])
            ]
            return found[:max_results]

    def trace_values(self, trace_ids: Sequence[str]) -> dict[str, TraceValues]:
        with self._call("trace_values"):
            known = {trace.trace_id: values for _, trace, values in self.traces}
            return {trace_id: known[trace_id] for trace_id in trace_ids if trace_id in known}

    def ensure_experiment(self, name: str) -> str:
        with self._call("ensure_experiment"):
            for experiment_id, known in self.experiments.items():
                if known == name:
                    return experiment_id
            experiment_id = str(len(self.experiments))
            self.experiments[experiment_id] = name
            return experiment_id

    def ensure_prompt(self, prompt: Prompt) -> Prompt:
        check_prompt_name(prompt.name)
        check_prompt_text(prompt.template)
        with self._call("ensure_prompt"):
            latest = self._find_version(prompt.name, "latest")
            if latest is not None and replace(latest.prompt, uri=None) == replace(prompt, uri=None):
                return latest.prompt
            return self._register(prompt, None)

    def ensure_dataset(self, dataset: Dataset, experiment_id: str) -> Dataset:
        check_dataset_name(dataset.name)
        with self._call("ensure_dataset"):
            wanted = (dataset.name, dataset.digest, experiment_id)
            for dataset_id, known in self.datasets.items():
                if (known.name, known.digest, self.dataset_experiments[dataset_id]) == wanted:
                    return known
            self._require_experiment(experiment_id)
            dataset_id = f"d-{len(self.datasets) + 1}"
            self.datasets[dataset_id] = made = replace(dataset, dataset_id=dataset_id)
            self.dataset_experiments[dataset_id] = experiment_id
            return made

    def schedule_run(self, job: Job, store_id: str) -> str:
        with self._call("schedule_run"):
            run = self._make_run(job)
            run.tags[STORE_TAG] = store_id
            run.status = RunStatus.SCHEDULED
            return run.run_id

    def open_runs(self, store_id: str) -> list[OpenRun]:
        with self._call("open_runs"):
            return [
                OpenRun(run.run_id, run.tags[JOB_TAG], run.status)
                for run in self.runs.values()
                if run.tags.get(STORE_TAG) == store_id
                and run.status in (RunStatus.SCHEDULED, RunStatus.RUNNING)
                and not run.deleted
            ]

    def ensure_run(self, job: Job) -> str:
        with self._call("ensure_run"):
            run = self._find_run(job)
            if run is None:
                if job.config.dataset_id is not None and job.inputs is None:
                    self.dataset(job.config.dataset_id)
                run = self._make_run(job)
            if job.config.dataset_id in self.datasets and not run.datasets:
                run.datasets.append(str(job.config.dataset_id))
            run.status = RunStatus.RUNNING
            for uri in job.source_prompt_uris:
                if isinstance(split_prompt_uri(uri)[1], int):
                    self._link_prompt(run, uri)
                else:
                    with suppress(NotFound):
                        self._link_prompt(run, self.prompt(uri).uri)
            return run.run_id

    def _make_run(self, job: Job) -> FakeRun:
        self._require_experiment(job.experiment_id)
        run = FakeRun(
            run_id=f"run{len(self.runs) + 1}",
            experiment_id=job.experiment_id,
            name=run_name(job),
            tags=run_tags(job),
            params=run_params(job),
        )
        self.runs[run.run_id] = run
        return run

    def log(self, run_id: str, entries: RunEntries) -> None:
        with self._call("log"):
            self._write(self._run(run_id), entries)

    def log_traces(self, run_id: str, batch: TraceBatch) -> None:
        with self._call("log_traces"):
            run = self._run(run_id)
            for trace in batch.traces:
                evaluation = trace.record.evaluation
                key = f"{evaluation.candidate_id} {evaluation.example_id} {trace.record.split}"
                run.traces.setdefault(key, trace)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        with self._call("log_text"):
            self._run(run_id).artifacts[artifact_file] = text

    def register_winner(self, job: Job, source: Prompt, template: Template) -> str:
        check_prompt_text(template)
        with self._call("register_winner"):
            for version in self.versions.get(source.name, []):
                if version.job_id == job.job_id and version.prompt.template == template:
                    winner = version.prompt
                    break
            else:
                winner = self._register(replace(source, template=template), job.job_id)
            return str(winner.uri)

    def end_run(self, run_id: str, status: RunStatus, entries: RunEntries = NOTHING) -> bool:
        with self._call("end_run"):
            run = self.runs.get(run_id)
            if run is None:
                return False
            if not run.deleted:
                self._write(run, entries)
            if not run.deleted or run.status in (RunStatus.SCHEDULED, RunStatus.RUNNING):
                run.status = status
            return not run.deleted

    def find_run(self, job: Job) -> str | None:
        with self._call("find_run"):
            run = self._find_run(job)
            return run.run_id if run else None

    def delete_run(self, run_id: str) -> None:
        with self._call("delete_run"):
            if run_id in self.runs:
                self.runs[run_id].deleted = True

    def set_alias(self, name: str, alias: str, version: int) -> int | None:
        check_prompt_name(name)
        check_alias(alias)
        with self._call("set_alias"):
            if self._find_version(name, version) is None:
                raise NotFound("prompt", f"prompts:/{name}/{version}")
            before = self.aliases.get((name, alias))
            self.aliases[name, alias] = version
            return before

    def link(self, uri: str) -> Link:
        return Link(uri)

    def check(self) -> None:
        with self._call("check"):
            pass

    def runs_of(self, job_id: str) -> list[FakeRun]:
        """The job's runs that are not deleted."""
        return [run for run in self.runs.values() if run.tags[JOB_TAG] == job_id and not run.deleted]

    @contextmanager
    def _call(self, method: str) -> Iterator[None]:
        with self._lock:
            self.calls.append(method)
            if self.away:
                raise TrackingUnavailable("MLflow in memory is away")
            if method in self.failures:
                raise self.failures.pop(method)
            yield

    def _find_version(self, name: str, which: int | str) -> FakeVersion | None:
        versions = self.versions.get(name, [])
        if which == "latest":
            return versions[-1] if versions else None
        number = which if isinstance(which, int) else self.aliases.get((name, which), 0)
        return versions[number - 1] if 0 < number <= len(versions) else None

    def _register(self, prompt: Prompt, job_id: str | None) -> Prompt:
        versions = self.versions.setdefault(prompt.name, [])
        made = replace(prompt, uri=f"prompts:/{prompt.name}/{len(versions) + 1}")
        versions.append(FakeVersion(made, job_id))
        return made

    def _run(self, run_id: str) -> FakeRun:
        run = self.runs.get(run_id)
        if run is None or run.deleted:
            raise NotFound("run", run_id)
        return run

    def _find_run(self, job: Job) -> FakeRun | None:
        runs = self.runs_of(job.job_id)
        return max(runs, key=lambda run: int(run.tags[ATTEMPT_TAG])) if runs else None

    def _require_experiment(self, experiment_id: str) -> None:
        if experiment_id not in self.experiments:
            raise NotFound("experiment", experiment_id)

    def _write(self, run: FakeRun, entries: RunEntries) -> None:
        for metrics, step in entries.metrics:
            self._log_metrics(run, metrics, step)
        for entry in entries.candidates:
            folder = candidate_folder(entry.record)
            if f"{folder}/{SCORES}" not in run.artifacts:
                files = candidate_files(entry.record, entry.evaluations, entries.examples)
                run.artifacts.update({f"{folder}/{name}": text for name, text in files.items()})
            self._log_metrics(run, candidate_metrics(entry.record), entry.record.number)
        for uri in entries.prompt_uris:
            self._link_prompt(run, uri)
        if entries.note:
            run.tags[NOTE_TAG] = entries.note

    @staticmethod
    def _link_prompt(run: FakeRun, uri: str | None) -> None:
        if uri is not None and uri not in run.prompts:
            run.prompts.append(uri)

    @staticmethod
    def _log_metrics(run: FakeRun, metrics: Mapping[str, float], step: int) -> None:
        for name, value in metrics.items():
            history = run.metrics.setdefault(metric_name(name), [])
            if step not in [known for known, _ in history]:
                history.append((step, float(value)))
