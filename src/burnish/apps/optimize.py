"""``burnish.optimize_prompts``: MLflow's call of that name, as a durable job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from burnish.apps.blocking import run_blocking
from burnish.apps.function_app import FunctionApp
from burnish.apps.prompt_override import patched
from burnish.apps.scorers import GivenScorers
from burnish.apps.session import AppJob, completed, offline_services
from burnish.apps.tracing import tracing
from burnish.apps.train_data import read_train_data
from burnish.bootstrap import OfflineServices
from burnish.domain.budget import Budget
from burnish.domain.job import Job, RegisterPolicy, SplitFractions
from burnish.domain.prompt import Prompt
from burnish.errors import Problems
from burnish.mlflow_import import load_mlflow
from burnish.planning.resolver import read_prompts

if TYPE_CHECKING:
    from burnish.apps.result import OptimizationResult

log = logging.getLogger("burnish.apps")


class AppOptions(TypedDict, total=False):
    """Options of ``optimize_prompts`` beside MLflow's, as keyword arguments.

    Keys:
        budget: hard limits, ``Budget(max_calls=500)`` or ``{"max_calls": 500}``.
        split: shares of train, validation and test, such as ``"0.5/0.25/0.25"``.
        concurrency: examples in work at once.
        call_timeout_seconds: a run of ``predict_fn`` that takes longer is left and counts as failed.
        failure_share: more failures than this share of the last 20 runs stop the job.
        reflection_model: URI of the model that writes proposals.
        register: when the winner becomes a new version; ``improved`` (by the sealed test) unless said.
        store_uri: of the store that keeps the job; the embedded one unless said.
    """

    budget: Budget | Mapping[str, float]
    split: SplitFractions | str
    seed: int
    concurrency: int
    call_timeout_seconds: float
    failure_share: float
    max_unscored_share: float
    reflection_model: str | None
    register: RegisterPolicy | str
    store_uri: str


def optimize_prompts(
    *,
    predict_fn: Callable[..., Any],
    train_data: Any = None,
    prompt_uris: Sequence[str],
    optimizer: Any = "gepa",
    scorers: Sequence[Any] | None = None,
    aggregation: Callable[[dict[str, Any]], float] | None = None,
    enable_tracking: bool = True,
    resume: bool = False,
    **options: Unpack[AppOptions],
) -> OptimizationResult:
    """Optimize the prompts that a function uses, where it is.

    This is ``mlflow.genai.optimize_prompts`` with a journal, a budget and a sealed test.

    Inside the function every ``PromptVersion`` of the prompts under optimization shows the candidate's text,
    whenever and however it was loaded. The job stands in the store like any other; a call that died or was
    interrupted goes on with ``resume=True`` and pays only for what was in flight.

    Args:
        predict_fn: sync or async; is given an example's inputs as keyword arguments.
        train_data: a list of dicts with ``inputs`` and ``expectations`` (or ``outputs``), a pandas DataFrame
            with these columns, an MLflow dataset, or traces (a list, or what ``mlflow.search_traces``
            returns); ``None`` for metaprompt without data.
        prompt_uris: ``prompts:/NAME/VERSION``, those that ``predict_fn`` uses.
        optimizer: a name (``"gepa"``), settings with a ``name``, or MLflow's ``GepaPromptOptimizer``.
        scorers: MLflow's scorers, or names such as ``"exact_match"``.
        aggregation: scorer name → what it returned, to one number in [0, 1]; ``None``: the mean.
        enable_tracking: whether there is an MLflow run, and traces of the evaluations.
        resume: go on with the latest job of the same call; one that has completed is returned as it is.

    Returns:
        MLflow's ``PromptOptimizationResult`` with ``test_scores``, ``verdict`` and ``job_id``.

    Raises:
        InvalidInput: something cannot work; names every problem, before anything is paid.
        InvalidState: with ``resume``: another process runs the job.
        JobFailed: the job has failed or was canceled; says why.
    """
    call = _Call(
        predict_fn=predict_fn,
        train_data=train_data,
        prompt_uris=prompt_uris,
        optimizer=optimizer,
        scorers=scorers or (),
        aggregation=aggregation,
        enable_tracking=enable_tracking,
        resume=resume,
        options=dict(options),
    )
    return run_blocking(lambda: _run(call))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    predict_fn: Callable[..., Any]
    train_data: Any
    prompt_uris: Sequence[str]
    optimizer: Any
    scorers: Sequence[Any]
    aggregation: Callable[[Any], float] | None
    enable_tracking: bool
    resume: bool
    options: Mapping[str, Any]


async def _run(call: _Call) -> OptimizationResult:
    load_mlflow()
    from burnish.apps.result import OptimizationResult

    _check_functions(call)
    app = FunctionApp(call.predict_fn)
    own_way = call.aggregation is not None
    try:
        async with offline_services(call.options, tracked=call.enable_tracking) as offline:
            with patched(), tracing(call.enable_tracking):
                wanted = AppJob(
                    app=app.app,
                    provider=app,
                    prompts=await asyncio.to_thread(_prompts, offline, call.prompt_uris),
                    dataset=await asyncio.to_thread(read_train_data, call.train_data, call.predict_fn),
                    scorers=GivenScorers(
                        call.scorers, app.find_trace, offline.settings.judge_model, as_they_are=own_way
                    ),
                    optimizer=call.optimizer,
                    options=call.options,
                    aggregation=call.aggregation,
                    resume=call.resume,
                )
                async with completed(wanted, offline) as (_, job):
                    versions = await asyncio.to_thread(_versions, job, wanted.prompts)
    finally:
        app.close()
    if app.unused:
        unused = f"predict_fn has looked at no text of {', '.join(sorted(app.unused))}"
        job = replace(job, warnings=(*job.warnings, unused))
    for warning in job.warnings:
        log.warning("%s", warning)
    return OptimizationResult.of(job, versions)


def _check_functions(call: _Call) -> None:
    problems = Problems()
    functions: dict[str, Any] = {"predict_fn": call.predict_fn, "aggregation": call.aggregation}
    for name, value in functions.items():
        if value is not None and not callable(value):
            problems.add(name, type(value).__name__, "must be a function")
    if call.train_data is None and call.scorers:
        problems.add("scorers", "", "there is no train_data to score")
    problems.check()


def _prompts(offline: OfflineServices, given: Sequence[Any]) -> tuple[Prompt, ...]:
    problems = Problems()
    if isinstance(given, str) or not given:
        problems.add("prompt_uris", given, "list the prompts that predict_fn uses: prompts:/NAME/VERSION")
        given = ()
    uris = (str(getattr(entry, "uri", entry)) for entry in given)
    prompts = read_prompts(offline.tracker, uris, "prompt_uris", problems)
    problems.check()
    return prompts


def _versions(job: Job, prompts: Sequence[Prompt]) -> list[Any]:
    """MLflow's objects of what was registered, or else of what was given."""
    import mlflow

    registered = job.optimized_prompt_uris or tuple(prompt.uri or "" for prompt in prompts)
    return [mlflow.genai.load_prompt(uri, cache_ttl_seconds=0) for uri in registered]
