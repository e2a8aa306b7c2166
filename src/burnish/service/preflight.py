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
from burnish.llm.protocol import Completion, Purpose, Request
from burnish.planning.plan import Plan

EMPTY_ANSWERS = 3
"""So many empty answers in a row are not chance: the model says nothing."""


async def first_calls(gateway: Gateway, plan: Plan) -> tuple[JournalEntry, ...]:
    """Score the source prompt on the first validation example, as the job itself would.

    These are the job's own first calls: its journal begins with them, so they are counted and not
    paid again.

    Returns:
        The finished calls; none where there is no data to ask about.

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
    evaluate = Evaluator(
        prompts=[prompt.name for prompt in plan.prompts],
        model=gateway.for_job(
            ledger=Ledger(plan.config.budget, time.monotonic), journal=kept, config=plan.config
        ),
        target=plan.target.uri,
        parameters=plan.target.parameters,
        scorers=ScorerSet(plan.scorers),
    )
    for example in plan.splits.validation[:EMPTY_ANSWERS]:
        try:
            (evaluation,) = (await evaluate(plan.source, [example])).evaluations
        except (ModelError, OutsideFailure, BudgetExhausted) as error:
            raise InvalidInput.of("model", plan.target.uri, str(error)) from error
        if evaluation.error is not None:
            raise InvalidInput.of("model", plan.target.uri, evaluation.error)
        if evaluation.output.strip():
            return tuple(kept.entries)
    raise InvalidInput.of(
        "model",
        plan.target.uri,
        f"answered {EMPTY_ANSWERS} examples with nothing; check the model, its chat template and max_tokens",
    )


class _KeptCalls:
    """A journal in memory (``llm.protocol.Journal``) for a job that does not exist yet."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []

    def find(self, request: Request, purpose: Purpose) -> Completion | None:
        return None

    async def begin(self, request: Request, purpose: Purpose, reserved: Usage) -> None:
        pass

    async def finish(self, request: Request, purpose: Purpose, completion: Completion) -> None:
        self.entries.append(entry_of(request, purpose, completion))

    async def abandon(self, request: Request, purpose: Purpose) -> None:
        pass
