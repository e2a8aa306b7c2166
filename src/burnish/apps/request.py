"""What a call of ``burnish.optimize_prompts`` asks for, read into a job's configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from burnish.domain.answer import Thinking
from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.job import JobConfig, OptimizerType, RegisterPolicy, SplitFractions, TracePolicy
from burnish.errors import InvalidInput, Problems, did_you_mean

_READ = {
    "split": SplitFractions.parse,
    "register": RegisterPolicy,
    "traces": TracePolicy,
    "thinking": Thinking,
}
_NOT_OF_APPS = frozenset(
    {"source_prompt_uris", "dataset_id", "optimizer_type", "optimizer_config", "app", "model", "scorers"}
)
_OPTIONS = tuple(entry.name for entry in fields(JobConfig) if entry.name not in _NOT_OF_APPS)


def read_config(
    app: App,
    prompt_uris: Sequence[str],
    optimizer: Any,
    scorers: Sequence[str],
    dataset_id: str | None,
    options: Mapping[str, Any],
) -> JobConfig:
    """
    Args:
        optimizer: a name, settings with a ``name``, or an optimizer of MLflow's.
        options: of a job, by name.

    Raises:
        InvalidInput: with every option that does not exist or cannot be read.
    """
    problems = Problems()
    known: dict[str, Any] = {}
    for name, value in options.items():
        if name not in _OPTIONS:
            problems.add(name, value, f"there is no such option{did_you_mean(name, _OPTIONS)}")
        elif name == "budget" and isinstance(value, Mapping):
            known[name] = problems.collect(partial(_budget, value))
        elif isinstance(value, str) and name in _READ:
            known[name] = problems.collect(partial(_read, name, value))
        else:
            known[name] = value
    found = problems.collect(lambda: read_optimizer(optimizer))
    if problems or found is None:
        raise problems.error()
    kind, settings = found
    reflection = settings.pop("reflection_model", None)
    known.setdefault("reflection_model", reflection)
    return JobConfig(
        source_prompt_uris=tuple(prompt_uris),
        dataset_id=dataset_id,
        scorers=tuple(scorers),
        optimizer_type=kind,
        optimizer_config=settings,
        app=app,
        **known,
    )


def read_optimizer(value: Any) -> tuple[OptimizerType, dict[str, Any]]:
    """
    Raises:
        InvalidInput: there is no such optimizer.
    """
    if isinstance(value, str):
        return OptimizerType.parse(value), {}
    if isinstance(value, Mapping):
        settings = dict(value)
        name = settings.pop("name", None)
        if not isinstance(name, str):
            raise InvalidInput.of("optimizer", "", "settings name their optimizer: {'name': 'gepa', …}")
        return OptimizerType.parse(name), settings
    match type(value).__name__:
        case "GepaPromptOptimizer":
            names = ("reflection_model", "max_metric_calls", "gepa_kwargs")
            return OptimizerType.GEPA, _attributes(value, names)
        case "MetaPromptOptimizer":
            return OptimizerType.METAPROMPT, _attributes(
                value, ("reflection_model", "lm_kwargs", "guidelines")
            )
    remedy = "must be an optimizer's name, settings with a 'name', or MLflow's GepaPromptOptimizer"
    raise InvalidInput.of("optimizer", type(value).__name__, remedy)


def _attributes(value: Any, names: Sequence[str]) -> dict[str, Any]:
    found = {name: getattr(value, name, None) for name in names}
    return {name: entry for name, entry in found.items() if entry not in (None, {})}


def _budget(value: Mapping[str, Any]) -> Budget:
    known = [entry.name for entry in fields(Budget)]
    for name in value:
        if name not in known:
            raise InvalidInput.of(f"budget.{name}", value[name], f"must be one of {', '.join(known)}")
    return Budget(**value)


def _read(name: str, value: str) -> Any:
    try:
        return _READ[name](value)
    except ValueError:
        raise InvalidInput.of(name, value, f"must be one of {', '.join(_READ[name])}") from None  # type: ignore[arg-type]
