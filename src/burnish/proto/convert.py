"""Domain values ⇄ protobuf messages: the one mapping that server, SDK and CLI share."""

from __future__ import annotations

import json
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
from burnish.domain.text import well_formed, well_formed_values
from burnish.domain.usage import NANOS_PER_USD, Role, Usage, UsageByRole
from burnish.errors import InvalidInput, Problem
from burnish.proto import jobs_pb2 as jobs
from burnish.proto import prompt_optimization_pb2 as wire
from burnish.proto.message import message_to_json

_JobMessage = wire.PromptOptimizationJob
_MLFLOW_OPTIMIZERS = frozenset({OptimizerType.GEPA, OptimizerType.METAPROMPT})
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


def job_to_proto(job: Job) -> _JobMessage:
    """The job as the API shows it. What is not known yet is left unset."""
    message = _JobMessage(
        **_fields(job, _JOB_SCALARS),
        source_prompt_uri=job.source_prompt_uri,
        optimized_prompt_uri=job.optimized_prompt_uri,
        further_optimized_prompt_uris=job.optimized_prompt_uris[1:],
        state=_state_to_proto(job),
        config=config_to_proto(job.config),
        tags=[wire.PromptOptimizationJobTag(key=key, value=job.tags[key]) for key in sorted(job.tags)],
        initial_eval_scores=job.initial_eval_scores,
        final_eval_scores=job.final_eval_scores,
        usage=usage_by_role_to_proto(job.usage),
        warnings=[well_formed(warning) for warning in job.warnings],
        seconds_spent=job.seconds_spent,
        verdict=job.verdict,
        stop_reason=job.stop_reason,
    )
    if job.cancel_requested:
        message.cancel_requested = True
    if job.test_scores is not None:
        message.test_scores.MergeFrom(wire.TestScores(**_fields(job.test_scores, _TEST_SCORES)))
    return message


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


def _state_to_proto(job: Job) -> jobs.JobState:
    state = jobs.JobState(
        status=f"JOB_STATUS_{job.status}",
        error_message=_text(job.error_message),
        status_message=_text(job.status_message),
        progress_updated_at=job.progress_updated_at_ms,
    )
    if (progress := job.progress) is not None:
        state.progress.MergeFrom(
            jobs.JobProgress(
                phase=progress.phase,
                completed=progress.completed,
                total=progress.total,
                unit=progress.unit,
            )
        )
        if progress.total > 0:
            share = min(progress.completed / progress.total, 1.0)
            state.metadata["progress"] = str(round(share, 2))
    return state


def _text(text: str | None) -> str | None:
    return None if text is None else well_formed(text)


def _progress_from_proto(message: jobs.JobProgress) -> Progress:
    return Progress(message.phase, message.completed, message.total, message.unit)


# --- what was asked for


def config_to_proto(config: JobConfig) -> wire.PromptOptimizationJobConfig:
    """All but the first source prompt, which the wire keeps beside the config.

    MLflow's clients look for the reflection model in ``optimizer_config_json``; it stands there too
    for the optimizers they know.
    """
    settings = dict(config.optimizer_config)
    if config.reflection_model is not None and config.optimizer_type in _MLFLOW_OPTIMIZERS:
        settings["reflection_model"] = config.reflection_model
    return wire.PromptOptimizationJobConfig(
        **_fields(config, _CONFIG_SCALARS),
        optimizer_type=f"OPTIMIZER_TYPE_{config.optimizer_type}",
        dataset_id=config.dataset_id,
        scorers=config.scorers,
        optimizer_config_json=json.dumps(settings, ensure_ascii=False) if settings else None,
        budget=wire.Budget(**_fields(config.budget, _LIMITS)),
        split=wire.Split(**_fields(config.split, _SHARES)),
        further_source_prompt_uris=config.source_prompt_uris[1:],
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
        return OptimizerType(name.removeprefix("OPTIMIZER_TYPE_"))
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
    return wire.Usage(
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        usd=usage.usd,
    )


def usage_from_proto(message: wire.Usage) -> Usage:
    nanos = round(message.usd * NANOS_PER_USD) if message.HasField("usd") else None
    return Usage(message.calls, message.prompt_tokens, message.completion_tokens, nanos)


def usage_by_role_to_proto(usage: UsageByRole) -> wire.UsageByRole:
    total = usage.total
    return wire.UsageByRole(
        calls=total.calls,
        prompt_tokens=total.prompt_tokens,
        completion_tokens=total.completion_tokens,
        usd=total.usd,
        roles={str(role): usage_to_proto(part) for role, part in usage.roles.items()},
    )


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


def _optional(message: Any, name: str) -> Any:
    """A field's value, or ``None`` where it is unset."""
    return getattr(message, name) if message.HasField(name) else None
