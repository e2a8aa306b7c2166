"""JOINT_SEARCH: instruction × answer format × layout × demonstrations, with racing.

A Tree-structured Parzen Estimator (Bergstra et al., 2011; optuna's) draws candidates, a race drops the
weak ones after a few examples. Instructions come from a reflection model where one is given, beside a
set of templates that are filled in from the expectations of the training examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from burnish.evaluation.protocol import Evaluate
from burnish.optimizers.joint_search.initial_points import initial_points
from burnish.optimizers.joint_search.instructions import TRIES, write_instructions
from burnish.optimizers.joint_search.sampler import Sampler
from burnish.optimizers.joint_search.space import Space, space_of
from burnish.optimizers.protocol import CallEstimate, Observe, Outcome, Reflect, Task
from burnish.optimizers.search.incumbent import Incumbent
from burnish.optimizers.search.rounds import RacingBudget, calls_of_one_evaluation, race_from_source
from burnish.optimizers.search.validator import ProposalValidator
from burnish.optimizers.settings import CommonSettings, read_settings


class JointSearchSettings(CommonSettings):
    """How long the search is, and what it may put into a prompt.

    Attributes:
        trials: candidates to try at most.
        width: candidates raced side by side; part of the trajectory, so not the job's concurrency.
        instructions: how many to ask of the reflection model, for each prompt.
        feedback_examples: training examples shown to it.
        max_demonstrations: training examples a prompt may hold; 0 for none.
    """

    trials: int = Field(default=40, ge=1)
    width: int = Field(default=8, ge=1)
    instructions: int = Field(default=6, ge=1)
    feedback_examples: int = Field(default=8, ge=1)
    max_demonstrations: int = Field(default=8, ge=0)


class JointSearch:
    """See the module. Made by :meth:`from_settings`."""

    settings_class: ClassVar[type[CommonSettings]] = JointSearchSettings
    needs_reflection = False
    only_demonstrates = False

    def __init__(self, settings: JointSearchSettings) -> None:
        self._settings = settings

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> JointSearch:
        """The optimizer with checked settings.

        Raises:
            InvalidInput: an unknown setting or a wrong value.
        """
        return cls(read_settings(JointSearchSettings, settings))

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        budget = self._budget(validation)
        shown = min(train, self._settings.feedback_examples)
        low = validation + budget.least_evaluations
        high = validation + budget.most_evaluations + shown
        enough = validation + 2 * budget.least_evaluations
        warnings = []
        if max_calls is not None and low <= max_calls < min(enough, high):
            warnings.append(
                f"{max_calls} calls are few for this search: a first round of {self._settings.width} "
                f"candidates, and little to build on it; {enough} or more would allow a second"
            )
        return CallEstimate(
            target_low=low,
            target_high=high if max_calls is None else max(low, min(high, max_calls)),
            reflection_low=0,
            reflection_high=TRIES,
            warnings=tuple(warnings),
        )

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        async def prepare(_: Incumbent) -> tuple[Sampler, int]:
            space, spent = await self._space(task, evaluate, reflect, observe)
            validator = ProposalValidator(task, self._settings, observe)
            return Sampler(space, validator, initial_points(space, self._settings.width), task.seed), spent

        budget = self._budget(len(task.validation))
        return await race_from_source(task, evaluate, observe, self._settings, budget, prepare)

    async def _space(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> tuple[Space, int]:
        """The search space, and what its instructions cost, in calls."""
        max_demonstrations = 0 if self._settings.refuse_copied_examples else self._settings.max_demonstrations
        roles = self._settings.roles
        if reflect is None:
            return space_of(task, {}, max_demonstrations, roles), 0
        shown = task.train[: self._settings.feedback_examples]
        observe.phase("instructions", len(shown))
        means = await evaluate(task.source, shown)
        written = {}
        spent = len(shown) * calls_of_one_evaluation(means)
        for name, template in task.source.texts.items():
            called = name if len(task.source.texts) > 1 else ""
            written[name], asked = await write_instructions(
                reflect, template, called, (shown, means), self._settings.instructions, observe
            )
            spent += asked
        return space_of(task, written, max_demonstrations, roles), spent

    def _budget(self, validation: int) -> RacingBudget:
        return RacingBudget(self._settings.trials, self._settings.width, validation)
