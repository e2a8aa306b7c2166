"""FEW_SHOT: worked examples in the prompt, and the search for the subset that helps most.

A demonstration is a training example with an answer that passed the scorers (bootstrapping, after DSPy's
BootstrapFewShot: Khattab et al., 2023), or with its expected response. The answers are the prompt's own;
where too few of those pass, the reflection model answers the same prompt as a teacher.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from burnish.domain.dataset import Example
from burnish.domain.score import Evaluation
from burnish.errors import InvalidInput, OptimizerFailed
from burnish.evaluation.protocol import Evaluate
from burnish.optimizers.few_shot.subsets import SubsetSearch
from burnish.optimizers.prompts.composer import PromptComposer
from burnish.optimizers.prompts.demonstrations import Demonstration, labelled, reasons_against, showable
from burnish.optimizers.protocol import (
    NO_WORKED_EXAMPLES,
    CallEstimate,
    Observe,
    Outcome,
    Reflect,
    Task,
)
from burnish.optimizers.search.incumbent import Incumbent
from burnish.optimizers.search.rounds import RacingBudget, calls_of_one_evaluation, race_from_source
from burnish.optimizers.search.validator import ProposalValidator
from burnish.optimizers.settings import FIELD, CommonSettings, read_settings

ENOUGH_TRACES = 2  # times the most demonstrations: enough to choose from


class FewShotSettings(CommonSettings):
    """How many demonstrations, and how long they are searched.

    Attributes:
        max_demonstrations: in one prompt.
        trials: subsets to try at most.
        width: subsets raced side by side.
        bootstrap_examples: training examples answered at most to find passing traces, by the prompt itself
            and by the teacher each.
        pass_score: the aggregate from which a trace passes.
    """

    max_demonstrations: int = Field(default=6, ge=1)
    trials: int = Field(default=24, ge=1)
    width: int = Field(default=6, ge=1)
    bootstrap_examples: int = Field(default=24, ge=0)
    pass_score: float = Field(default=1.0, gt=0, le=1)


class FewShot:
    """See the module. Made by :meth:`from_settings`."""

    settings_class: ClassVar[type[CommonSettings]] = FewShotSettings
    needs_reflection = False
    only_demonstrates = True

    def __init__(self, settings: FewShotSettings) -> None:
        self._settings = settings

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> FewShot:
        """The optimizer with checked settings.

        Raises:
            InvalidInput: an unknown setting or a wrong value.
        """
        found = read_settings(FewShotSettings, settings)
        if found.refuse_copied_examples:
            remedy = (
                "FEW_SHOT puts training examples into the prompt; leave this out or take another optimizer"
            )
            raise InvalidInput.of(f"{FIELD}.refuse_copied_examples", True, remedy)
        return cls(found)

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        budget = self._budget(validation)
        bootstrap = min(train, self._settings.bootstrap_examples)
        low = validation + bootstrap + budget.least_evaluations
        high = validation + bootstrap + budget.most_evaluations
        return CallEstimate(
            target_low=low,
            target_high=high if max_calls is None else max(low, min(high, max_calls)),
            reflection_high=bootstrap,
        )

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        """
        Raises:
            OptimizerFailed: no record is an example of what the prompts answer.
        """
        name = task.scored
        if name is None:
            raise OptimizerFailed(f"FEW_SHOT {NO_WORKED_EXAMPLES}")

        async def prepare(incumbent: Incumbent) -> tuple[SubsetSearch | None, int]:
            observe.phase("bootstrap", min(len(task.train), self._settings.bootstrap_examples))
            pools, spent = await self._pools(task, evaluate, incumbent)
            if not pools:
                observe.warning(
                    f"no training example can stand in the prompt: of {len(task.train)} there are "
                    f"{reasons_against(task.train, task.jinja)}, and no answer of the model that passes the "
                    "scorers"
                )
                return None, spent
            composer = PromptComposer.of(task.source.texts[name], task.train, self._settings.roles)
            validator = ProposalValidator(task, self._settings, observe)
            most = self._settings.max_demonstrations
            return SubsetSearch(task, name, composer, pools, most, validator), spent

        budget = self._budget(len(task.validation))
        return await race_from_source(task, evaluate, observe, self._settings, budget, prepare)

    async def _pools(
        self, task: Task, evaluate: Evaluate, incumbent: Incumbent
    ) -> tuple[list[list[Demonstration]], int]:
        """What may be shown, traces and expected responses apart, and the calls that took."""
        order = list(task.train)
        random.Random(f"{task.seed}/bootstrap").shuffle(order)
        traces: list[Demonstration] = []
        measured = 0
        if any(self._passes(evaluation) for evaluation in incumbent.means.evaluations):
            traces, measured = await self._traces(task, order, evaluate, self._enough)
        if task.teacher is not None and len(traces) < self._enough:
            shown = {trace.example.example_id for trace in traces}
            others = [example for example in order if example.example_id not in shown]
            wanted = self._enough - len(traces)
            by_teacher, asked = await self._traces(task, others, task.teacher, wanted)
            traces += by_teacher
            measured += asked
        pools = [pool for pool in (traces, labelled(order, task.jinja)) if pool]
        return pools, measured * calls_of_one_evaluation(incumbent.means)

    async def _traces(
        self, task: Task, order: Sequence[Example], evaluate: Evaluate, wanted: int
    ) -> tuple[list[Demonstration], int]:
        """Answers to the source prompt that passed, and how many were asked for."""
        traces: list[Demonstration] = []
        most = min(len(order), self._settings.bootstrap_examples)
        for start in range(0, most, self._settings.width):
            batch = order[start : min(start + self._settings.width, most)]
            means = await evaluate(task.source, batch)
            for example, evaluation in zip(batch, means.evaluations, strict=True):
                trace = Demonstration(example, _answer_in(evaluation).strip())
                if self._passes(evaluation) and showable(trace, task.jinja):
                    traces.append(trace)
            if len(traces) >= wanted:
                return traces, start + len(batch)
        return traces, most

    def _passes(self, evaluation: Evaluation) -> bool:
        return not evaluation.unscored and evaluation.aggregate >= self._settings.pass_score

    @property
    def _enough(self) -> int:
        return ENOUGH_TRACES * self._settings.max_demonstrations

    def _budget(self, validation: int) -> RacingBudget:
        return RacingBudget(self._settings.trials, self._settings.width, validation)


def _answer_in(evaluation: Evaluation) -> str:
    """What the model said; of an app that shows it, before the app made its own output of it."""
    uses = evaluation.run.uses if evaluation.run else ()
    return uses[0].output if len(uses) == 1 and uses[0].output else evaluation.output
