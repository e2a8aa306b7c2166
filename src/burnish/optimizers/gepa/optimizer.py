"""GEPA: reflective evolution of prompts (Agrawal et al., ICLR 2026), with several proposals in flight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from burnish.domain.job import StopReason
from burnish.errors import InvalidInput, OptimizerFailed
from burnish.evaluation.protocol import Evaluate, Means
from burnish.optimizers.gepa.budget import BudgetPlan, Cost
from burnish.optimizers.gepa.merging import Merging
from burnish.optimizers.gepa.proposal_pipeline import MinibatchEvaluator, Rules
from burnish.optimizers.gepa.proposals import aggregates
from burnish.optimizers.gepa.reflection import ReflectiveProposer
from burnish.optimizers.gepa.scheduler import ProposalScheduler
from burnish.optimizers.gepa.search import CommitHandler, ParetoIncumbent
from burnish.optimizers.gepa.settings import GepaConfig, GepaSettings
from burnish.optimizers.gepa.thread_bridge import EngineThread
from burnish.optimizers.prompts.components import Components
from burnish.optimizers.protocol import CallEstimate, Observe, Outcome, Reflect, Task
from burnish.optimizers.search.rounds import calls_of_one_evaluation
from burnish.optimizers.settings import CommonSettings


class Gepa:
    """See the module. Made by :meth:`from_settings`."""

    settings_class: ClassVar[type[CommonSettings]] = GepaSettings
    needs_reflection = True
    only_demonstrates = False

    def __init__(self, config: GepaConfig) -> None:
        self._config = config

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Gepa:
        """The optimizer with checked settings.

        Raises:
            InvalidInput: an unknown setting, a wrong value, a contradiction.
        """
        return cls(GepaConfig.read(settings))

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        """Calls of the search alone, the source on validation included.

        Raises:
            InvalidInput: ``max_metric_calls`` leaves no room for a single proposal.
        """
        return BudgetPlan(self._config, validation, max_calls).estimate()

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        """Search in gepa's engine, with proposals in flight on this event loop.

        Raises:
            InvalidInput: there is no reflection model.
            OptimizerFailed: there is nothing to learn from, or to choose with.
            BudgetExhausted, ModelError, ScorerFailed: as they come.
        """
        if reflect is None:
            raise InvalidInput.of(
                "reflection_model", "", "GEPA writes its proposals with one; name it, such as openai:/gpt-4o"
            )
        if not task.train or not task.validation:
            raise OptimizerFailed("GEPA needs training and validation examples; give it more records")
        means = await evaluate(task.source, task.validation)
        incumbent = ParetoIncumbent(task.source, means, self._config.settings, observe)
        plan = BudgetPlan(self._config, len(task.validation), task.max_calls, calls_of_one_evaluation(means))
        if reason := incumbent.stop_reason():
            return incumbent.outcome(reason)
        if not plan.is_enough:
            observe.warning(plan.warning)
            return incumbent.outcome(StopReason.BUDGET)
        observe.phase("search", plan.evaluations)
        return await self._search(task, incumbent, plan, evaluate, reflect, observe)

    async def _search(
        self,
        task: Task,
        incumbent: ParetoIncumbent,
        plan: BudgetPlan,
        evaluate: Evaluate,
        reflect: Reflect,
        observe: Observe,
    ) -> Outcome:
        from burnish.optimizers.gepa.engine import acceptance, run
        from burnish.optimizers.gepa.search import Search

        config = self._config
        components = Components(task.source, config.settings.roles)
        validation = task.validation[: plan.validation_size]
        rules = Rules(
            width=plan.lookahead(task.concurrency),
            minibatch_size=min(config.minibatch_size, len(task.train)),
            components=len(components) if config.kwargs.module_selector == "all" else 1,
            completion=Cost(len(task.validation) - len(validation)),
            is_perfect=self._is_perfect,
            is_better=acceptance(config.kwargs),
        )
        thread: EngineThread[None] = EngineThread("burnish-gepa")
        measure = MinibatchEvaluator(evaluate, config.settings.concurrency or task.concurrency)
        proposer = ReflectiveProposer(
            task, config.settings, components, reflect, config.kwargs.reflection_prompt_template
        )
        scheduler = ProposalScheduler(rules, plan.budget(), validation, measure, proposer, thread.fail)
        scheduler.new_evaluations(task.source, task.validation)
        search = Search(
            config=config,
            seed=task.seed if config.seed is None else config.seed,
            components=components,
            source=task.source,
            source_means=await evaluate(task.source, validation),
            train=task.train,
            validation=validation,
            whole_validation=task.validation,
            thread=thread,
            scheduler=scheduler,
            merging=Merging(task, config.settings, components, validation, scheduler),
            commits=CommitHandler(incumbent, observe),
            observe=observe,
            pool=[task.source],
            stop_reason=plan.stop_reason,
        )
        try:
            await thread.run(lambda: run(search))
        finally:
            await scheduler.abandon()
        return incumbent.outcome(search.stop_reason)

    def _is_perfect(self, means: Means) -> bool:
        kwargs = self._config.kwargs
        return kwargs.skip_perfect_score and all(s >= kwargs.perfect_score for s in aggregates(means))
