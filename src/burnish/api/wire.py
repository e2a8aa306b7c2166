"""What the API reads and writes: requests → domain, domain → messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from burnish.domain.candidate import Candidate
from burnish.domain.job import JobConfig
from burnish.domain.records import CandidateRecord, EvaluationRecord, JobQuery, ScoredExample
from burnish.domain.text import well_formed
from burnish.errors import InvalidInput, Problem, Problems
from burnish.optimizers.search.pareto import front
from burnish.proto import prompt_optimization_pb2 as wire
from burnish.proto import service_pb2 as service
from burnish.proto.convert import read_config, usage_by_role_to_proto, usage_to_proto
from burnish.proto.inputs import template_to_proto
from burnish.service.estimate import Estimate
from burnish.service.prompts import Promotion

MAX_PAGE = 1000


# --- requests


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a create or an estimate asks for, and what is wrong with it so far."""

    experiment_id: str
    config: JobConfig
    tags: dict[str, str]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class RepeatRequest:
    """What a create like another job asks for besides, and what is wrong with it so far.

    Attributes:
        change: the other job's config → that of the new one; raises InvalidInput.
    """

    experiment_id: str
    change: Callable[[JobConfig], JobConfig]
    tags: dict[str, str]
    problems: tuple[Problem, ...]


def read_job_request(
    message: service.CreatePromptOptimizationJob | service.EstimatePromptOptimizationJob,
    problems: Sequence[Problem] = (),
) -> JobRequest:
    """
    Args:
        problems: found when the body was read.
    """
    found = list(problems)
    config, unreadable = read_config(message.config, message.source_prompt_uri.strip())
    named = {problem.field for problem in found}
    found += [problem for problem in unreadable if problem.field not in named]
    if isinstance(message, service.CreatePromptOptimizationJob) and message.refresh_inputs:
        found.append(Problem("refresh_inputs", "true", "goes with like_job_id; a new job reads them anyway"))
    return JobRequest(message.experiment_id.strip(), config, _read_tags(message, found), tuple(found))


def read_repeat_request(
    message: service.CreatePromptOptimizationJob, problems: Sequence[Problem] = ()
) -> RepeatRequest:
    """
    Args:
        problems: found when the body was read.
    """

    def change(config: JobConfig) -> JobConfig:
        changed, unreadable = read_config(message.config, message.source_prompt_uri.strip(), config)
        Problems(unreadable).check()
        return changed

    found = list(problems)
    return RepeatRequest(message.experiment_id.strip(), change, _read_tags(message, found), tuple(found))


def _read_tags(message: Any, problems: list[Problem]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for position, tag in enumerate(message.tags):
        if tag.key in tags and tags[tag.key] != tag.value:
            remedy = "was given twice with different values"
            problems.append(Problem(f"tags[{position}].key", tag.key, remedy))
        tags[tag.key] = tag.value
    return tags


def read_query(message: service.SearchPromptOptimizationJobs) -> JobQuery:
    """
    Raises:
        InvalidInput: ``max_results`` is out of range.
    """
    experiment_ids = [message.experiment_id] if message.experiment_id else []
    return JobQuery(
        experiment_ids=tuple(dict.fromkeys([*experiment_ids, *message.experiment_ids])),
        filter=message.filter,
        order_by=tuple(message.order_by),
        max_results=page_size(message, MAX_PAGE),
        page_token=message.page_token or None,
    )


def page_size(message: Any, default: int) -> int:
    """The request's ``max_results``.

    Raises:
        InvalidInput: not from 1 to 1000.
    """
    if not message.HasField("max_results"):
        return default
    size = int(message.max_results)
    if not 1 <= size <= MAX_PAGE:
        raise InvalidInput.of("max_results", size, f"must be from 1 to {MAX_PAGE}; page_token brings more")
    return size


# --- answers


def candidates_to_proto(records: Sequence[CandidateRecord]) -> list[wire.PromptCandidate]:
    """All candidates of a job, without their texts; those on the Pareto front say so."""
    points = {record.candidate.candidate_id: record.objectives for record in records}
    on_front = front(points)
    return [_candidate_to_proto(record, record.candidate.candidate_id in on_front) for record in records]


def with_texts(message: wire.PromptCandidate, candidate: Candidate) -> wire.PromptCandidate:
    """One of them with its texts."""
    for name in sorted(candidate.texts):
        message.texts[name].MergeFrom(template_to_proto(candidate.texts[name]))
    return message


def _candidate_to_proto(record: CandidateRecord, on_front: bool) -> wire.PromptCandidate:
    candidate = record.candidate
    return wire.PromptCandidate(
        candidate_id=candidate.candidate_id,
        number=record.number,
        status=str(record.status),
        parents=candidate.parents,
        origin=candidate.origin or None,
        reason=well_formed(record.reason) or None,
        scores=record.scores,
        objectives=record.objectives,
        usage=usage_by_role_to_proto(record.usage),
        on_pareto_front=on_front or None,
    )


def evaluation_to_proto(record: EvaluationRecord, trace_id: str | None = None) -> wire.ExampleResult:
    evaluation = record.evaluation
    message = wire.ExampleResult(
        example_id=evaluation.example_id,
        split=record.split,
        output=well_formed(evaluation.output),
        aggregate=None if evaluation.unscored else evaluation.aggregate,
        error=None if evaluation.error is None else well_formed(evaluation.error),
        usage=usage_to_proto(evaluation.usage),
        trace_id=trace_id,
    )
    for name in sorted(evaluation.scores):
        score = evaluation.scores[name]
        message.scores[name].value = score.value
        if score.rationale:
            message.scores[name].rationale = well_formed(score.rationale)
        if score.raw is not None:
            message.scores[name].raw = score.raw
    return message


def scores_to_proto(
    scores: Sequence[ScoredExample], numbers: Mapping[str, int]
) -> service.ListPromptOptimizationEvaluations.Response:
    """The matrix of candidates and examples.

    Args:
        numbers: candidate id → its number; the rows stand in this order.
    """
    example_ids = sorted({entry.example_id for entry in scores})
    columns = {example_id: position for position, example_id in enumerate(example_ids)}
    by_candidate: dict[str, list[ScoredExample]] = {}
    for entry in scores:
        by_candidate.setdefault(entry.candidate_id, []).append(entry)
    answer = service.ListPromptOptimizationEvaluations.Response(example_ids=example_ids)
    for candidate_id in sorted(by_candidate, key=lambda found: (numbers.get(found, len(numbers)), found)):
        entries = by_candidate[candidate_id]  # by example id, as the columns are
        answer.rows.add(
            candidate_id=candidate_id,
            columns=[columns[entry.example_id] for entry in entries] if len(entries) < len(columns) else None,
            scores=[round(entry.value, 6) for entry in entries],
            errors=[columns[entry.example_id] for entry in entries if entry.failed],
        )
    return answer


def promotion_to_proto(promotion: Promotion) -> wire.Promotion:
    return wire.Promotion(
        name=promotion.name,
        alias=promotion.alias,
        version=promotion.version,
        previous_version=promotion.previous_version,
    )


def estimate_to_proto(estimate: Estimate) -> wire.JobEstimate:
    return wire.JobEstimate(
        calls_low=estimate.calls_low,
        calls_high=estimate.calls_high,
        tokens_low=estimate.tokens_low,
        tokens_high=estimate.tokens_high,
        usd_low=estimate.usd_low,
        usd_high=estimate.usd_high,
        seconds_low=estimate.seconds_low,
        seconds_high=estimate.seconds_high,
        detectable_low=estimate.detectable_low,
        detectable_high=estimate.detectable_high,
        warnings=estimate.warnings,
        splits=[wire.SplitChoice(**asdict(choice)) for choice in estimate.splits],
    )
