"""Where prompts, datasets, runs and artifacts live. Burnish writes no registry of its own.

Implementations block; callers run them in threads. Every effect is idempotent: it carries the job
id and is looked up before it is repeated. Failures to reach the server are ``TrackingUnavailable``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from burnish.domain.dataset import Dataset, Example
from burnish.domain.job import Job, JobStatus
from burnish.domain.prompt import Prompt
from burnish.domain.records import CandidateRecord, EvaluationRecord


class RunStatus(StrEnum):
    """MLflow's run states that Burnish uses."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


ENDED_AS: Mapping[JobStatus, RunStatus] = {
    JobStatus.COMPLETED: RunStatus.FINISHED,
    JobStatus.FAILED: RunStatus.FAILED,
    JobStatus.CANCELED: RunStatus.KILLED,
}
"""How a job's end is shown on its run."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a person can look at something."""

    uri: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class MeasuredCandidate:
    """A candidate and its evaluations on the validation split."""

    record: CandidateRecord
    evaluations: Sequence[EvaluationRecord] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntries:
    """What a run is to have. What it has already is not written again.

    Attributes:
        metrics: values by name, and the step they belong to.
        candidates: for each the artifacts
            ``prompt_candidates/iteration_N/{<prompt>.txt,eval_results.json,scores.json}``, and the metrics
            ``eval_score`` and ``eval_score.<scorer>`` at step N, its record's number.
        examples: example id → example; fills the columns ``inputs`` and ``expectation`` of the candidates'
            tables.
        prompt_uris: registered versions, to be shown on the run's page.
        note: the run's description, Markdown; empty: it stays as it is.
    """

    metrics: Sequence[tuple[Mapping[str, float], int]] = ()
    candidates: Sequence[MeasuredCandidate] = ()
    examples: Mapping[str, Example] = field(default_factory=dict)
    prompt_uris: Sequence[str] = ()
    note: str = ""


NOTHING = RunEntries()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationTrace:
    """One evaluation, to be shown as a trace.

    Attributes:
        role: of the candidate: ``source``, ``best`` or ``candidate``.
        model: URI of the target model.
    """

    record: EvaluationRecord
    example: Example
    role: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceBatch:
    """Traces of one job's run."""

    job_id: str
    experiment_id: str
    traces: Sequence[EvaluationTrace]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedTrace:
    """A trace that an app has logged, without what went in and came out (see :meth:`Tracker.trace_values`).

    Attributes:
        expectations: name → what is expected of the whole trace; the latest of each name.
        feedback: name → what a person said of it, likewise. That of judges and code is left out.
        job_id: of the job of ours whose evaluation it shows; ``None``: it is none of ours.
    """

    trace_id: str
    expectations: Mapping[str, Any] = field(default_factory=dict)
    feedback: Mapping[str, Any] = field(default_factory=dict)
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class TraceValues:
    """Inputs and output of a trace's root span; ``None`` where there is nothing."""

    inputs: Any
    output: Any


@dataclass(frozen=True, slots=True)
class LinkedTraces:
    """What a prompt version has answered, from the traces that are linked to it.

    Attributes:
        dataset: of each trace its inputs, and as expected response what was answered; the newest first.
        left_out: traces that hold no values for the prompt's variables, or no answer.
    """

    dataset: Dataset
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended, and the job it says it belongs to."""

    run_id: str
    job_id: str
    status: RunStatus


class Tracker(Protocol):
    # --- read
    def prompt(self, uri: str) -> Prompt:
        """``prompts:/NAME/VERSION`` or ``prompts:/NAME@ALIAS``.

        Raises:
            NotFound
            InvalidInput: not a prompt URI.
        """
        ...

    def dataset(self, dataset_id: str) -> Dataset:
        """
        Raises:
            NotFound
        """
        ...

    def linked_traces(self, prompt: Prompt) -> LinkedTraces:
        """The newest traces that are linked to this version, in any experiment."""
        ...

    def experiment_exists(self, experiment_id: str) -> bool: ...

    def find_scorer(self, experiment_id: str, name: str) -> Mapping[str, Any] | None:
        """The latest scorer registered in the experiment under this name, in MLflow's serialized form, or
        ``None``. Nothing of what is registered is executed."""
        ...

    def search_traces(self, experiment_id: str, filter: str, max_results: int) -> Sequence[LoggedTrace]:
        """The newest traces of an experiment that match, newest first.

        Args:
            filter: in MLflow's grammar for traces; empty: all.

        Raises:
            InvalidInput: the filter cannot be read.
        """
        ...

    def trace_values(self, trace_ids: Sequence[str]) -> Mapping[str, TraceValues]:
        """What went in and came out, by trace id; without those that are gone."""
        ...

    # --- write what the user's files hold (CLI)
    def ensure_experiment(self, name: str) -> str:
        """Id of the experiment of this name, made if need be."""
        ...

    def ensure_prompt(self, prompt: Prompt) -> Prompt:
        """The version with exactly this template and model config: the latest if equal, else a new one."""
        ...

    def ensure_dataset(self, dataset: Dataset, experiment_id: str) -> Dataset:
        """The dataset of this name and digest, made if need be; returns it with its ``dataset_id``."""
        ...

    # --- a job's effects
    def schedule_run(self, job: Job, store_id: str) -> str:
        """Make the run of a job that is about to be stored: SCHEDULED, with its params and tags.

        Args:
            store_id: of the store that will have the job, by which :meth:`open_runs` finds it.

        Raises:
            NotFound: there is no such experiment.
        """
        ...

    def open_runs(self, store_id: str) -> Sequence[OpenRun]:
        """The runs of this store's jobs that are SCHEDULED or RUNNING, in any experiment."""
        ...

    def ensure_run(self, job: Job) -> str:
        """The job's run, RUNNING: found by the job's ``run_id`` or the ``burnish.job_id`` tag, or made, with
        params, tags (``mlflow.run.isPromptOptimization=true``), the dataset input and the source prompt
        linked. What a run that is there cannot be linked to any more is left out."""
        ...

    def log(self, run_id: str, entries: RunEntries) -> None:
        """Write what the run does not have yet.

        Raises:
            NotFound: there is no such run (any more).
        """
        ...

    def log_traces(self, run_id: str, batch: TraceBatch) -> None:
        """Write the traces that the run does not have yet, with scores and expectations as assessments."""
        ...

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None: ...

    def register_winner(self, job: Job, source: Prompt, template: Any) -> str:
        """Register ``template`` as a new version that keeps the source's model config, tagged with the
        job id; found again if it is there. Returns its URI."""
        ...

    def end_run(self, run_id: str, status: RunStatus, entries: RunEntries = NOTHING) -> bool:
        """Write the last entries as :meth:`log` does, then end the run, unless it has ended already with
        this status.

        Returns:
            ``False``: the run has been deleted. Nothing is written then; where MLflow still has it among the
            deleted ones it ends there with this status.
        """
        ...

    def find_run(self, job: Job) -> str | None:
        """Id of the job's run: ``job.run_id``, or one that bears the job's tag because a worker made it
        and died before it could report it; ``None`` where there is none (any more)."""
        ...

    def delete_run(self, run_id: str) -> None:
        """Delete the run; one that is already gone is skipped.

        Raises:
            TrackingUnavailable: it exists and could not be deleted.
        """
        ...

    # --- aliases
    def set_alias(self, name: str, alias: str, version: int) -> int | None:
        """Point the alias at a version. Returns the version it pointed at before."""
        ...

    def link(self, uri: str) -> Link:
        """``runs:/ID``, ``prompts:/NAME/VERSION`` or ``experiments:/ID`` with its page in MLflow's UI,
        where the tracking URI is a server's."""
        ...

    def check(self) -> None:
        """
        Raises:
            TrackingUnavailable
        """
        ...
