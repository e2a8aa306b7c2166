"""``burnish.optimize_prompts``: MLflow's call of that name, as a durable job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from burnish.apps.blocking import run_blocking
from burnish.domain.budget import Budget
from burnish.domain.job import RegisterPolicy, SplitFractions

if TYPE_CHECKING:
    from burnish.apps.result import OptimizationResult


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
            with these columns, or an MLflow dataset; ``None`` for metaprompt without data.
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
    from burnish.apps.session import AppCall, run_call

    call = AppCall(
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
    return run_blocking(lambda: run_call(call))
