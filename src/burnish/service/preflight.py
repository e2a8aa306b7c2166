"""One real call before anything is written: does the model answer at all?"""

from __future__ import annotations

from burnish.domain.budget import Ledger
from burnish.domain.usage import Role
from burnish.errors import InvalidInput, ModelError
from burnish.evaluation.evaluator import request_for
from burnish.llm.gateway import Gateway
from burnish.llm.protocol import Purpose
from burnish.plan import Plan
from burnish.store.protocol import JournalEntry


async def first_call(gateway: Gateway, plan: Plan) -> tuple[JournalEntry, ...]:
    """Ask the target model the first question of the job.

    It is the job's own first call, so its answer belongs into the job's journal and is not paid
    again.

    Returns:
        The finished call; nothing where there is no data to ask about.

    Raises:
        InvalidInput: the model does not answer; says why and what to do.
    """
    raise NotImplementedError
