"""Whether a job's winner becomes a new prompt version, and why.

In a world in which no prompt is better than another the best of many still looks better, so by default
only what the sealed test shows to be better is registered. The winner is kept in any case, and can be
registered by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from burnish.domain.candidate import Candidate
from burnish.domain.events import EventKind
from burnish.domain.job import RegisterPolicy, TestScores, Verdict
from burnish.errors import BudgetExhausted
from burnish.evaluation.statistics import FEWEST_PAIRS, paired_bootstrap, verdict_of
from burnish.worker.context import AttemptContext

BY_HAND = "it is kept: register it by hand if you want it"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to register, and the reason as a clause for people."""

    register: bool
    reason: str


async def register_winner(context: AttemptContext, winner: Candidate) -> str:
    """Register the winner as a new version of each prompt it changes, if the job's policy says so.

    Returns:
        What was done and why, one sentence for people.
    """
    plan = context.plan
    if winner.candidate_id == plan.source.candidate_id:
        return "Nothing beat the source prompt, so no version was registered."
    decision = await _decide(context, winner)
    if not decision.register:
        return f"The best candidate was not registered: {decision.reason}; {BY_HAND}."
    uris = []
    for prompt in plan.prompts:
        template = winner.texts[prompt.name]
        if template == prompt.template:
            uris.append(prompt.uri or "")
            continue
        register = context.worker.tracker.register_winner
        uri = await context.mlflow_calls(register, context.job, prompt, template)
        uris.append(uri)
        context.recorder.event(
            EventKind.REGISTERED,
            optimized_prompt_uri=uri,
            candidate_id=winner.candidate_id,
            reason=decision.reason,
        )
    await context.save(optimized_prompt_uris=tuple(uris))
    return f"Registered {', '.join(uris)}: {decision.reason}."


async def _decide(context: AttemptContext, winner: Candidate) -> Decision:
    policy, test = context.plan.config.register, context.job.test_scores
    validation = None
    if policy in (RegisterPolicy.IMPROVED, RegisterPolicy.BETTER) and _is_too_small(policy, test):
        validation = await _compare_on_validation(context, winner)
    return decide(policy, test, validation, has_data=context.plan.dataset is not None)


async def _compare_on_validation(context: AttemptContext, winner: Candidate) -> TestScores | None:
    """Source and winner on the validation split; both have been measured there, so it costs nothing.
    ``None`` where the budget ended before the winner was measured in full."""
    plan = context.plan
    try:
        before = await context.evaluator(plan.source, plan.splits.validation)
        after = await context.evaluator(winner, plan.splits.validation)
    except BudgetExhausted:
        return None
    return paired_bootstrap(
        [evaluation.aggregate for evaluation in before.evaluations],
        [evaluation.aggregate for evaluation in after.evaluations],
        seed=plan.config.seed,
    )


def decide(
    policy: RegisterPolicy, test: TestScores | None, validation: TestScores | None, *, has_data: bool = True
) -> Decision:
    """Apply the policy.

    Args:
        test: of the sealed test; ``None`` where there was none.
        validation: the same on the validation split, looked at where the test is too small.
        has_data: whether the job measures anything at all.
    """
    if policy is RegisterPolicy.NEVER:
        return Decision(False, "the job says register=never")
    if policy is RegisterPolicy.ALWAYS:
        return Decision(True, "the job says register=always")
    if not has_data:
        return Decision(True, "the job has no data, so nothing was measured that could speak against it")
    if not _is_too_small(policy, test):
        assert test is not None
        return _by(policy, test, "the sealed test")
    small = "there is no test split" if test is None else f"the sealed test has only {test.examples} pairs"
    if validation is None:
        return Decision(False, f"{small}, and the budget left it without a whole validation")
    found = _by(policy, validation, "validation")
    return Decision(found.register, f"{small}, and {found.reason}")


def _is_too_small(policy: RegisterPolicy, test: TestScores | None) -> bool:
    fewest = FEWEST_PAIRS if policy is RegisterPolicy.IMPROVED else 1
    return test is None or test.examples < fewest


def _by(policy: RegisterPolicy, scores: TestScores, where: str) -> Decision:
    measured = (
        f"{scores.difference:+.3f} (95 % interval {scores.ci_low:+.3f} to {scores.ci_high:+.3f}, "
        f"{scores.examples} pairs)"
    )
    if policy is RegisterPolicy.BETTER:
        better = scores.difference > 0
        return Decision(better, f"{where} {'shows' if better else 'does not show'} it better: {measured}")
    verdict = verdict_of(scores)
    return Decision(verdict is Verdict.IMPROVED, f"{where} says {verdict}: {measured}")
