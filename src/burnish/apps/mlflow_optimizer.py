"""``burnish.MlflowOptimizer``: our jobs behind MLflow's own ``optimize_prompts``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Unpack

from burnish.apps.blocking import run_blocking
from burnish.apps.optimize import AppOptions
from burnish.apps.output import Unserializable, output_to_text
from burnish.apps.prompt_override import Override
from burnish.apps.request import read_optimizer
from burnish.apps.scorers import GivenScorers
from burnish.apps.session import AppJob, completed, offline_services
from burnish.apps.trace import usage_of, uses_of
from burnish.apps.train_data import read_train_data
from burnish.bootstrap import Services
from burnish.domain.app import App, AppRun
from burnish.domain.candidate import Candidate
from burnish.domain.job import Job, RegisterPolicy, TestScores
from burnish.domain.prompt import Prompt, Template, template_from_json, template_to_json
from burnish.domain.records import EvaluationRecord
from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Feedback, Sample, Scorer, WeightedScorer
from burnish.evaluation.statistics import paired_bootstrap
from burnish.llm.protocol import AppFailed, AppRequest, Response
from burnish.mlflow_import import load_mlflow
from burnish.worker.registration import decide

load_mlflow()
from mlflow.genai.optimize.optimizers import BasePromptOptimizer  # noqa: E402 - after load_mlflow
from mlflow.genai.optimize.types import PromptOptimizerOutput  # noqa: E402

EvalFn = Callable[[dict[str, str], list[dict[str, Any]]], list[Any]]

_APP = App(function="mlflow.genai.optimize_prompts")
_FAILED = "Failed to invoke the predict_fn with"  # how MLflow's evaluation reports an exception
_PER_SCORER = "individual_scores"
"""Of an evaluation; MLflow 3.9 has no such field, and none for their means in what an optimizer returns."""
_PAGE = 1000


class MlflowOptimizer(BasePromptOptimizer):  # type: ignore[misc]  # MLflow's class is untyped here
    """An optimizer for ``mlflow.genai.optimize_prompts(..., optimizer=...)``: a durable job with a journal, a
    budget and a sealed test.

    MLflow evaluates one candidate at a time, and several examples at once. It registers what comes back, so
    the source prompts come back where the test does not speak for the winner.

    Args:
        optimizer: a name (``"gepa"``), or settings with a ``name``.
        resume: go on with the latest job of the same prompts, data and settings.
        options: as of :func:`burnish.optimize_prompts`. ``register`` says when the winner comes back.

    Attributes:
        job: the last one that completed; ``None``: none has.
    """

    def __init__(
        self, optimizer: Any = "gepa", *, resume: bool = False, **options: Unpack[AppOptions]
    ) -> None:
        read_optimizer(optimizer)  # a mistake is reported where it is made
        self._optimizer = optimizer
        self._resume = resume
        self._options: dict[str, Any] = dict(options)
        self.job: Job | None = None

    def optimize(
        self,
        eval_fn: EvalFn | None,
        train_data: list[dict[str, Any]],
        target_prompts: dict[str, str],
        enable_tracking: bool = True,
    ) -> PromptOptimizerOutput:
        """See ``BasePromptOptimizer``."""
        output, self.job = run_blocking(lambda: self._run(eval_fn, train_data, target_prompts))
        if enable_tracking:
            _tag_run(self.job.job_id)
        return output

    async def _run(
        self, eval_fn: EvalFn | None, train_data: list[dict[str, Any]], target_prompts: dict[str, str]
    ) -> tuple[PromptOptimizerOutput, Job]:
        options = dict(self._options)
        policy = RegisterPolicy(options.pop("register", RegisterPolicy.IMPROVED))
        dataset = read_train_data(train_data or None, lambda **inputs: None)
        examples = dataset.examples if dataset else ()
        records = {example.example_id: row for example, row in zip(examples, train_data, strict=False)}
        app = _EvalFnApp(eval_fn, records)
        wanted = AppJob(
            app=_APP,
            provider=app,
            prompts=[Prompt(name=name, template=_template(text)) for name, text in target_prompts.items()],
            dataset=dataset,
            scorers=_OwnScore(),
            optimizer=self._optimizer,
            options={**options, "register": RegisterPolicy.NEVER},
            resume=self._resume,
        )
        async with offline_services(options, tracked=False) as offline, completed(wanted, offline) as ended:
            return await _output(*ended, wanted.prompts, policy), ended[1]


class _EvalFnApp:
    """Implements ``llm.protocol.AppProvider`` by MLflow's ``eval_fn``.

    That one patches prompts for the whole process, so it is called for one candidate at a time, with all of
    the examples that wait for that candidate.
    """

    def __init__(self, eval_fn: EvalFn | None, records: Mapping[str, dict[str, Any]]) -> None:
        self._eval_fn = eval_fn
        self._records = records
        self._waiting: dict[str, list[tuple[AppRequest, asyncio.Future[Any]]]] = {}
        self._turn = asyncio.Lock()

    async def run(self, request: AppRequest, timeout_seconds: float) -> Response:
        """See ``AppProvider``; MLflow's evaluation cannot be left, so there is no timeout."""
        candidate = Candidate(request.prompts).candidate_id
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(candidate, []).append((request, future))
        async with self._turn:
            if not future.done():
                await self._evaluate(self._waiting.pop(candidate))
        return _response(request, await future)

    async def _evaluate(self, batch: Sequence[tuple[AppRequest, asyncio.Future[Any]]]) -> None:
        assert self._eval_fn is not None, "MLflow gives an evaluation wherever there is data"
        prompts = {name: _text(template) for name, template in batch[0][0].prompts.items()}
        records = [self._records[request.example_id] for request, _ in batch]
        try:
            results = await asyncio.to_thread(self._eval_fn, prompts, records)
        except Exception as error:  # noqa: BLE001 - scorers are anybody's code; each who waits is told
            failure = InvalidInput.of("scorers", type(error).__name__, str(error))
            for _, future in batch:
                if not future.done():
                    future.set_exception(failure)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)


class _OwnScore(GivenScorers):
    """One scorer, which says what MLflow's evaluation has said."""

    def __init__(self) -> None:
        super().__init__((), lambda trace_id: None)
        self.specs = ["score"]
        self._made = {"score": WeightedScorer(_Score("score"))}


class _Score(Scorer):
    async def score(self, sample: Sample) -> Feedback:
        value, reason = sample.run.score if sample.run and sample.run.score else (None, "")
        return Feedback(value, reason)


def _response(request: AppRequest, result: Any) -> Response:
    spans = result.trace.data.spans if hasattr(getattr(result.trace, "data", None), "spans") else ()
    reasons = "; ".join(f"{name}: {text}" for name, text in (result.rationales or {}).items() if text)
    run = AppRun(
        trace_id=result.trace.info.trace_id if spans else None,
        uses=uses_of(Override(request.prompts, used=set(request.prompts)), spans),
        score=None if result.score is None else (float(result.score), reasons),
        scores={name: float(value) for name, value in (getattr(result, _PER_SCORER, None) or {}).items()},
    )
    usage = usage_of(spans)
    if isinstance(result.outputs, str) and result.outputs.startswith(_FAILED):
        raise AppFailed(request.model, result.outputs, usage, run)
    try:
        text, is_json = output_to_text(result.outputs)
    except Unserializable as error:
        raise AppFailed(request.model, str(error), usage, run) from None
    kept = AppRun(is_json=is_json, trace_id=run.trace_id, uses=run.uses, score=run.score, scores=run.scores)
    return Response(text=text, usage=usage, run=kept)


async def _output(
    services: Services, job: Job, prompts: Sequence[Prompt], policy: RegisterPolicy
) -> PromptOptimizerOutput:
    source = Candidate({prompt.name: prompt.template for prompt in prompts})
    best = job.best_candidate_id or source.candidate_id
    before = await _validated(services, job, source.candidate_id)
    after = await _validated(services, job, best)
    decision = decide(policy, job.test_scores, _compare(before, after, job), has_data=bool(before))
    chosen = source
    if decision.register:
        records = await services.store.candidates(job.job_id)
        chosen = next(r.candidate for r in records if r.candidate.candidate_id == best)
    means = {
        "initial_eval_score_per_scorer": _means(before),
        "final_eval_score_per_scorer": _means(after),
    }
    known = {field.name for field in fields(PromptOptimizerOutput)}
    return PromptOptimizerOutput(
        optimized_prompts={name: _text(template) for name, template in chosen.texts.items()},
        initial_eval_score=job.initial_eval_scores.get("aggregate"),
        final_eval_score=job.final_eval_scores.get("aggregate"),
        **{name: scores for name, scores in means.items() if name in known},
    )


async def _validated(services: Services, job: Job, candidate_id: str) -> dict[str, EvaluationRecord]:
    """A candidate's evaluations on validation, by example."""
    found: dict[str, EvaluationRecord] = {}
    after = ""
    while page := await services.store.evaluations(job.job_id, candidate_id, after=after, limit=_PAGE):
        after = page[-1].evaluation.example_id
        found |= {entry.evaluation.example_id: entry for entry in page if entry.split == "validation"}
    return found


def _compare(
    before: Mapping[str, EvaluationRecord], after: Mapping[str, EvaluationRecord], job: Job
) -> TestScores | None:
    if not before or before.keys() != after.keys():
        return None
    return paired_bootstrap(
        [before[example].evaluation.aggregate for example in before],
        [after[example].evaluation.aggregate for example in before],
        seed=job.config.seed,
    )


def _means(evaluated: Mapping[str, EvaluationRecord]) -> dict[str, float]:
    """Of each of MLflow's scorers."""
    values: dict[str, list[float]] = {}
    for entry in evaluated.values():
        for name, value in (entry.evaluation.run.scores if entry.evaluation.run else {}).items():
            values.setdefault(name, []).append(value)
    return {name: sum(found) / len(found) for name, found in values.items()}


def _template(text: str) -> Template:
    """MLflow hands chat prompts over as JSON text."""
    try:
        value = json.loads(text)
        return template_from_json(value) if isinstance(value, list) and value else text
    except (ValueError, InvalidInput):
        return text


def _text(template: Template) -> str:
    """Inverse of :func:`_template`."""
    return template if isinstance(template, str) else json.dumps(template_to_json(template))


def _tag_run(job_id: str) -> None:
    import mlflow

    if mlflow.active_run() is not None:
        mlflow.set_tag("burnish.job_id", job_id)
