"""DISTILLATION hands teacher_share examples to its student."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.errors import InvalidInput
from burnish.optimizers.distillation import Distillation
from burnish.optimizers.protocol import Optimizer
from burnish.optimizers.testing.contract import OptimizerContract
from tests.optimizers.gepa.test_gepa_contract import GepaContract

TEACHER = {"teacher_prompt_uri": "prompts:/teacher/3"}


class TestDistillation(OptimizerContract):
    def make(self, **settings: Any) -> Optimizer:
        student = {"trials": 16, "width": 4}
        return Distillation.from_settings({**TEACHER, "student_config": student, **settings})


class TestDistillationByGepa(GepaContract):
    """Everything GEPA promises, through the teacher's hands."""

    lookahead = 4

    def make(self, **settings: Any) -> Optimizer:
        student = {"max_metric_calls": 200, "lookahead": self.lookahead}
        return Distillation.from_settings(
            {**TEACHER, "student": "gepa", "student_config": student, **settings}
        )


def test_needs_a_reflection_model_where_its_student_does() -> None:
    assert not Distillation.from_settings({**TEACHER, "teacher_model": "openai:/gpt-4o"}).needs_reflection
    assert Distillation.from_settings({**TEACHER, "student": "metaprompt"}).needs_reflection


@pytest.mark.parametrize(
    ("settings", "field", "remedy"),
    [
        ({}, "optimizer_config.teacher_prompt_uri", "is needed"),
        ({**TEACHER, "student": "jointsearch"}, "optimizer_config.student", "did you mean 'joint-search'"),
        ({**TEACHER, "student": "distillation"}, "optimizer_config.student", "cannot itself"),
        (
            {**TEACHER, "student_config": {"trails": 3}},
            "optimizer_config.student_config.trails",
            "did you mean 'trials'",
        ),
        ({**TEACHER, "trials": 3}, "optimizer_config.trials", "no such setting"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], field: str, remedy: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Distillation.from_settings(settings)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert remedy in problem.remedy


def test_shared_settings_reach_the_student() -> None:
    with pytest.raises(InvalidInput) as caught:
        Distillation.from_settings({**TEACHER, "student": "few-shot", "refuse_copied_examples": True})
    assert caught.value.problems[0].field == "optimizer_config.student_config.refuse_copied_examples"
