"""Optimizers by name; settings are checked to the last key."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.job import OptimizerType
from burnish.errors import InvalidInput
from burnish.optimizers.distillation import DistillationSettings
from burnish.optimizers.few_shot import FewShotSettings
from burnish.optimizers.joint_search import JointSearchSettings
from burnish.optimizers.metaprompt import MetapromptSettings
from burnish.optimizers.registry import CLASSES, make_optimizer, parse_optimizer
from burnish.optimizers.settings import CommonSettings


@pytest.mark.parametrize(
    "text",
    [
        "joint-search",
        "JOINT_SEARCH",
        "OPTIMIZER_TYPE_JOINT_SEARCH",
        " Joint Search ",
        "optimizer_type_joint-search",
    ],
)
def test_reads_names_as_people_and_the_wire_write_them(text: str) -> None:
    assert parse_optimizer(text) is OptimizerType.JOINT_SEARCH


@pytest.mark.parametrize(
    ("text", "hint"), [("metapromt", "'metaprompt'"), ("magic", "few-shot"), ("", "gepa")]
)
def test_an_unknown_name_lists_the_known_ones(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_optimizer(text)
    (problem,) = caught.value.problems
    assert problem.field == "optimizer"
    assert hint in problem.remedy
    assert "joint-search" in problem.remedy


def test_every_type_has_a_class() -> None:
    assert set(CLASSES) == set(OptimizerType)


@pytest.mark.parametrize("kind", OptimizerType)
def test_every_optimizer_refuses_what_it_does_not_know(kind: OptimizerType) -> None:
    needed = {"teacher_prompt_uri": "prompts:/t/1"} if kind is OptimizerType.DISTILLATION else {}
    with pytest.raises(InvalidInput) as caught:
        make_optimizer(kind, {**needed, "target_scor": 0.5, "minimum_gain": "much", "patience": 1.5})
    problems = {problem.field: problem.remedy for problem in caught.value.problems}
    assert "did you mean 'target_score'" in problems["optimizer_config.target_scor"]
    assert "must be a number" in problems["optimizer_config.minimum_gain"]
    assert "must be a whole number" in problems["optimizer_config.patience"]


@pytest.mark.parametrize("kind", OptimizerType)
def test_every_optimizer_takes_the_common_settings(kind: OptimizerType) -> None:
    common: dict[str, Any] = {
        "reflection_model": "openai:/gpt-4o",
        "target_score": 1,
        "patience": 3,
        "minimum_gain": 0.01,
        "max_prompt_tokens": 500,
        "refuse_copied_examples": False,
    }
    if kind is OptimizerType.DISTILLATION:
        common["teacher_prompt_uri"] = "prompts:/t/1"
    estimate = make_optimizer(kind, common).estimate(100, 50, None)
    assert 0 < estimate.target_low <= estimate.target_high
    assert 0 <= estimate.reflection_low <= estimate.reflection_high


def test_settings_must_be_an_object() -> None:
    with pytest.raises(InvalidInput) as caught:
        make_optimizer(OptimizerType.JOINT_SEARCH, ["trials", 3])  # type: ignore[arg-type]
    assert caught.value.problems[0].field == "optimizer_config"
    assert "object" in caught.value.problems[0].remedy


def test_classes_are_loaded_only_when_asked_for() -> None:
    registry = import_module("burnish.optimizers.registry")
    assert not any(name in vars(registry) for name in ("JointSearch", "Gepa", "optuna"))


@pytest.mark.parametrize(
    ("heading", "settings"),
    [
        ("For all of them", CommonSettings),
        ("`joint-search`", JointSearchSettings),
        ("`few-shot`", FewShotSettings),
        ("`metaprompt`", MetapromptSettings),
        ("`distillation`", DistillationSettings),
    ],
)
def test_the_page_tells_every_setting_with_its_default(heading: str, settings: type[CommonSettings]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "optimizers.md").read_text()
    [section] = [part for part in page.split("\n## ") if part.startswith(f"{heading}\n")]
    told = dict(line.split(" | ")[:2] for line in section.splitlines() if line.startswith("| `"))
    for name, field in settings.model_fields.items():
        if settings is CommonSettings or name not in CommonSettings.model_fields:
            default = told[f"| `{name}`"]
            assert not isinstance(field.default, int | float) or str(field.default).lower() in (
                default.strip("`"),
                f"{default}.0",
            ), name
