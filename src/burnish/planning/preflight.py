"""A job's first calls: does the model answer at all, with something that can be scored?

They are calls that the job makes in any case, so they are paid once. ``burnish optimize`` makes them before
anything is written, and the job's journal begins with them; every other job makes them when it begins.
"""

from __future__ import annotations

from burnish.domain.answer import AnswerOutcome
from burnish.errors import (
    ModelError,
    ModelRejected,
    ModelRequestInvalid,
    ModelUnavailable,
    ModelUnreadable,
    ProviderUnavailable,
)
from burnish.evaluation.protocol import Evaluate
from burnish.llm.answer_watch import AnswerWatch
from burnish.planning.plan import Plan

MOST_EXAMPLES = 5
SILENT_ANSWERS = 3
"""So many answers without a text, or refusals that score 0, are not chance."""

_NOTHING = ("answered with nothing", "check its chat template and max_tokens")
_REFUSED = ("refuses to answer", "look at the prompt, the data and the provider's filters")


async def preflight(plan: Plan, evaluate: Evaluate, answers: AnswerWatch) -> None:
    """Score the source prompt on the first validation examples, one by one, until one has been answered.

    An example that is refused for itself alone (too long, filtered) is that example's own misfortune, so the
    next one is asked. Without validation examples there is nothing to ask.

    Args:
        answers: of the gateway that ``evaluate`` asks.

    Raises:
        ModelRejected: none of them was answered, or what is answered cannot be read; it will not be later.
        ProviderUnavailable: the provider is away; it may answer later.
        ScorerFailed: a scorer cannot score.
        BudgetExhausted
    """
    silent, why = 0, ""
    for example in plan.splits.validation[:MOST_EXAMPLES]:
        before = answers.last_failure
        (evaluation,) = (await evaluate(plan.source, [example])).evaluations
        # A refusal is an answer where a scorer likes it: a prompt may be there to make the model refuse.
        refused = evaluation.outcome is AnswerOutcome.REFUSED and evaluation.aggregate == 0
        if evaluation.error is None and evaluation.output.strip() and not refused:
            return
        if evaluation.error is None:
            answer = answers.last_silence
            silent += not (answer and answer.replayed)  # those of an earlier attempt do not end a resumed job
            reason = answer.finish_reason if answer else "unknown"
            what, remedy = _REFUSED if refused else _NOTHING
            why = f"{what} (finish_reason: {reason}); {remedy}"
        else:
            why = evaluation.error
            if answers.last_failure is not before:
                _end_unless_of_one_example(answers.last_failure)
        if silent >= SILENT_ANSWERS:
            break
    if why:
        raise ModelRejected(plan.target.uri, why.removeprefix(f"{plan.target.uri}: "))


def _end_unless_of_one_example(failure: ModelError | None) -> None:
    if isinstance(failure, ModelRequestInvalid):
        return
    if isinstance(failure, ModelUnreadable):
        raise ModelRejected(failure.model, str(failure).removeprefix(f"{failure.model}: ")) from failure
    if isinstance(failure, ModelUnavailable):
        raise ProviderUnavailable(str(failure)) from failure
