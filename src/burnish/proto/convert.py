"""Domain values ⇄ protobuf messages: the one mapping that server, SDK and CLI share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from burnish.domain.budget import Budget
from burnish.domain.events import Event, EventKind
from burnish.domain.job import (
    Job,
    JobConfig,
    JobStatus,
    OptimizerType,
    Progress,
    SplitFractions,
    StopReason,
    TestScores,
    Verdict,
)
from burnish.domain.optimizer_type import WIRE_PREFIX
from burnish.domain.text import well_formed, well_formed_values
from burnish.domain.usage import NANOS_PER_USD, Role, Usage, UsageByRole
from burnish.errors import InvalidInput, Problem
from burnish.proto import jobs_pb2 as jobs
from burnish.proto import prompt_optimization_pb2 as wire
from burnish.proto.message import message_from_json, message_to_json

_JobMessage = wire.PromptOptimizationJob
_CONFIG_SCALARS = (
    "model",
    "reflection_model",
    "seed",
    "concurrency",
    "max_output_tokens",
    "call_timeout_seconds",
    "failure_share",
)
_LIMITS = ("max_calls", "max_tokens", "max_usd", "max_seconds")
_SHARES = ("train", "validation", "test")
_PROGRESS = ("phase", "completed", "total", "unit")
_TEST_SCORES = ("initial", "final", "difference", "ci_low", "ci_high", "examples")
_JOB_SCALARS = (
    "job_id",
    "experiment_id",
    "creation_timestamp_ms",
    "attempt",
    "worker_id",
    "heartbeat_timestamp_ms",
    "start_timestamp_ms",
    "completion_timestamp_ms",
    "run_id",
    "best_candidate_id",
)
"""Fields that domain and message hold under one name, as one type."""


# --- jobs


def job_to_json(job: Job) -> dict[str, Any]:
    """The job as the API shows it: the JSON of a ``PromptOptimizationJob``, as ``message_to_json`` would
    write it. What is not known yet is left out.

    A list of jobs is most of what the API ever writes, and a message in between costs more than this.
    """
    return _set(
        job_id=job.job_id,
        run_id=job.run_id,
        state=_state_to_json(job),
        experiment_id=job.experiment_id,
        source_prompt_uri=job.source_prompt_uri,
        optimized_prompt_uri=job.optimized_prompt_uri,
        config=_config_to_json(job.config),
        creation_timestamp_ms=job.creation_timestamp_ms,
        completion_timestamp_ms=job.completion_timestamp_ms,
        tags=[{"key": key, "value": job.tags[key]} for key in sorted(job.tags)] or None,
        initial_eval_scores=_numbers(job.initial_eval_scores),
        final_eval_scores=_numbers(job.final_eval_scores),
        test_scores=None if job.test_scores is None else _fields(job.test_scores, _TEST_SCORES),
        verdict=None if job.verdict is None else job.verdict.value,
        stop_reason=None if job.stop_reason is None else job.stop_reason.value,
        usage=_usage_by_role_to_json(job.usage),
        warnings=[well_formed(warning) for warning in job.warnings] or None,
        attempt=job.attempt,
        best_candidate_id=job.best_candidate_id,
        start_timestamp_ms=job.start_timestamp_ms,
        heartbeat_timestamp_ms=job.heartbeat_timestamp_ms,
        worker_id=job.worker_id,
        cancel_requested=job.cancel_requested or None,
        seconds_spent=float(job.seconds_spent),
        further_optimized_prompt_uris=list(job.optimized_prompt_uris[1:]) or None,
    )


def job_to_proto(job: Job) -> _JobMessage:
    """The same as a message."""
    return message_from_json(job_to_json(job), _JobMessage())


def job_from_proto(message: _JobMessage) -> Job:
    """Inverse of :func:`job_to_proto`.

    Raises:
        InvalidInput: the message is no whole job (a server of another kind sent it).
    """
    known = {name: getattr(message, name) for name in _JOB_SCALARS if message.HasField(name)}
    for name in ("job_id", "experiment_id", "creation_timestamp_ms"):
        known.setdefault(name, type(getattr(message, name))())
    optimized = (message.optimized_prompt_uri,) if message.HasField("optimized_prompt_uri") else ()
    state = message.state
    return Job(
        **known,
        config=config_from_proto(message.config, message.source_prompt_uri),
        tags={tag.key: tag.value for tag in message.tags},
        status=JobStatus(jobs.JobStatus.Name(state.status).removeprefix("JOB_STATUS_")),
        cancel_requested=message.cancel_requested,
        status_message=_optional(state, "status_message"),
        error_message=_optional(state, "error_message"),
        progress=_progress_from_proto(state.progress) if state.HasField("progress") else None,
        progress_updated_at_ms=_optional(state, "progress_updated_at"),
        seconds_spent=message.seconds_spent,
        optimized_prompt_uris=(*optimized, *message.further_optimized_prompt_uris),
        initial_eval_scores=dict(message.initial_eval_scores),
        final_eval_scores=dict(message.final_eval_scores),
        test_scores=(
            TestScores(**{name: getattr(message.test_scores, name) for name in _TEST_SCORES})
            if message.HasField("test_scores")
            else None
        ),
        verdict=Verdict(_JobMessage.Verdict.Name(message.verdict)) if message.verdict else None,
        stop_reason=(
            StopReason(_JobMessage.StopReason.Name(message.stop_reason)) if message.stop_reason else None
        ),
        usage=usage_by_role_from_proto(message.usage),
        warnings=tuple(message.warnings),
    )


def _state_to_json(job: Job) -> dict[str, Any]:
    progress = job.progress
    metadata = None
    if progress is not None and progress.total > 0:
        metadata = {"progress": str(round(min(progress.completed / progress.total, 1.0), 2))}
    return _set(
        status=f"JOB_STATUS_{job.status.value}",
        error_message=_text(job.error_message),
        metadata=metadata,
        status_message=_text(job.status_message),
        progress=None if progress is None else _fields(progress, _PROGRESS),
        progress_updated_at=job.progress_updated_at_ms,
    )


def _text(text: str | None) -> str | None:
    return None if text is None else well_formed(text)


def _progress_from_proto(message: jobs.JobProgress) -> Progress:
    return Progress(message.phase, message.completed, message.total, message.unit)


# --- what was asked for


def config_to_proto(config: JobConfig) -> wire.PromptOptimizationJobConfig:
    """All but the first source prompt, which the wire keeps beside the config."""
    return message_from_json(_config_to_json(config), wire.PromptOptimizationJobConfig())


def _config_to_json(config: JobConfig) -> dict[str, Any]:
    """MLflow's clients look for the reflection model in ``optimizer_config_json``; it stands there too
    for the optimizers they know."""
    settings = dict(config.optimizer_config)
    if config.reflection_model is not None and config.optimizer_type.is_mlflow:
        settings["reflection_model"] = config.reflection_model
    return _set(
        optimizer_type=config.optimizer_type.wire_name,
        dataset_id=config.dataset_id,
        scorers=list(config.scorers) or None,
        optimizer_config_json=well_formed(json.dumps(settings, ensure_ascii=False)) if settings else None,
        model=config.model,
        reflection_model=config.reflection_model,
        budget=_set(**_fields(config.budget, _LIMITS)),
        split=_fields(config.split, _SHARES),
        seed=config.seed,
        concurrency=config.concurrency,
        max_output_tokens=config.max_output_tokens,
        call_timeout_seconds=float(config.call_timeout_seconds),
        failure_share=float(config.failure_share),
        further_source_prompt_uris=list(config.source_prompt_uris[1:]) or None,
    )


def config_from_proto(message: wire.PromptOptimizationJobConfig, source_prompt_uri: str) -> JobConfig:
    """Inverse of :func:`config_to_proto`; what is unset gets its default.

    Raises:
        InvalidInput: the optimizer is not named, its settings are not one JSON object, or they name
            another reflection model than the config does. Values in themselves are not checked here.
    """
    config, problems = read_config(message, source_prompt_uri)
    if problems:
        raise InvalidInput(*problems)
    return config


def read_config(
    message: wire.PromptOptimizationJobConfig, source_prompt_uri: str
) -> tuple[JobConfig, list[Problem]]:
    """As :func:`config_from_proto`, with the problems beside the config.

    An optimizer that cannot be read is taken to be JOINT_SEARCH as it is, which asks for nothing, so
    that the rest of the config can be checked all the same.
    """
    problems: list[Problem] = []
    optimizer_type = _optimizer_type(message, problems)
    settings = _settings_from_json(message.optimizer_config_json, problems)
    known = {name: getattr(message, name) for name in _CONFIG_SCALARS if message.HasField(name)}
    if "reflection_model" in settings:
        named = settings.pop("reflection_model")
        if not isinstance(named, str) or named != known.get("reflection_model", named):
            remedy = "must be a model's URI, and the same as config.reflection_model where both are given"
            problems.append(Problem("config.optimizer_config_json.reflection_model", str(named), remedy))
        elif named:
            known["reflection_model"] = named
    config = JobConfig(
        **known,
        source_prompt_uris=tuple(filter(None, (source_prompt_uri, *message.further_source_prompt_uris))),
        dataset_id=message.dataset_id or None,
        scorers=tuple(message.scorers),
        optimizer_type=OptimizerType.JOINT_SEARCH if problems else optimizer_type,
        optimizer_config={} if problems else settings,
        budget=Budget(**{name: _optional(message.budget, name) for name in _LIMITS}),
        split=_split_from_proto(message.split) if message.HasField("split") else SplitFractions(),
    )
    return config, problems


def _optimizer_type(message: wire.PromptOptimizationJobConfig, problems: list[Problem]) -> OptimizerType:
    if message.optimizer_type:
        name = wire.OptimizerType.Name(message.optimizer_type)
        return OptimizerType(name.removeprefix(WIRE_PREFIX))
    names = [entry.name for entry in wire.OptimizerType.DESCRIPTOR.values if entry.number]
    problems.append(Problem("config.optimizer_type", "", f"is required: one of {', '.join(names)}"))
    return OptimizerType.JOINT_SEARCH


def _split_from_proto(message: wire.Split) -> SplitFractions:
    """A share that is not named is 0: the three that are named must sum to 1 by themselves."""
    return SplitFractions(**{name: getattr(message, name) for name in _SHARES})


def _settings_from_json(text: str, problems: list[Problem]) -> dict[str, Any]:
    if not text.strip():
        return {}
    field = "config.optimizer_config_json"
    try:
        settings = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        problems.append(Problem(field, text, f"is not JSON ({error})"))
        return {}
    if not isinstance(settings, dict):
        problems.append(Problem(field, text, 'must be a JSON object, such as {"max_metric_calls": 100}'))
        return {}
    return settings


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


# --- usage


def usage_to_proto(usage: Usage) -> wire.Usage:
    return wire.Usage(**_usage_to_json(usage))


def _usage_by_role_to_json(usage: UsageByRole) -> dict[str, Any]:
    roles = {role.value: _usage_to_json(usage.roles[role]) for role in sorted(usage.roles)}
    return _usage_to_json(usage.total) | ({"roles": roles} if roles else {})


def _usage_to_json(usage: Usage) -> dict[str, Any]:
    return _set(
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        usd=usage.usd,
    )


def usage_from_proto(message: wire.Usage) -> Usage:
    nanos = round(message.usd * NANOS_PER_USD) if message.HasField("usd") else None
    return Usage(message.calls, message.prompt_tokens, message.completion_tokens, nanos)


def usage_by_role_to_proto(usage: UsageByRole) -> wire.UsageByRole:
    roles = {role.value: usage_to_proto(part) for role, part in usage.roles.items()}
    return wire.UsageByRole(**_usage_to_json(usage.total), roles=roles)


def usage_by_role_from_proto(message: wire.UsageByRole) -> UsageByRole:
    """The total is what the roles add up to; it is not read."""
    return UsageByRole({Role(name): usage_from_proto(message.roles[name]) for name in sorted(message.roles)})


# --- events


def event_to_proto(event: Event) -> wire.JobEvent:
    message = wire.JobEvent(
        sequence=event.sequence,
        attempt=event.attempt,
        timestamp_ms=event.timestamp_ms,
        kind=event.kind,
    )
    try:
        message.data.update(event.data)
    except UnicodeEncodeError:
        message.data.update(well_formed_values(dict(event.data)))
    return message


def event_from_proto(message: wire.JobEvent, job_id: str) -> Event:
    return Event(
        job_id,
        message.sequence,
        message.attempt,
        message.timestamp_ms,
        EventKind(wire.JobEvent.Kind.Name(message.kind)),
        message_to_json(message.data),
    )


def _fields(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Attributes by name. A message takes ``None`` for unset."""
    return {name: getattr(value, name) for name in names}


def _set(**values: Any) -> dict[str, Any]:
    """Without what is not known."""
    return {name: value for name, value in values.items() if value is not None}


def _numbers(scores: Mapping[str, float]) -> dict[str, float] | None:
    return {name: float(scores[name]) for name in sorted(scores)} or None


def _optional(message: Any, name: str) -> Any:
    """A field's value, or ``None`` where it is unset."""
    return getattr(message, name) if message.HasField(name) else None
