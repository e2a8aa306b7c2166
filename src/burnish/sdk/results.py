"""What the server answers, as values. Jobs and events are the domain's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from burnish.domain.candidate import CandidateStatus
from burnish.domain.job import Job
from burnish.domain.prompt import Template
from burnish.domain.score import Score
from burnish.domain.usage import Usage, UsageByRole
from burnish.proto import prompt_optimization_pb2 as wire
from burnish.proto import service_pb2 as service
from burnish.proto.convert import (
    job_from_proto,
    optional,
    usage_by_role_from_proto,
    usage_by_role_to_proto,
    usage_from_proto,
)
from burnish.proto.inputs import template_from_proto, template_to_proto


class JobListEventKind(StrEnum):
    """What happened to the list of jobs."""

    RESET = "RESET"  # what is known of it may be out of date: search again
    CREATED = "CREATED"
    CHANGED = "CHANGED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobListEvent:
    """One thing that happened to the list of jobs.

    Attributes:
        job_id: empty with RESET.
        job: as it is now; ``None`` where it is deleted, and with RESET.
    """

    kind: JobListEventKind
    job_id: str = ""
    job: Job | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One set of prompt texts that a job has tried.

    Attributes:
        number: order in which the optimizer brought it; 0 is the source.
        parents: ids of the candidates it was made from.
        origin: how it was made.
        scores: means on validation, ``aggregate`` and by scorer; empty until measured.
        reason: why it was rejected or refused.
        objectives: what it is compared by: scores, ``prompt_tokens``, ``usd`` of one answer; empty until
            measured on the whole validation split.
        on_pareto_front: no other candidate is at least as good in every objective and better in one.
        texts: prompt name → text; only of a candidate that was asked for by its id.
    """

    candidate_id: str
    number: int
    status: CandidateStatus
    parents: tuple[str, ...]
    origin: str
    scores: Mapping[str, float]
    reason: str
    usage: UsageByRole
    objectives: Mapping[str, float] = field(default_factory=dict)
    on_pareto_front: bool = False
    texts: Mapping[str, Template] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleResult:
    """One candidate on one example.

    Attributes:
        scores: a scorer without an opinion is left out.
        aggregate: ``None`` where no scorer that has a weight had an opinion.
        error: why there is no output.
        trace_id: of its MLflow trace, where there is one.
    """

    example_id: str
    split: str
    output: str
    scores: Mapping[str, Score]
    aggregate: float | None
    error: str | None
    usage: Usage
    trace_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMatrix:
    """The scores of a job's candidates on the examples of one split.

    Attributes:
        example_ids: every example that a candidate was tried on.
        scores: candidate id → example id → score, in the order of the candidates' numbers.
        errors: (candidate id, example id) of those that have no output; their score is 0.
    """

    example_ids: tuple[str, ...]
    scores: Mapping[str, Mapping[str, float]]
    errors: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """An alias that was moved; ``previous_version`` is ``None`` where it was new."""

    name: str
    alias: str
    version: int
    previous_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitChoice:
    """What a split (``train/validation/test``) buys: examples in each part, and what its test can show."""

    split: str
    train: int
    validation: int
    test: int
    detectable_low: float | None
    detectable_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a job will take. ``usd_*`` are ``None`` where the price of a model is unknown.

    Attributes:
        detectable_low, detectable_high: the smallest true difference that the sealed test would call IMPROVED
            four times of five; ``None``: it is too small for any verdict.
        splits: the job's own split, and others beside it.
    """

    calls_low: int
    calls_high: int
    tokens_low: int
    tokens_high: int
    usd_low: float | None
    usd_high: float | None
    seconds_low: float
    seconds_high: float
    detectable_low: float | None
    detectable_high: float | None
    warnings: tuple[str, ...]
    splits: tuple[SplitChoice, ...] = ()


def job_list_event_from_proto(message: wire.JobListEvent) -> JobListEvent:
    return JobListEvent(
        kind=JobListEventKind(wire.JobListEvent.Kind.Name(message.kind)),
        job_id=message.job_id,
        job=job_from_proto(message.job) if message.HasField("job") else None,
    )


def candidate_from_proto(message: wire.PromptCandidate) -> Candidate:
    return Candidate(
        candidate_id=message.candidate_id,
        number=message.number,
        status=CandidateStatus(wire.PromptCandidate.Status.Name(message.status)),
        parents=tuple(message.parents),
        origin=message.origin,
        scores=dict(message.scores),
        reason=message.reason,
        usage=usage_by_role_from_proto(message.usage),
        objectives=dict(message.objectives),
        on_pareto_front=message.on_pareto_front,
        texts={name: template_from_proto(message.texts[name]) for name in sorted(message.texts)},
    )


def candidate_to_proto(candidate: Candidate) -> wire.PromptCandidate:
    """Inverse of :func:`candidate_from_proto`: the candidate as the API shows it."""
    message = wire.PromptCandidate(
        candidate_id=candidate.candidate_id,
        number=candidate.number,
        status=candidate.status,
        parents=candidate.parents,
        origin=candidate.origin or None,
        reason=candidate.reason or None,
        scores=candidate.scores,
        objectives=candidate.objectives,
        on_pareto_front=candidate.on_pareto_front or None,
        usage=usage_by_role_to_proto(candidate.usage),
    )
    for name in sorted(candidate.texts):
        message.texts[name].MergeFrom(template_to_proto(candidate.texts[name]))
    return message


def example_result_from_proto(message: wire.ExampleResult) -> ExampleResult:
    return ExampleResult(
        example_id=message.example_id,
        split=message.split,
        output=message.output,
        scores={
            name: Score(found.value, found.rationale, optional(found, "raw"))
            for name, found in sorted(message.scores.items())
        },
        aggregate=optional(message, "aggregate"),
        error=optional(message, "error"),
        usage=usage_from_proto(message.usage),
        trace_id=optional(message, "trace_id"),
    )


def score_matrix_from_proto(message: service.ListPromptOptimizationEvaluations.Response) -> ScoreMatrix:
    ids = tuple(message.example_ids)
    scores, errors = {}, set()
    for row in message.rows:
        columns = row.columns or range(len(ids))
        scores[row.candidate_id] = {
            ids[column]: score for column, score in zip(columns, row.scores, strict=True)
        }
        errors |= {(row.candidate_id, ids[column]) for column in row.errors}
    return ScoreMatrix(example_ids=ids, scores=scores, errors=frozenset(errors))


def promotion_from_proto(message: wire.Promotion) -> Promotion:
    return Promotion(
        name=message.name,
        alias=message.alias,
        version=message.version,
        previous_version=optional(message, "previous_version"),
    )


def estimate_from_proto(message: wire.JobEstimate) -> Estimate:
    return Estimate(
        calls_low=message.calls_low,
        calls_high=message.calls_high,
        tokens_low=message.tokens_low,
        tokens_high=message.tokens_high,
        usd_low=optional(message, "usd_low"),
        usd_high=optional(message, "usd_high"),
        seconds_low=message.seconds_low,
        seconds_high=message.seconds_high,
        detectable_low=optional(message, "detectable_low"),
        detectable_high=optional(message, "detectable_high"),
        warnings=tuple(message.warnings),
        splits=tuple(_split_choice(choice) for choice in message.splits),
    )


def _split_choice(message: wire.SplitChoice) -> SplitChoice:
    return SplitChoice(
        split=message.split,
        train=message.train,
        validation=message.validation,
        test=message.test,
        detectable_low=optional(message, "detectable_low"),
        detectable_high=optional(message, "detectable_high"),
    )
