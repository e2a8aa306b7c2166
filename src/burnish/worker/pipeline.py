"""One job from top to bottom. Read this first.

    load → score the source prompt → search → sealed test → register the winner

Everything here may run again after a crash: finished calls come from the journal, effects on
MLflow are looked up before they are repeated, writes carry the attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial

from burnish.concurrency import gather_in_order
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example, record_name
from burnish.domain.events import EventKind
from burnish.domain.job import StopReason
from burnish.domain.prompt import Message
from burnish.domain.score import Evaluation
from burnish.domain.usage import Role, Usage
from burnish.errors import BudgetExhausted, InvalidInput
from burnish.evaluation.evaluator import Evaluator
from burnish.evaluation.protocol import Means
from burnish.evaluation.statistics import detectable, paired_bootstrap, spread_of, verdict_of
from burnish.llm.protocol import Completion, LanguageModel, Parameters, Purpose, Request
from burnish.optimizers.protocol import Outcome, Task
from burnish.optimizers.search.incumbent import objectives_of
from burnish.optimizers.search.rounds import calls_of_one_evaluation
from burnish.planning.checks import check_budget
from burnish.planning.plan import Plan
from burnish.planning.preflight import preflight
from burnish.worker.context import AttemptContext
from burnish.worker.registration import register_winner

_NAMED = 3  # records in a warning
_ENOUGH_TO_DIFFER = 8  # outputs: so many that are all the same are not chance
_MARGIN = 1.5  # the test may cost so much more than the source's own evaluations


async def run_job(context: AttemptContext) -> StopReason:
    """The story.

    Returns:
        Why the search ended.

    Raises:
        BurnishError: what stopped the job.
    """
    await context.load()
    plan, recorder = context.plan, context.recorder
    recorder.event(EventKind.SPLIT, **_split_sizes(plan))
    for warning in plan.warnings:
        recorder.warning(warning)

    _hold_for_test(context)
    outcome = await search(context)
    context.ledger.hold_back(Usage(), 0.0)

    await sealed_test(context, outcome.best)
    await note_unscored(context)
    context.end_message = await register_winner(context, outcome.best)
    return outcome.stop_reason


async def search(context: AttemptContext) -> Outcome:
    """Score the source on validation, then let the optimizer look for better.

    A budget that runs out ends the search with the best so far.
    """
    plan, recorder = context.plan, context.recorder
    try:
        keep_room = await score_source(context)
        outcome = await plan.optimizer.optimize(
            _task(context, keep_room), context.evaluator, _reflect(context), recorder
        )
    except BudgetExhausted as exhausted:
        recorder.warning(f"the budget ended the search: {exhausted}")
        best = recorder.best
        outcome = Outcome(
            best=best.candidate if best else plan.source,
            means=Means(evaluations=(), scores=best.scores if best else {}),
            stop_reason=StopReason.BUDGET,
        )
    if plan.config.app is not None:
        _note_prompts_without_effect(context)
    await context.save(
        best_candidate_id=outcome.best.candidate_id,
        final_eval_scores=dict(outcome.means.scores),
        warnings=tuple(recorder.warnings),
    )
    return outcome


def _note_prompts_without_effect(context: AttemptContext) -> None:
    same, there = context.recorder.same_as(context.plan.source)
    if there >= _ENOUGH_TO_DIFFER and same == there:
        context.recorder.warning(
            f"the app's output was the same under every candidate ({there} evaluations): it seems not to use "
            "the prompts that it is sent"
        )


async def score_source(context: AttemptContext) -> Callable[[int], None]:
    """Evaluate the source prompt on the validation split; optimizers that ask for it get this answer.

    Returns:
        Keeps room in the budget for so many calls beside those of the sealed test.
    """
    plan, recorder, ledger = context.plan, context.recorder, context.ledger
    source = plan.source
    recorder.phase("source", len(plan.splits.validation))
    began = ledger.seconds
    await preflight(plan, context.evaluator, context.model.answers)
    initial = await context.evaluator(source, plan.splits.validation)
    if unanswered := [evaluation for evaluation in initial.evaluations if evaluation.error is not None]:
        recorder.warning(_unanswered(unanswered, plan.splits.validation))
    recorder.candidate(
        source,
        CandidateStatus.SOURCE,
        means=initial if plan.splits.validation else None,
        objectives=objectives_of(source, initial) if plan.splits.validation else None,
    )
    await context.save(
        initial_eval_scores=dict(initial.scores),
        score_ranges={name: str(span) for name, span in context.scorers.ranges.items()},
    )
    if plan.config.app is not None:
        _see_what_a_run_takes(context, initial)
    keep_room = partial(_hold_for_test, context, initial, ledger.seconds - began)
    keep_room(0)
    return keep_room


def _see_what_a_run_takes(context: AttemptContext, initial: Means) -> None:
    """Size the rest of the job by the calls that the app is seen to make for one answer."""
    plan = context.plan
    judges = plan.calls_per_evaluation - plan.calls_per_run
    context.plan = plan = plan.with_calls_per_run(max(1, calls_of_one_evaluation(initial) - judges))
    try:
        check_budget(plan)
    except InvalidInput as small:
        context.recorder.warning(str(small))


async def sealed_test(context: AttemptContext, winner: Candidate) -> None:
    """Score source and winner on the test split, which nothing has seen until now.

    Pairs are measured side by side in the order of the split, so that a budget that runs out still
    leaves complete pairs to compare: all that were finished count.
    """
    plan, recorder, source = context.plan, context.recorder, context.plan.source
    examples = plan.splits.test
    if not examples:
        return
    recorder.phase("test", len(examples) * (1 if winner == source else 2))
    pairs: list[tuple[float, float]] = []
    try:
        for batch in _batches(examples, 2 * plan.config.concurrency):
            pairs += await _pairs(context.evaluator, source, winner, batch)
    except BudgetExhausted as exhausted:
        for example in batch:
            with contextlib.suppress(BudgetExhausted):
                pairs += await _pairs(context.evaluator, source, winner, [example])
        recorder.warning(
            f"the budget ended the sealed test after {len(pairs)} of {len(examples)} examples: {exhausted}"
        )
    if not pairs:
        return
    initial, final = zip(*pairs, strict=True)
    scores = replace(
        paired_bootstrap(initial, final, seed=plan.config.seed),
        detectable=detectable(len(pairs), *spread_of(initial, final)),
    )
    verdict = verdict_of(scores)
    recorder.event(EventKind.TESTED, verdict=verdict.value, **asdict(scores))
    await context.save(test_scores=scores, verdict=verdict)


async def note_unscored(context: AttemptContext) -> None:
    """Keep with the job which scorers had no opinion, and how often."""
    for warning in context.scorers.warnings:
        context.recorder.warning(warning)
    if context.scorers.unscored:
        await context.save(
            unscored_answers=dict(context.scorers.unscored), warnings=tuple(context.recorder.warnings)
        )


async def _pairs(
    evaluate: Evaluator, source: Candidate, winner: Candidate, examples: Sequence[Example]
) -> list[tuple[float, float]]:
    """Aggregates of source and winner on each example."""
    before, after = await gather_in_order(
        [evaluate(candidate, examples, phase="test") for candidate in (source, winner)]
    )
    return [
        (first.aggregate, second.aggregate)
        for first, second in zip(before.evaluations, after.evaluations, strict=True)
        if not (first.unscored or second.unscored)
    ]


def _task(context: AttemptContext, keep_room: Callable[[int], None]) -> Task:
    plan = context.plan
    return Task(
        source=plan.source,
        train=plan.splits.train,
        validation=plan.splits.validation,
        seed=plan.config.seed,
        concurrency=plan.config.concurrency,
        max_calls=_calls_left_for_search(context),
        teacher=_teacher(context),
        of_app=plan.config.app is not None,
        keep_room=keep_room,
    )


def _calls_left_for_search(context: AttemptContext) -> int | None:
    """What the budget leaves when the teacher and the sealed test have theirs; ``None``: no limit."""
    limit = context.plan.config.budget.max_calls
    return None if limit is None else limit - context.plan.teacher_calls - context.ledger.held_back.calls


def _teacher(context: AttemptContext) -> Evaluator | None:
    """The reflection model in the target's place; it cannot stand in the place of an app."""
    plan = context.plan
    if plan.reflection is None or plan.config.app is not None:
        return None
    return Evaluator(
        target=plan.model_target(context.model, plan.reflection.uri, context.worker.renderer),
        model=context.model,
        scorers=context.scorers,
        role=Role.TEACHER,
        concurrency=plan.config.concurrency,
    )


class _Reflection:
    """The reflection model as optimizers see it. It is asked no more at once than the job allows."""

    def __init__(self, model: LanguageModel, uri: str, parameters: Parameters, concurrency: int) -> None:
        self._model, self._uri, self._parameters = model, uri, parameters
        self._slots = asyncio.Semaphore(concurrency)

    async def __call__(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> Completion:
        request = Request(
            model=self._uri, messages=tuple(messages), parameters=parameters or self._parameters
        )
        purpose = Purpose(role=Role.REFLECTION, phase="reflection", sample=sample)
        async with self._slots:
            return await self._model.complete(request, purpose)


def _reflect(context: AttemptContext) -> _Reflection | None:
    plan = context.plan
    if plan.reflection is None:
        return None
    reflection = plan.reflection
    return _Reflection(context.model, reflection.uri, reflection.parameters, plan.config.concurrency)


def _hold_for_test(
    context: AttemptContext, initial: Means | None = None, seconds: float = 0.0, beside: int = 0
) -> None:
    """Keep back what the sealed test will need, and so many calls beside it: the calls, and their tokens,
    money and time as well once ``initial``, the source's evaluations in ``seconds``, shows what a call
    takes."""
    calls, usages = context.plan.test_calls, []
    if initial is not None:
        usages = [evaluation.usage for evaluation in initial.evaluations if evaluation.usage.calls]
    measured = sum(usages, Usage())
    if context.plan.config.app is not None and usages:  # only its runs show how many calls one makes
        runs = 2 * len(context.plan.splits.test)
        calls = max(calls, math.ceil(runs * measured.calls / len(usages)))
    calls += beside
    share = _MARGIN * calls / measured.calls if measured.calls else 0.0
    context.ledger.hold_back(
        Usage(
            calls=calls,
            prompt_tokens=round(measured.prompt_tokens * share),
            completion_tokens=round(measured.completion_tokens * share),
            usd_nanos=round((measured.usd_nanos or 0) * share),
        ),
        seconds * share,
    )


def _unanswered(failed: Sequence[Evaluation], examples: Sequence[Example]) -> str:
    """A warning that names the records which score 0 because they have no answer."""
    by_id = {example.example_id: example for example in examples}
    shown = "; ".join(
        f"{record_name(by_id[evaluation.example_id])}: {evaluation.error}" for evaluation in failed[:_NAMED]
    )
    more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return (
        f"{len(failed)} of {len(examples)} validation records have no answer to the source prompt and score "
        f"0: {shown}{more}"
    )


def _split_sizes(plan: Plan) -> dict[str, int]:
    splits = plan.splits
    return {"train": len(splits.train), "validation": len(splits.validation), "test": len(splits.test)}


def _batches(examples: Sequence[Example], size: int) -> list[Sequence[Example]]:
    return [examples[start : start + size] for start in range(0, len(examples), size)]
