"""One job from top to bottom. Read this first.

    load → score the source prompt → search → sealed test → register the winner

Everything here may run again after a crash: finished calls come from the journal, effects on
MLflow are looked up before they are repeated, writes carry the attempt.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from burnish.concurrency import gather_in_order
from burnish.domain.budget import Ledger
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.dataset import Example
from burnish.domain.events import EventKind
from burnish.domain.job import Job, StopReason, Verdict
from burnish.domain.prompt import Message
from burnish.domain.usage import Role, Usage
from burnish.errors import BudgetExhausted
from burnish.evaluation.evaluator import Evaluator
from burnish.evaluation.protocol import Evaluate, Means
from burnish.evaluation.statistics import paired_bootstrap, verdict_of
from burnish.llm.protocol import LanguageModel, Parameters, Purpose, Request
from burnish.optimizers.protocol import Outcome, Task
from burnish.optimizers.search.incumbent import objectives_of
from burnish.plan import Plan
from burnish.store.protocol import JobStore
from burnish.tracking.protocol import Tracker
from burnish.worker.effects import Effects
from burnish.worker.recorder import Recorder


@dataclass(slots=True, kw_only=True)
class Running:
    """What one attempt holds while it runs. All of it can be rebuilt from the store."""

    job: Job
    plan: Plan
    store: JobStore
    tracker: Tracker
    effects: Effects
    ledger: Ledger
    model: LanguageModel
    evaluator: Evaluator
    recorder: Recorder

    async def save(self, **changes: Any) -> None:
        """Change fields of the job, behind everything recorded so far."""
        await self.recorder.flush()
        self.job = await self.store.update(self.job.job_id, self.job.attempt, changes)


async def carry_out(running: Running) -> StopReason:
    """The story.

    Returns:
        Why the search ended.

    Raises:
        BurnishError: what stopped the job.
    """
    source = running.plan.source
    running.recorder.event(EventKind.SPLIT, **_split_sizes(running.plan))
    for warning in running.plan.warnings:
        running.recorder.warning(warning)
    running.ledger.hold = Usage(calls=running.plan.test_calls)

    outcome = await search(running, source)
    running.ledger.hold, running.ledger.hold_seconds = Usage(), 0.0

    verdict = await sealed_test(running, source, outcome.best)
    await register(running, outcome, verdict)
    return outcome.stop_reason


async def search(running: Running, source: Candidate) -> Outcome:
    """Score the source on validation, then let the optimizer look for better.

    A budget that runs out ends the search with the best so far.
    """
    plan, recorder = running.plan, running.recorder
    try:
        recorder.phase("source", len(plan.splits.validation))
        began = running.ledger.seconds
        initial = await running.evaluator(source, plan.splits.validation)
        recorder.candidate(
            source,
            CandidateStatus.SOURCE,
            means=initial if plan.dataset else None,
            objectives=objectives_of(source, initial) if plan.dataset else None,
        )
        await running.save(initial_eval_scores=dict(initial.scores))
        _hold_for_the_test(running, initial, running.ledger.seconds - began)
        outcome = await plan.optimizer.optimize(
            _task(running, source), running.evaluator, _reflect(running), recorder
        )
    except BudgetExhausted as exhausted:
        recorder.warning(f"the budget ended the search: {exhausted}")
        best = recorder.best
        outcome = Outcome(
            best=best.candidate if best else source,
            means=Means(evaluations=(), scores=best.scores if best else {}),
            stop_reason=StopReason.BUDGET,
        )
    await running.save(
        best_candidate_id=outcome.best.candidate_id,
        final_eval_scores=dict(outcome.means.scores),
        warnings=tuple(recorder.warnings),
    )
    return outcome


async def sealed_test(running: Running, source: Candidate, winner: Candidate) -> Verdict | None:
    """Score source and winner on the test split, which nothing has seen until now.

    Pairs are measured side by side in the order of the split, so that a budget that runs out still
    leaves complete pairs to compare: all that were finished count.
    """
    examples = running.plan.splits.test
    if not examples:
        return None
    running.recorder.phase("test", len(examples) * (1 if winner == source else 2))
    pairs: list[tuple[float, float]] = []
    try:
        for batch in _batches(examples, 2 * running.plan.config.concurrency):
            pairs += await _pairs(running.evaluator, source, winner, batch)
    except BudgetExhausted as exhausted:
        for example in batch:
            with contextlib.suppress(BudgetExhausted):
                pairs += await _pairs(running.evaluator, source, winner, [example])
        running.recorder.warning(
            f"the budget ended the sealed test after {len(pairs)} of {len(examples)} examples: {exhausted}"
        )
    if not pairs:
        return None
    initial, final = zip(*pairs, strict=True)
    scores = paired_bootstrap(initial, final, seed=running.plan.config.seed)
    verdict = verdict_of(scores)
    running.recorder.event(EventKind.TESTED, verdict=verdict.value, **asdict(scores))
    await running.save(test_scores=scores, verdict=verdict)
    return verdict


async def _pairs(
    evaluate: Evaluate, source: Candidate, winner: Candidate, examples: Sequence[Example]
) -> list[tuple[float, float]]:
    """Aggregates of source and winner on each example."""
    before, after = await gather_in_order([evaluate(source, examples), evaluate(winner, examples)])
    return [
        (first.aggregate, second.aggregate)
        for first, second in zip(before.evaluations, after.evaluations, strict=True)
    ]


async def register(running: Running, outcome: Outcome, verdict: Verdict | None) -> None:
    """Register the winner as a new prompt version; nothing when nothing beat the source.

    A winner that the sealed test shows to be worse is not registered: it stays among the candidates.
    """
    plan = running.plan
    if outcome.best.candidate_id == plan.source.candidate_id or verdict is Verdict.WORSE:
        return
    uris = []
    for prompt in plan.prompts:
        template = outcome.best.texts[prompt.name]
        if template == prompt.template:
            uris.append(prompt.uri or "")
            continue
        uri = await running.effects(running.tracker.register_winner, running.job, prompt, template)
        uris.append(uri)
        running.recorder.event(EventKind.REGISTERED, optimized_prompt_uri=uri)
    await running.save(optimized_prompt_uris=tuple(uris))


def _task(running: Running, source: Candidate) -> Task:
    plan = running.plan
    return Task(
        source=source,
        train=plan.splits.train,
        validation=plan.splits.validation,
        seed=plan.config.seed,
        concurrency=plan.config.concurrency,
        max_calls=plan.calls_left_for_search,
        teacher=_teacher(running),
    )


def _teacher(running: Running) -> Evaluator | None:
    """The reflection model in the target's place."""
    plan = running.plan
    if plan.reflection is None:
        return None
    return Evaluator(
        prompts=tuple(prompt.name for prompt in plan.prompts),
        model=running.model,
        target=plan.reflection.uri,
        parameters=plan.target.parameters,
        scorers=plan.scorers,
        role=Role.TEACHER,
        concurrency=plan.config.concurrency,
    )


class _Reflection:
    """The reflection model as optimizers see it."""

    def __init__(self, model: LanguageModel, uri: str, parameters: Parameters) -> None:
        self._model, self._uri, self._parameters = model, uri, parameters

    async def __call__(
        self, messages: Sequence[Message], *, sample: int = 0, parameters: Parameters | None = None
    ) -> str:
        request = Request(
            model=self._uri, messages=tuple(messages), parameters=parameters or self._parameters
        )
        purpose = Purpose(role=Role.REFLECTION, phase="reflection", sample=sample)
        return (await self._model.complete(request, purpose)).text


def _reflect(running: Running) -> _Reflection | None:
    reflection = running.plan.reflection
    return _Reflection(running.model, reflection.uri, reflection.parameters) if reflection else None


def _hold_for_the_test(running: Running, initial: Means, seconds: float) -> None:
    """Keep tokens, money and time for the sealed test back too, judged by what the source took."""
    measured = [evaluation.usage for evaluation in initial.evaluations if evaluation.usage.calls]
    if not measured or not running.plan.test_calls:
        return
    total = sum(measured, Usage())
    generous = 1.5 * running.plan.test_calls / total.calls
    running.ledger.hold = replace(
        running.ledger.hold,
        prompt_tokens=round(total.prompt_tokens * generous),
        completion_tokens=round(total.completion_tokens * generous),
        usd_nanos=round((total.usd_nanos or 0) * generous),
    )
    running.ledger.hold_seconds = seconds * generous


def _split_sizes(plan: Plan) -> dict[str, int]:
    splits = plan.splits
    return {"train": len(splits.train), "validation": len(splits.validation), "test": len(splits.test)}


def _batches(examples: Sequence[Example], size: int) -> list[Sequence[Example]]:
    return [examples[start : start + size] for start in range(0, len(examples), size)]
