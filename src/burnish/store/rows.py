"""Domain values as rows of ``tables``, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from enum import EnumType
from math import isfinite
from operator import itemgetter
from typing import Any

from sqlalchemy import Row

from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.events import ACTOR_FIELDS
from burnish.domain.inputs import InputSummary
from burnish.domain.job import (
    MAX_TAG_KEY_CHARACTERS,
    MAX_TAG_VALUE_CHARACTERS,
    Job,
    JobConfig,
    JobStatus,
    Progress,
    SplitFractions,
    StopReason,
    TestScores,
    Verdict,
)
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.store.encoding import (
    MAX_NAME_LENGTH,
    check_searchable,
    from_json,
    from_plain_json,
    storable,
    to_json,
)
from burnish.store.inputs import summary_from_json, summary_to_json

_COLUMNS = (
    "job_id",
    "experiment_id",
    "status",
    "attempt",
    "cancel_requested",
    "worker_id",
    "heartbeat_timestamp_ms",
    "creation_timestamp_ms",
    "start_timestamp_ms",
    "completion_timestamp_ms",
    "run_id",
    "verdict",
    "workspace",
    *ACTOR_FIELDS,
)
"""Fields of :class:`Job` that are columns of their own; every other one is in ``body``."""

TAG_START_LENGTH = 250
"""How much of a tag's value is indexed, characters."""

_IN_BODY = tuple(entry.name for entry in fields(Job) if entry.name not in (*_COLUMNS, "config"))
_IN_CONFIG = frozenset(entry.name for entry in fields(JobConfig))
_columns_of = itemgetter(*_COLUMNS)


def job_to_row(job: Job) -> dict[str, Any]:
    """The columns of ``tables.jobs`` for a job, without ``last_sequence``.

    Raises:
        InvalidInput: a searchable text holds what no database takes.
    """
    usage = job.usage.total
    row: dict[str, Any] = {name: getattr(job, name) for name in _COLUMNS}
    row |= {
        "kind": job.kind,
        "optimizer_type": job.config.optimizer_type,
        "source_prompt_uri": job.source_prompt_uri,
        "optimized_prompt_uri": job.optimized_prompt_uri,
        "dataset_id": job.config.dataset_id,
        "test_difference": _finite(job.test_scores.difference) if job.test_scores else None,
        "usage_calls": usage.calls,
        "usage_usd_nanos": usage.usd_nanos,
        "config": to_json(_config_to_json(job.config)),
        "body": to_json({name: _body_to_json(name, getattr(job, name)) for name in _IN_BODY}),
    }
    for name, value in row.items():
        if isinstance(value, str) and name not in ("config", "body"):
            check_searchable(name, value)
    return row


def tag_rows(job: Job) -> list[dict[str, Any]]:
    """Rows of ``tables.tags``."""
    return [
        {
            "job_id": job.job_id,
            "key": check_searchable("tags", key, MAX_TAG_KEY_CHARACTERS),
            "value": check_searchable(f"tags.{key}", value, MAX_TAG_VALUE_CHARACTERS),
            "value_start": value[:TAG_START_LENGTH],
            "experiment_id": job.experiment_id,
            "creation_timestamp_ms": job.creation_timestamp_ms,
        }
        for key, value in job.tags.items()
    ]


def score_rows(job: Job) -> list[dict[str, Any]]:
    """Rows of ``tables.scores``: every initial and final score that can be searched for. A name or a
    number that no index takes stays in the job's body only; a job does not fail for it."""

    def rows(kind: str, values: Mapping[str, float]) -> Iterator[dict[str, Any]]:
        for name, value in values.items():
            if isfinite(value) and storable(name) and len(name) <= MAX_NAME_LENGTH:
                yield {
                    "job_id": job.job_id,
                    "kind": kind,
                    "name": name,
                    "value": float(value),
                    "experiment_id": job.experiment_id,
                    "creation_timestamp_ms": job.creation_timestamp_ms,
                }

    return [*rows("initial", job.initial_eval_scores), *rows("final", job.final_eval_scores)]


def job_from_row(row: Row[Any]) -> Job:
    """Inverse of :func:`job_to_row`."""
    columns = row._mapping
    values = dict(zip(_COLUMNS, _columns_of(columns), strict=True))
    body = from_plain_json(columns["body"])
    values |= {name: body[name] for name in _IN_BODY if name in body}
    for name, read in _READ.items():
        if (value := values.get(name)) is not None:
            values[name] = read(value)
    return Job(config=_config_from_json(from_json(columns["config"])), **values)


def usage_to_json(usage: UsageByRole) -> dict[str, Any]:
    """JSON form of a usage split by role."""
    return {role.value: spent.as_json() for role, spent in usage.roles.items()}


def usage_from_json(value: Mapping[str, Any]) -> UsageByRole:
    """Inverse of :func:`usage_to_json`."""
    return UsageByRole({Role(role): Usage(**spent) for role, spent in value.items()})


def _body_to_json(name: str, value: Any) -> Any:
    if name == "usage":
        return usage_to_json(value)
    if isinstance(value, InputSummary):
        return summary_to_json(value)
    if isinstance(value, (Progress, TestScores)):
        return asdict(value)
    return dict(value) if isinstance(value, Mapping) else value


_READ: Mapping[str, Callable[[Any], Any]] = {
    "status": JobStatus,
    "verdict": Verdict,
    "stop_reason": StopReason,
    "progress": lambda value: Progress(**value),
    "test_scores": lambda value: TestScores(**value),
    "usage": usage_from_json,
    "inputs": summary_from_json,
    "optimized_prompt_uris": tuple,
    "warnings": tuple,
}
"""How the fields of a job are read that neither a column nor JSON holds as they are."""


def _config_to_json(config: JobConfig) -> dict[str, Any]:
    values = {entry.name: getattr(config, entry.name) for entry in fields(config)}
    return values | {
        "inputs": dict(config.inputs),
        "optimizer_config": dict(config.optimizer_config),
        "budget": asdict(config.budget),
        "split": asdict(config.split) if config.split else None,
        "app": asdict(config.app) if config.app else None,
    }


def _config_from_json(stored: Mapping[str, Any]) -> JobConfig:
    values = {name: stored[name] for name in _IN_CONFIG if name in stored}
    values["source_prompt_uris"] = tuple(stored["source_prompt_uris"])
    values["scorers"] = tuple(stored["scorers"])
    values["budget"] = Budget(**stored["budget"])
    values["split"] = SplitFractions(**stored["split"]) if stored["split"] else None
    values["app"] = App(**stored["app"]) if stored.get("app") else None
    for row in JobConfig.options():
        if row.name in values and isinstance(row.kind, EnumType):
            values[row.name] = row.kind(values[row.name])
    return JobConfig(**values)


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
