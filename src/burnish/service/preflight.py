"""The job's first calls, made before anything is written: does the model answer at all?"""

from __future__ import annotations

import time
from collections.abc import Sequence

from burnish.domain.records import CallKey, JournalEntry
from burnish.domain.rendering import PlainRenderer, Renderer
from burnish.domain.usage import Usage
from burnish.errors import BudgetExhausted, InvalidInput, ModelError, OutsideFailure, Problems
from burnish.evaluation.evaluator import Evaluator
from burnish.evaluation.scorer_set import Aggregation, ScorerSet
from burnish.llm.budget import Ledger
from burnish.llm.gateway import Gateway
from burnish.llm.protocol import AppProvider, Completion
from burnish.planning.checks import check_budget
from burnish.planning.plan import Plan
from burnish.planning.preflight import preflight

_BY_TRACE = (
    "its model calls leave no trace, so what they take is not known and this limit could not be kept: turn "
    "autologging on for the library that makes them (mlflow.openai.autolog()), or use max_calls"
)
_BY_USAGE = (
    'the app does not say what its calls take, so this limit could not be kept: answer "usage" with '
    "prompt_tokens, completion_tokens and usd, or use max_calls"
)


async def first_calls(
    gateway: Gateway,
    plan: Plan,
    app: AppProvider | None = None,
    aggregation: Aggregation | None = None,
    renderer: Renderer | None = None,
) -> tuple[JournalEntry, ...]:
    """Make the job's first calls as the job itself would.

    Args:
        app: who runs the job's app, where it has one.
        aggregation: the user's own, where there is one.
        renderer: fills the prompts in.

    Returns:
        The finished calls, with which its journal begins; none where there is no data to ask about.

    Raises:
        InvalidInput: the model does not answer; says why and what to do. Or a limit of the job cannot be kept
            with its app, or is too small for what one run of it takes.
        ScorerFailed: a scorer cannot score.
    """
    kept = _KeptCalls()
    if not plan.splits.validation:
        return ()
    learning = (*plan.splits.train, *plan.splits.validation)
    for entry in plan.scorers:
        entry.scorer.prepare(learning)
    model = gateway.for_job(
        ledger=Ledger(plan.config.budget, time.monotonic), journal=kept, config=plan.config, app=app
    )
    scorers = ScorerSet(plan.scorers, aggregation=aggregation)
    evaluate = Evaluator(
        target=plan.target_of(model, renderer or PlainRenderer()), model=model, scorers=scorers
    )
    try:
        await preflight(plan, evaluate, model.answers)
    except (ModelError, OutsideFailure, BudgetExhausted) as error:
        shown = str(error).removeprefix(f"{plan.target.uri}: ")
        where = plan.config.app
        field = "model" if where is None else "config.app.url" if where.url else "predict_fn"
        raise InvalidInput.of(field, plan.target.uri, shown) from error
    if plan.config.app is not None:
        _check_limits(plan, [entry.usage for entry in kept.entries if entry.run is not None])
    return tuple(kept.entries)


def _check_limits(plan: Plan, runs: Sequence[Usage]) -> None:
    """Whether the limits can be kept, as the app's first run shows.

    Raises:
        InvalidInput
    """
    problems, budget = Problems(), plan.config.budget
    unknown = _BY_USAGE if plan.config.app and plan.config.app.url else _BY_TRACE
    if budget.max_tokens is not None and any(usage.unmetered for usage in runs):
        problems.add("budget.max_tokens", budget.max_tokens, unknown)
    if budget.max_usd is not None and any(usage.usd_nanos is None for usage in runs):
        unpriced = "the price of a model that it asks is not known; use max_calls or max_tokens"
        remedy = unknown if any(usage.unmetered for usage in runs) else unpriced
        problems.add("budget.max_usd", budget.max_usd, remedy)
    calls = max((usage.calls for usage in runs), default=0)
    if calls > 1:
        problems.collect(lambda: check_budget(plan.with_calls_per_run(calls)))
    problems.check()


class _KeptCalls:
    """A journal in memory (``llm.protocol.Journal``) for a job that does not exist yet."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []

    def find(self, key: CallKey) -> Completion | None:
        return None

    async def begin(self, key: CallKey, reserved: Usage) -> None:
        pass

    async def finish(self, key: CallKey, completion: Completion) -> None:
        self.entries.append(completion.to_entry(key))

    async def abandon(self, key: CallKey) -> None:
        pass
