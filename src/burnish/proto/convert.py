"""Domain values ⇄ protobuf messages: the one mapping that server, SDK and CLI share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

from google.protobuf.descriptor import FieldDescriptor

from burnish.domain.budget import Budget
from burnish.domain.edit import EditReport
from burnish.domain.events import ACTOR_FIELDS, Event, EventKind
from burnish.domain.inputs import DatasetSummary, InputSummary
from burnish.domain.job import (
    Job,
    JobConfig,
    JobStatus,
    OptimizerType,
    Progress,
    StopReason,
    TestScores,
    Verdict,
    parse_settings,
)
from burnish.domain.optimizer_type import FIRST_OWN_NUMBER, WIRE_PREFIX
from burnish.domain.origin import Origin
from burnish.domain.records import JobComparison
from burnish.domain.text import well_formed, well_formed_values
from burnish.domain.usage import NANOS_PER_USD, Role, Usage, UsageByRole
from burnish.errors import InvalidInput, Problem, did_you_mean
from burnish.proto import jobs_pb2 as jobs
from burnish.proto import prompt_optimization_pb2 as wire
from burnish.proto.message import is_map, is_repeated, message_to_json

T = TypeVar("T")

_JobMessage = wire.PromptOptimizationJob
_CONFIG = wire.PromptOptimizationJobConfig.DESCRIPTOR
_MLFLOW_CONFIG = frozenset(field.name for field in _CONFIG.fields if field.number < FIRST_OWN_NUMBER)
_KEPT_BY_MLFLOW = frozenset(
    {
        *(field.name for field in _JobMessage.DESCRIPTOR.fields if field.number < FIRST_OWN_NUMBER),
        "workspace",
        "created_by",
        "kind",
    }
)
"""What MLflow keeps of its own jobs; they have none of our options and none of our numbers."""
_PROGRESS = jobs.JobProgress.DESCRIPTOR
_TEST_SCORES = wire.TestScores.DESCRIPTOR
_DATASET = wire.DatasetSummary.DESCRIPTOR
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
    "workspace",
    *ACTOR_FIELDS,
    "best_score",
)
"""Fields that domain and message hold under one name, as one type."""


# --- jobs


def job_to_json(job: Job) -> dict[str, Any]:
    """The job as the API shows it: the JSON of a ``PromptOptimizationJob``, as ``message_to_json`` would
    write it. What is not known yet, or never, is left out.

    A list of jobs is most of what the API ever writes, and a message in between costs more than this.
    """
    shown = _set(
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
        test_scores=None if job.test_scores is None else _fields_to_json(job.test_scores, _TEST_SCORES),
        verdict=None if job.verdict is None else job.verdict.value,
        stop_reason=None if job.stop_reason is None else job.stop_reason.value,
        usage=_usage_by_role_to_json(job.usage),
        warnings=[well_formed(warning) for warning in job.warnings] or None,
        answers=dict(job.answers) or None,
        attempt=job.attempt,
        best_candidate_id=job.best_candidate_id,
        start_timestamp_ms=job.start_timestamp_ms,
        heartbeat_timestamp_ms=job.heartbeat_timestamp_ms,
        worker_id=job.worker_id,
        cancel_requested=job.cancel_requested or None,
        seconds_spent=float(job.seconds_spent),
        further_optimized_prompt_uris=list(job.optimized_prompt_uris[1:]) or None,
        scorer_notes=_scorer_notes_to_json(job) or None,
        workspace=job.workspace,
        **{name: getattr(job, name) for name in ACTOR_FIELDS},
        **_inputs_to_json(job),
        best_score=job.best_score,
        kind=job.kind.value,
    )
    if job.origin is Origin.BURNISH:
        return shown
    kept = {name: value for name, value in shown.items() if name in _KEPT_BY_MLFLOW}
    config = {name: value for name, value in kept["config"].items() if name in _MLFLOW_CONFIG}
    return {**kept, "config": config, "origin": job.origin.value}


def job_to_proto(job: Job) -> _JobMessage:
    """The same as a message."""
    return _JobMessage(**job_to_json(job))


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
        config=config_from_proto(
            message.config, message.requested_source_prompt_uri or message.source_prompt_uri
        ),
        tags={tag.key: tag.value for tag in message.tags},
        status=JobStatus(jobs.JobStatus.Name(state.status).removeprefix("JOB_STATUS_")),
        cancel_requested=message.cancel_requested,
        status_message=optional(state, "status_message"),
        error_message=optional(state, "error_message"),
        progress=_fields_from_proto(state.progress, Progress) if state.HasField("progress") else None,
        progress_updated_at_ms=optional(state, "progress_updated_at"),
        seconds_spent=message.seconds_spent,
        optimized_prompt_uris=(*optimized, *message.further_optimized_prompt_uris),
        initial_eval_scores=dict(message.initial_eval_scores),
        final_eval_scores=dict(message.final_eval_scores),
        test_scores=(
            _fields_from_proto(message.test_scores, TestScores) if message.HasField("test_scores") else None
        ),
        verdict=Verdict(_JobMessage.Verdict.Name(message.verdict)) if message.verdict else None,
        stop_reason=(
            StopReason(_JobMessage.StopReason.Name(message.stop_reason)) if message.stop_reason else None
        ),
        usage=usage_by_role_from_proto(message.usage),
        warnings=tuple(message.warnings),
        answers=dict(message.answers),
        score_ranges={
            name: notes.range for name, notes in message.scorer_notes.items() if notes.HasField("range")
        },
        unscored_answers={
            name: notes.unscored_answers
            for name, notes in message.scorer_notes.items()
            if notes.HasField("unscored_answers")
        },
        inputs=_inputs_from_proto(message) if message.HasField("models") else None,
    )


def _inputs_to_json(job: Job) -> dict[str, Any]:
    """The fields that say what the job runs on."""
    if (inputs := job.inputs) is None:
        return {}
    return {
        "requested_source_prompt_uri": job.config.source_prompt_uris[0],
        "further_source_prompt_uris": list(inputs.source_prompt_uris[1:]) or None,
        "models": _set(
            target=inputs.model,
            reflection=inputs.reflection_model,
            teacher=inputs.teacher_model,
            judges=list(inputs.judge_models) or None,
        ),
        "dataset": _fields_to_json(inputs.dataset, _DATASET) if inputs.dataset else None,
    }


def _inputs_from_proto(message: _JobMessage) -> InputSummary:
    models = message.models
    return InputSummary(
        source_prompt_uris=(message.source_prompt_uri, *message.further_source_prompt_uris),
        model=models.target,
        reflection_model=optional(models, "reflection"),
        teacher_model=optional(models, "teacher"),
        judge_models=tuple(models.judges),
        dataset=(
            _fields_from_proto(message.dataset, DatasetSummary) if message.HasField("dataset") else None
        ),
    )


def _scorer_notes_to_json(job: Job) -> dict[str, Any]:
    initial, final = job.raw_scores(job.initial_eval_scores), job.raw_scores(job.final_eval_scores)
    return {
        name: _set(
            range=job.score_ranges.get(name),
            initial_raw=initial.get(name),
            final_raw=final.get(name),
            unscored_answers=job.unscored_answers.get(name),
        )
        for name in sorted({*job.score_ranges, *job.unscored_answers})
    }


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
        progress=None if progress is None else _fields_to_json(progress, _PROGRESS),
        progress_updated_at=job.progress_updated_at_ms,
    )


def _text(text: str | None) -> str | None:
    return None if text is None else well_formed(text)


def comparison_to_proto(comparison: JobComparison) -> wire.JobComparison:
    scores = comparison.scores
    return wire.JobComparison(
        job_id=comparison.job_id,
        same_dataset=comparison.same_dataset,
        same_test_split=comparison.same_test_split,
        scores=None if scores is None else _fields_to_json(scores, _TEST_SCORES),
        verdict=None if comparison.verdict is None else comparison.verdict.value,
        reason=comparison.reason or None,
    )


def comparison_from_proto(message: wire.JobComparison) -> JobComparison:
    """Inverse of :func:`comparison_to_proto`."""
    return JobComparison(
        job_id=message.job_id,
        same_dataset=message.same_dataset,
        same_test_split=message.same_test_split,
        scores=_fields_from_proto(message.scores, TestScores) if message.HasField("scores") else None,
        verdict=Verdict(_JobMessage.Verdict.Name(message.verdict)) if message.verdict else None,
        reason=message.reason,
    )


# --- what was asked for


def config_to_proto(config: JobConfig) -> wire.PromptOptimizationJobConfig:
    """All but the first source prompt, which the wire keeps beside the config."""
    return wire.PromptOptimizationJobConfig(**_config_to_json(config))


def _config_to_json(config: JobConfig) -> dict[str, Any]:
    """Fields of one name are taken as they are. MLflow's clients look for the reflection model in
    ``optimizer_config_json``; it stands there too for the optimizers they know."""
    settings = dict(config.optimizer_config)
    if config.reflection_model is not None and config.optimizer_type.is_mlflow:
        settings["reflection_model"] = config.reflection_model
    return _fields_to_json(
        config,
        _CONFIG,
        optimizer_type=config.optimizer_type.wire_name,
        optimizer_config_json=well_formed(json.dumps(settings, ensure_ascii=False)) if settings else None,
        further_source_prompt_uris=list(config.source_prompt_uris[1:]),
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
    message: wire.PromptOptimizationJobConfig, source_prompt_uri: str, base: JobConfig | None = None
) -> tuple[JobConfig, list[Problem]]:
    """As :func:`config_from_proto`, with the problems beside the config.

    An optimizer that cannot be read is taken to be JOINT_SEARCH as it is, which asks for nothing, so
    that the rest of the config can be checked all the same.

    Args:
        base: holds where the message says nothing; of a budget, limit by limit. ``None``: the defaults, and
            the optimizer has to be named.
    """
    problems: list[Problem] = []
    optimizer_type = (
        base.optimizer_type if base and not message.optimizer_type else _optimizer_type(message, problems)
    )
    base = base or JobConfig(source_prompt_uris=())
    settings = _settings_from_json(message.optimizer_config_json, problems)
    unreadable: list[Problem] = []
    known = _known_from_proto(message, JobConfig, unreadable)
    if "reflection_model" in settings:
        named = settings.pop("reflection_model")
        if not isinstance(named, str) or named != known.get("reflection_model", named):
            remedy = "must be a model's URI, and the same as config.reflection_model where both are given"
            problems.append(Problem("config.optimizer_config_json.reflection_model", str(named), remedy))
        elif named:
            known["reflection_model"] = named
    first, further = base.source_prompt_uris[:1], base.source_prompt_uris[1:]
    known |= {
        "source_prompt_uris": (
            *((source_prompt_uri,) if source_prompt_uri else first),
            *filter(None, message.further_source_prompt_uris or further),
        ),
        "optimizer_type": OptimizerType.JOINT_SEARCH if problems else optimizer_type,
    }
    if message.HasField("dataset_id"):
        known["dataset_id"] = message.dataset_id or None
    if message.HasField("budget"):
        known["budget"] = replace(base.budget, **_known_from_proto(message.budget, Budget, unreadable))
    if message.optimizer_config_json or optimizer_type != base.optimizer_type:
        known["optimizer_config"] = {} if problems else settings
    return replace(base, **known), problems + unreadable


def _optimizer_type(message: wire.PromptOptimizationJobConfig, problems: list[Problem]) -> OptimizerType:
    if message.optimizer_type:
        if message.optimizer_type == wire.OPTIMIZER_TYPE_DISTILLATION_100:
            return OptimizerType.DISTILLATION
        name = wire.OptimizerType.Name(message.optimizer_type)
        return OptimizerType(name.removeprefix(WIRE_PREFIX))
    names = [kind.wire_name for kind in OptimizerType]
    problems.append(Problem("config.optimizer_type", "", f"is required: one of {', '.join(names)}"))
    return OptimizerType.JOINT_SEARCH


def _settings_from_json(text: str, problems: list[Problem]) -> dict[str, Any]:
    """With MLflow's words where they are no JSON, as its clients know them."""
    try:
        return parse_settings(text.strip(), "optimizer_config_json")
    except InvalidInput as error:
        field = "config.optimizer_config_json"
        problems += [Problem(field, problem.value, problem.remedy) for problem in error.problems]
        return {}


# --- usage


def usage_to_proto(usage: Usage) -> wire.Usage:
    return wire.Usage(**_usage_to_json(usage))


def _usage_by_role_to_json(usage: UsageByRole) -> dict[str, Any]:
    roles = {role.value: _usage_to_json(usage.roles[role]) for role in sorted(usage.roles)}
    shown = _usage_to_json(usage.total)
    unmetered = shown.pop("unmetered_calls", None)
    return _set(**shown, roles=roles or None, unmetered_calls=unmetered)


def _usage_to_json(usage: Usage) -> dict[str, Any]:
    return _set(
        calls=usage.calls,
        prompt_tokens=None if usage.unmetered else usage.prompt_tokens,
        completion_tokens=None if usage.unmetered else usage.completion_tokens,
        usd=usage.usd,
        unmetered_calls=usage.unmetered or None,
    )


def usage_from_proto(message: wire.Usage) -> Usage:
    nanos = round(message.usd * NANOS_PER_USD) if message.HasField("usd") else None
    return Usage(
        message.calls, message.prompt_tokens, message.completion_tokens, nanos, message.unmetered_calls
    )


def usage_by_role_to_proto(usage: UsageByRole) -> wire.UsageByRole:
    return wire.UsageByRole(**_usage_by_role_to_json(usage))


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
        actor=event.actor,
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
        optional(message, "actor"),
    )


def edit_to_proto(report: EditReport) -> wire.PromptEdit:
    known: dict[str, Any] = {
        name: well_formed(value) if isinstance(value, str) else value
        for name, value in report.to_data().items()
        if value not in (None, "")
    }
    return wire.PromptEdit(**known)


def edit_from_proto(message: wire.PromptEdit) -> EditReport:
    return EditReport.from_data(
        {
            "prompt": "",
            "origin": "",
            **message_to_json(message),
            "kind": wire.PromptEdit.Kind.Name(message.kind),
            "status": wire.PromptEdit.Status.Name(message.status),
        }
    )


# --- fields that domain and message hold under one name


def _fields_to_json(value: Any, descriptor: Any, **own: Any) -> dict[str, Any]:
    """The attributes that are called as a message's fields, in the order of their numbers; without what is
    not known, and without empty lists and maps.

    Args:
        own: fields that are not written as the attribute is.
    """
    shown = {}
    for name, write in _writers(descriptor):
        found = own[name] if name in own else getattr(value, name)
        if found is None or found in ((), [], {}):
            continue
        shown[name] = found if write is None or name in own else write(found)
    return shown


@cache
def _writers(descriptor: Any) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    return tuple((field.name, _writer(field)) for field in descriptor.fields)


def _writer(field: Any) -> Callable[[Any], Any] | None:
    if is_map(field):
        return lambda value: dict(sorted(value.items()))
    if is_repeated(field):
        return list
    if field.message_type is not None:
        return lambda value: _fields_to_json(value, field.message_type)
    return float if field.type == FieldDescriptor.TYPE_DOUBLE else None


def _fields_from_proto(message: Any, part: type[T]) -> T:
    """A dataclass made of a message's fields. What is unset is ``None`` where that may be, or else empty."""
    return part(**{field.name: _value_in(message, field, part) for field in message.DESCRIPTOR.fields})


def _value_in(message: Any, field: Any, part: Any) -> Any:
    value = getattr(message, field.name)
    if is_map(field):
        return dict(value)
    may_be_none = type(None) in get_args(_hints(part)[field.name])
    return None if may_be_none and not message.HasField(field.name) else value


def _known_from_proto(message: Any, part: type, problems: list[Problem]) -> dict[str, Any]:
    """The fields that are set, as keyword arguments of a dataclass."""
    known: dict[str, Any] = {}
    hints = _hints(part)
    for field, value in message.ListFields():
        hint = hints.get(field.name)
        if hint is None:
            continue
        hint = next((kind for kind in get_args(hint) if is_dataclass(kind)), hint)  # of ``Part | None``
        if is_map(field):
            known[field.name] = dict(value)
        elif is_repeated(field):
            known[field.name] = tuple(value)
        elif is_dataclass(hint) and isinstance(hint, type):
            known[field.name] = _fields_from_proto(value, hint)
        elif isinstance(hint, type) and issubclass(hint, StrEnum) and isinstance(value, str):
            if value in list(hint):
                known[field.name] = hint(value)
            else:
                remedy = f"must be one of {', '.join(hint)}{did_you_mean(value, list(hint))}"
                problems.append(Problem(f"config.{field.name}", value, remedy))
        else:
            known[field.name] = value
    return known


@cache
def _hints(part: Any) -> dict[str, Any]:
    return get_type_hints(part)


def _set(**values: Any) -> dict[str, Any]:
    """Without what is not known."""
    return {name: value for name, value in values.items() if value is not None}


def _numbers(scores: Mapping[str, float]) -> dict[str, float] | None:
    return {name: float(scores[name]) for name in sorted(scores)} or None


def optional(message: Any, name: str) -> Any:
    """A field's value, or ``None`` where it is unset."""
    return getattr(message, name) if message.HasField(name) else None
