"""Optimizers by name; settings are checked to the last key."""

from __future__ import annotations

import json
import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from burnish.domain.job import OptimizerType
from burnish.errors import InvalidInput
from burnish.optimizers.distillation import DistillationSettings
from burnish.optimizers.few_shot.optimizer import FewShotSettings
from burnish.optimizers.joint_search.optimizer import JointSearchSettings
from burnish.optimizers.metaprompt import MetapromptSettings
from burnish.optimizers.registry import (
    complete_settings,
    make_optimizer,
    optimizer_class,
    settings_schema,
)
from burnish.optimizers.settings import CommonSettings
from burnish.proto import prompt_optimization_pb2 as wire

ROOT = Path(__file__).parents[2]


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
    assert OptimizerType.parse(text) is OptimizerType.JOINT_SEARCH


@pytest.mark.parametrize(
    ("text", "hint"), [("metapromt", "'metaprompt'"), ("magic", "few-shot"), ("", "gepa")]
)
def test_an_unknown_name_lists_the_known_ones(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        OptimizerType.parse(text)
    (problem,) = caught.value.problems
    assert problem.field == "optimizer_type"
    assert hint in problem.remedy
    assert "joint-search" in problem.remedy


@pytest.mark.parametrize("kind", OptimizerType)
def test_every_type_has_a_class_with_its_settings(kind: OptimizerType) -> None:
    found = optimizer_class(kind)
    assert issubclass(found.settings_class, CommonSettings)
    properties = settings_schema(kind)["properties"]
    assert set(properties) == set(found.settings_class.model_fields)
    assert properties["target_score"]["default"] == 1.0
    assert properties["patience"]["description"].startswith("The search ends after")
    assert "reaches it; in [0, 1], as every score is." in properties["target_score"]["description"]


def test_the_wire_has_the_numbers_of_the_table() -> None:
    """A line that is missing in the proto file shows here: add ``NAME = NUMBER;`` and run ``make protos``."""
    wire_numbers = dict(wire.OptimizerType.items())
    assert wire_numbers.pop("OPTIMIZER_TYPE_UNSPECIFIED") == 0
    assert wire_numbers.pop("OPTIMIZER_TYPE_DISTILLATION_100") == 100  # before MLflow gave it a number
    assert wire_numbers == {kind.wire_name: kind.info.wire_number for kind in OptimizerType}


def test_the_names_of_a_type_lead_back_to_it() -> None:
    for kind in OptimizerType:
        assert {OptimizerType.parse(name) for name in (kind.cli_name, kind.wire_name, kind.value)} == {kind}
        assert OptimizerType(str(kind)) is kind
        assert pickle.loads(pickle.dumps(kind)) is kind


def test_the_pages_list_every_optimizer_as_the_table_does() -> None:
    """Both follow from ``domain/optimizer_type.py``; this line is what the page must hold."""
    page = (ROOT / "docs" / "optimizers.md").read_text()
    rows = [
        f"| `{kind.cli_name}` | {kind.info.changes} | {kind.info.second_model} | {kind.info.choose_when} |"
        for kind in OptimizerType
    ]
    table = page.split("|---|---|---|---|\n", 1)[1].split("\n\n", 1)[0]
    assert table.splitlines() == rows
    readme = (ROOT / "README.md").read_text()
    assert f"[--optimizer {'|'.join(kind.cli_name for kind in OptimizerType)}]" in readme


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
    page = (ROOT / "docs" / "optimizers.md").read_text()
    [section] = [part for part in page.split("\n## ") if part.startswith(f"{heading}\n")]
    shown = dict(line.split(" | ")[:2] for line in section.splitlines() if line.startswith("| `"))
    for name, field in settings.model_fields.items():
        if settings is CommonSettings or name not in CommonSettings.model_fields:
            default = shown[f"| `{name}`"]
            assert not isinstance(field.default, int | float) or str(field.default).lower() in (
                default.strip("`"),
                f"{default}.0",
            ), name


@pytest.mark.parametrize("kind", OptimizerType)
def test_completed_settings_say_every_default_and_mean_the_same(kind: OptimizerType) -> None:
    given: dict[str, Any] = {"minimum_gain": 0.25, "patience": None}
    if kind is OptimizerType.DISTILLATION:
        given["teacher_prompt_uri"] = "prompts:/teacher/1"
    complete = complete_settings(kind, given)
    assert complete.keys() == optimizer_class(kind).settings_class.model_fields.keys()
    assert complete["minimum_gain"] == 0.25
    assert json.loads(json.dumps(complete)) == complete
    assert complete_settings(kind, complete) == complete
    reads = [make_optimizer(kind, settings) for settings in (given, complete)]
    assert reads[0].estimate(40, 20, 500) == reads[1].estimate(40, 20, 500)


def test_sampling_options_that_were_not_said_stay_unsaid_in_completed_settings() -> None:
    assert complete_settings(OptimizerType.METAPROMPT, {})["lm_kwargs"] == {}
    said = {"temperature": None, "top_k": 3}
    assert complete_settings(OptimizerType.METAPROMPT, {"lm_kwargs": said})["lm_kwargs"] == said


def test_the_student_s_settings_are_completed_too() -> None:
    complete = complete_settings(
        OptimizerType.DISTILLATION,
        {"teacher_prompt_uri": "prompts:/t/1", "student": "few_shot", "patience": 3},
    )
    assert complete["student_config"] == complete_settings(OptimizerType.FEW_SHOT, {"patience": 3})


def test_settings_that_cannot_be_completed_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"optimizer_config\.patience"):
        complete_settings(OptimizerType.GEPA, {"patience": 0})
