"""DISTILLATION: make a prompt answer as a teacher prompt does, with a student optimizer.

The teacher is asked before the search: the worker answers every example with the teacher's prompt and
model, and puts those answers in the place of the expected responses. What is left for this module is to
hand the teacher_share examples to the student.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from burnish.domain.job import OptimizerType
from burnish.errors import InvalidInput, Problem
from burnish.evaluation.protocol import Evaluate
from burnish.optimizers.protocol import CallEstimate, Observe, Optimizer, Outcome, Reflect, Task
from burnish.optimizers.registry import complete_settings, make_optimizer
from burnish.optimizers.settings import FIELD, CommonSettings, read_settings


class DistillationSettings(CommonSettings):
    """Who teaches, and who learns.

    Attributes:
        teacher_prompt_uri: ``prompts:/NAME/VERSION`` of the prompt to learn from.
        teacher_model: URI of its model; by default the teacher prompt's own.
        student: the optimizer that learns.
        student_config: the student's own settings.
    """

    teacher_prompt_uri: str = Field(min_length=1)
    teacher_model: str | None = Field(default=None, min_length=1)
    student: str = OptimizerType.JOINT_SEARCH.value
    student_config: dict[str, Any] = Field(default_factory=dict)

    def student_settings(self) -> dict[str, Any]:
        """The student's own, and those that were said for all optimizers."""
        shared = self.model_dump(include=set(CommonSettings.model_fields), exclude_unset=True)
        return {**shared, **self.student_config}

    def completed(self) -> dict[str, Any]:
        student = complete_settings(OptimizerType.parse(self.student), self.student_settings())
        return {**super().completed(), "student_config": student}


class Distillation:
    """See the module. Made by :meth:`from_settings`."""

    settings_class: ClassVar[type[CommonSettings]] = DistillationSettings

    def __init__(self, student: Optimizer) -> None:
        self._student = student

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Distillation:
        """The optimizer with checked settings.

        Raises:
            InvalidInput: an unknown setting or a wrong value, of the student too.
        """
        found = read_settings(DistillationSettings, settings)
        try:
            kind = OptimizerType.parse(found.student)
        except InvalidInput as error:
            raise InvalidInput.of(f"{FIELD}.student", found.student, error.problems[0].remedy) from None
        if kind is OptimizerType.DISTILLATION:
            raise InvalidInput.of(
                f"{FIELD}.student", found.student, "the student cannot itself be DISTILLATION"
            )
        try:
            student = make_optimizer(kind, found.student_settings())
        except InvalidInput as error:
            raise InvalidInput(*map(_of_student, error.problems)) from None
        return cls(student)

    @property
    def needs_reflection(self) -> bool:
        return self._student.needs_reflection

    @property
    def only_demonstrates(self) -> bool:
        return self._student.only_demonstrates

    def estimate(self, train: int, validation: int, max_calls: int | None) -> CallEstimate:
        """The student's calls; the teacher's are the worker's, one for each example."""
        return self._student.estimate(train, validation, max_calls)

    async def optimize(
        self, task: Task, evaluate: Evaluate, reflect: Reflect | None, observe: Observe
    ) -> Outcome:
        """``task`` holds teacher_share examples, and ``evaluate`` scores against them."""
        return await self._student.optimize(task, evaluate, reflect, observe)


def _of_student(problem: Problem) -> Problem:
    key = problem.field.removeprefix(f"{FIELD}.")
    return Problem(f"{FIELD}.student_config.{key}", problem.value, problem.remedy)
