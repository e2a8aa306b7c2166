"""AUTO: the optimizer that may be expected to do best on a task of this size, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from burnish.domain.optimizer_type import OptimizerType
from burnish.evaluation.protocol import Evaluate
from burnish.optimizers.protocol import CallEstimate, Observe, Optimizer, Outcome, Reflect, Task
from burnish.optimizers.registry import make_optimizer
from burnish.optimizers.search.rounds import calls_of_one_evaluation
from burnish.optimizers.settings import CommonSettings, read_settings

FEWEST_EXAMPLES = 8
"""With fewer to learn from, or to choose by, effects of edits cannot be told apart."""

FEWEST_TESTS = 100
"""Calls beyond both validations below which randomized sets say too little of each edit."""


class AutoSettings(CommonSettings):
    """What every optimizer understands.

    Attributes:
        minimum_gain: as FACTORIAL's: the expected gain of the next hundred calls below which it ends.
    """

    minimum_gain: float = Field(default=0.002, ge=0, lt=1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and the rule in words."""

    optimizer_type: OptimizerType
    reason: str

    def __str__(self) -> str:
        return f"auto chooses {self.optimizer_type.cli_name}: {self.reason}"


def choose(train: int, validation: int, max_calls: int | None, reflects: bool) -> Choice:
    """The rule.

    Args:
        reflects: there is a reflection model. Without one, templates are all there is to test, and a race of
            whole combinations found better ones for the same calls (docs/factorial.md).
        train, validation: examples.
        max_calls: evaluations that the limit pays for, the source on validation included; ``None``: no
            limit.
    """
    if min(train, validation) < FEWEST_EXAMPLES:
        reason = f"{train} training and {validation} validation examples are too few to learn effects from"
        return Choice(OptimizerType.JOINT_SEARCH, reason)
    if max_calls is not None and max_calls < 2 * validation + FEWEST_TESTS:
        reason = (
            f"{max_calls} calls leave fewer than {FEWEST_TESTS} for testing edits beside two validations of "
            f"{validation}; templates that are raced need fewer"
        )
        return Choice(OptimizerType.JOINT_SEARCH, reason)
    if not reflects:
        reason = (
            "without a reflection model there are templates only, and a race finds the best of them sooner"
        )
        return Choice(OptimizerType.JOINT_SEARCH, reason)
    reason = "a reflection model writes edits, and there is room to test them in randomized sets"
    return Choice(OptimizerType.FACTORIAL, reason)


class Auto:
    """See the module. Made by :meth:`from_settings`."""

    settings_class: ClassVar[type[CommonSettings]] = AutoSettings
    needs_reflection = False
    only_demonstrates = False

    def __init__(self, settings: AutoSettings) -> None:
        self._settings = settings

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Auto:
        """The optimizer with checked settings.

        Raises:
            InvalidInput: an unknown setting or a wrong value.
        """
        return cls(read_settings(AutoSettings, settings))

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        """Of whatever it may choose; whether there is a reflection model is not known here. The rule stands
        first among the warnings."""
        choices = dict.fromkeys(choose(train, validation, max_calls, reflects) for reflects in (True, False))
        found = [self._made(choice).estimate(train, validation, max_calls) for choice in choices]
        said = [str(choice) for choice in choices]
        if len(said) > 1:
            said = [f"with a reflection model {said[0]}", f"without one {said[1]}"]
        return CallEstimate(
            target_low=min(one.target_low for one in found),
            target_high=max(one.target_high for one in found),
            reflection_low=min(one.reflection_low for one in found),
            reflection_high=max(one.reflection_high for one in found),
            warnings=(*said, *dict.fromkeys(warning for one in found for warning in one.warnings)),
        )

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        """Says what it chose, and leaves the rest to that."""
        limit = task.max_calls
        if limit is not None and task.validation:  # the source is measured there in any case
            limit //= calls_of_one_evaluation(await evaluate(task.source, task.validation))
        choice = choose(len(task.train), len(task.validation), limit, reflect is not None)
        observe.warning(str(choice))
        return await self._made(choice).optimize(task, evaluate, reflect, observe)

    def _made(self, choice: Choice) -> Optimizer:
        settings = self._settings.model_dump(exclude_none=True)
        if choice.optimizer_type is not OptimizerType.FACTORIAL:
            del settings["minimum_gain"]  # it means something else there
        return make_optimizer(choice.optimizer_type, settings)
