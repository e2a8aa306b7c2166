"""GEPA: reflective evolution of prompts (Agrawal et al., ICLR 2026), with several proposals in pending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from burnish.domain.job import StopReason
from burnish.errors import InvalidInput, OptimizerFailed
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.gepa.budget import Cost
from burnish.optimizers.gepa.budget_plan import Sizing
from burnish.optimizers.gepa.commits import ParetoIncumbent, Referee
from burnish.optimizers.gepa.components import Components
from burnish.optimizers.gepa.measure import Measure
from burnish.optimizers.gepa.merging import Merging
from burnish.optimizers.gepa.proposal_pipeline import Rules
from burnish.optimizers.gepa.proposals import aggregates
from burnish.optimizers.gepa.rewriter import Rewriter
from burnish.optimizers.gepa.scheduler import LookAhead
from burnish.optimizers.gepa.settings import Choices, GepaSettings
from burnish.optimizers.gepa.thread_bridge import EngineThread
from burnish.optimizers.protocol import CallEstimate, Observe, Outcome, Reflect, Task
from burnish.optimizers.search.rounds import calls_of_one_evaluation
from burnish.optimizers.settings import CommonSettings


class Gepa:
    """See the module. Made by :meth:`from_settings`."""

    settings_class: ClassVar[type[CommonSettings]] = GepaSettings
    needs_reflection = True

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Gepa:
        """
        Raises:
            InvalidInput: an unknown setting, a wrong value, a contradiction.
        """
        return cls(Choices.read(settings))

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        """
        Raises:
            InvalidInput: ``max_metric_calls`` leaves no room for a single proposal.
        """
        return Sizing(self._choices, validation, max_calls).estimate()

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        """
        Raises:
            InvalidInput: there is no reflection model.
            OptimizerFailed: there is nothing to learn from, or to choose with.
            BudgetExhausted, ModelError, ScorerFailed: as they come.
        """
        if reflect is None:
            raise InvalidInput.of("reflection_model", "", "GEPA writes its proposals with one; name it")
        if not task.train or not task.validation:
            raise OptimizerFailed("GEPA needs training and validation examples; give it more records")
        means = await evaluate(task.source, task.validation)
        incumbent = ParetoIncumbent(task.source, means, self._choices.settings, observe)
        sizing = Sizing(self._choices, len(task.validation), task.max_calls, calls_of_one_evaluation(means))
        if reason := incumbent.stop_reason():
            return incumbent.outcome(reason)
        if not sizing.is_enough:
            observe.warning(sizing.warning)
            return incumbent.outcome(StopReason.BUDGET)
        observe.phase("search", sizing.evaluations)
        return await self._search(task, incumbent, sizing, evaluate, reflect, observe)

    async def _search(
        self,
        task: Task,
        incumbent: ParetoIncumbent,
        sizing: Sizing,
        evaluate: Evaluate,
        reflect: Reflect,
        observe: Observe,
    ) -> Outcome:
        from burnish.optimizers.gepa.engine import acceptance, run
        from burnish.optimizers.gepa.search import Search

        choices = self._choices
        components = Components(task.source)
        validation = task.validation[: sizing.validation_size]
        rules = Rules(
            width=sizing.lookahead(task.concurrency),
            minibatch_size=min(choices.minibatch_size, len(task.train)),
            components=len(components) if choices.kwargs.module_selector == "all" else 1,
            completion=Cost(len(task.validation) - len(validation)),
            is_perfect=self._is_perfect,
            is_better=acceptance(choices.kwargs),
        )
        thread: EngineThread[None] = EngineThread("burnish-gepa")
        measure = Measure(evaluate, choices.settings.concurrency or task.concurrency)
        rewriter = Rewriter(
            task, choices.settings, components, reflect, choices.kwargs.reflection_prompt_template
        )
        ahead = LookAhead(rules, sizing.purse(), validation, measure, rewriter, thread.fail)
        ahead.new_evaluations(task.source, task.validation)
        search = Search(
            choices=choices,
            seed=task.seed if choices.seed is None else choices.seed,
            components=components,
            source=task.source,
            source_means=await evaluate(task.source, validation),
            train=task.train,
            validation=validation,
            whole_validation=task.validation,
            thread=thread,
            ahead=ahead,
            merging=Merging(task, choices.settings, components, validation, ahead),
            referee=Referee(incumbent, observe),
            observe=observe,
            pool=[task.source],
            stop_reason=sizing.stop_reason,
        )
        try:
            await thread.run(lambda: run(search))
        finally:
            await ahead.abandon()
        return incumbent.outcome(search.stop_reason)

    def _is_perfect(self, means: Means) -> bool:
        kwargs = self._choices.kwargs
        return kwargs.skip_perfect_score and all(s >= kwargs.perfect_score for s in aggregates(means))
