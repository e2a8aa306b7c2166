"""The meaning of a filter in plain Python: for jobs that are kept elsewhere, and to compare the SQL with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import isfinite
from typing import Any

from burnish.domain.job import Job
from burnish.domain.origin import Origin
from burnish.domain.score import spellings_of
from burnish.domain.usage import NANOS_PER_USD
from burnish.store.search.expression import COMPARE, And, Comparison, Expression, Not, Operator, Or, Value
from burnish.store.search.fields import Field, Kind
from burnish.store.search.pattern import Pattern

_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = COMPARE


def matches(expression: Expression | None, job: Job) -> bool:
    """Whether the job fits the filter."""
    match expression:
        case None:
            return True
        case And(parts):
            return all(matches(part, job) for part in parts)
        case Or(parts):
            return any(matches(part, job) for part in parts)
        case Not(part):
            return not matches(part, job)
        case Comparison(field, operation, values):
            actual = value_of(field, job)
            return actual is not None and any(_holds(field, actual, operation, value) for value in values)


def value_of(field: Field, job: Job) -> str | int | float | None:
    """The field's value in a job, ``None`` where it is absent. Money is in nano-dollars."""
    match field.name:
        case "tags":
            return job.tags.get(str(field.key))
        case "initial_eval_scores":
            return _score(job.initial_eval_scores, str(field.key))
        case "final_eval_scores":
            return _score(job.final_eval_scores, str(field.key))
        case "test_scores.difference":
            return _finite(job.test_scores.difference) if job.test_scores else None
        case "usage.calls" | "usage.usd" if job.origin is Origin.MLFLOW:
            return None  # MLflow does not count
        case "usage.calls":
            return job.usage.total.calls
        case "usage.usd":
            return job.usage.total.usd_nanos
        case "optimizer_type":
            return job.config.optimizer_type.value
        case "dataset_id":
            return job.config.dataset_id
        case "status":
            return job.status.value
        case "kind":
            return job.kind.value
        case "verdict":
            return job.verdict.value if job.verdict else None
        case name:
            value: str | int | None = getattr(job, name)
            return value


def _holds(field: Field, actual: str | int | float, operation: Operator, value: Value) -> bool:
    if isinstance(value, Pattern):
        return value.matches(str(actual), fold_case=operation is Operator.ILIKE)
    if isinstance(value, Fraction):
        if field.kind is Kind.NUMBER:
            return _COMPARE[operation](actual, float(value))
        if field.kind is Kind.MONEY:
            return _COMPARE[operation](actual, value * NANOS_PER_USD)
    return _COMPARE[operation](actual, value)


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _score(scores: Mapping[str, float], key: str) -> float | None:
    """A score by its own name or by the name of MLflow's class (``correctness``, ``Correctness``)."""
    return next((_finite(scores[name]) for name in spellings_of(key) if name in scores), None)
