"""The job's first calls, made before anything is written: does the model answer at all?"""

from __future__ import annotations

import time

from burnish.domain.records import CallKey, JournalEntry
from burnish.domain.rendering import PlainRenderer, Renderer
from burnish.domain.usage import Usage
from burnish.errors import BudgetExhausted, InvalidInput, ModelError, OutsideFailure
from burnish.evaluation.evaluator import Evaluator
from burnish.evaluation.scorer_set import Aggregation, ScorerSet
from burnish.llm.budget import Ledger
from burnish.llm.gateway import Gateway
from burnish.llm.protocol import AppProvider, Completion
from burnish.planning.plan import Plan
from burnish.planning.preflight import preflight


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
        InvalidInput: the model does not answer; says why and what to do.
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
    return tuple(kept.entries)


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
