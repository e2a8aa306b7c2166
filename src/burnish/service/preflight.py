"""The job's first calls, made before anything is written: does the model answer at all?"""

from __future__ import annotations

import time

from burnish.domain.records import JournalEntry
from burnish.domain.usage import Usage
from burnish.errors import BudgetExhausted, InvalidInput, ModelError, OutsideFailure
from burnish.evaluation.evaluator import Evaluator
from burnish.evaluation.scorer_set import ScorerSet
from burnish.llm.budget import Ledger
from burnish.llm.gateway import Gateway
from burnish.llm.journal_entry import entry_of
from burnish.llm.protocol import AnyRequest, AppProvider, Completion, Purpose
from burnish.planning.plan import Plan
from burnish.planning.preflight import preflight


async def first_calls(
    gateway: Gateway, plan: Plan, app: AppProvider | None = None
) -> tuple[JournalEntry, ...]:
    """Make the job's first calls as the job itself would.

    Args:
        app: of a job that has one.

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
    evaluate = Evaluator(target=plan.target_of(model), model=model, scorers=ScorerSet(plan.scorers))
    try:
        await preflight(plan, evaluate, model.answers)
    except (ModelError, OutsideFailure, BudgetExhausted) as error:
        shown = str(error).removeprefix(f"{plan.target.uri}: ")
        field = "config.app.url" if plan.config.app else "model"
        raise InvalidInput.of(field, plan.target.uri, shown) from error
    return tuple(kept.entries)


class _KeptCalls:
    """A journal in memory (``llm.protocol.Journal``) for a job that does not exist yet."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []

    def find(self, request: AnyRequest, purpose: Purpose) -> Completion | None:
        return None

    async def begin(self, request: AnyRequest, purpose: Purpose, reserved: Usage) -> None:
        pass

    async def finish(self, request: AnyRequest, purpose: Purpose, completion: Completion) -> None:
        self.entries.append(entry_of(request, purpose, completion))

    async def abandon(self, request: AnyRequest, purpose: Purpose) -> None:
        pass
