"""MLflow's keys and ours are taken; what is unknown, wrong or said twice is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.domain.job import OptimizerType
from burnish.errors import InvalidInput
from burnish.optimizers.gepa.budget import BudgetPlan
from burnish.optimizers.gepa.optimizer import Gepa
from burnish.optimizers.gepa.settings import GepaConfig, GepaKwargs, GepaSettings
from burnish.optimizers.registry import make_optimizer


def test_mlflows_keys_and_ours_are_taken() -> None:
    optimizer = make_optimizer(
        OptimizerType.GEPA,
        {
            "reflection_model": "openai:/gpt-5",
            "max_metric_calls": 300,
            "display_progress_bar": True,
            "gepa_kwargs": {"module_selector": "all", "skip_perfect_score": False, "perfect_score": 0.9},
            "concurrency": 16,
            "lookahead": 6,
            "minibatch_size": 4,
            "validation_size": 20,
            "merge": True,
            "frontier": "hybrid",
            "seed": 7,
            "target_score": 0.9,
            "patience": 10,
        },
    )
    assert isinstance(optimizer, Gepa)
    assert optimizer.needs_reflection


def test_the_same_may_be_said_in_gepas_words() -> None:
    given = {"reflection_minibatch_size": 5, "use_merge": True, "frontier_type": "objective", "seed": 3}
    config = GepaConfig.read({"gepa_kwargs": given})
    assert (config.minibatch_size, config.frontier, config.seed) == (5, "objective", 3)
    assert config.merges(2)
    assert not config.merges(1)


def test_the_page_on_gepa_tells_every_setting() -> None:
    page = (Path(__file__).parents[3] / "docs" / "gepa.md").read_text()
    for name in (*GepaSettings.model_fields, *GepaKwargs.model_fields):
        assert f"`{name}`" in page, name


def plan(settings: dict[str, Any], validation: int = 30) -> BudgetPlan:
    return BudgetPlan(GepaConfig.read(settings), validation, max_calls=None)


def test_empty_gepa_kwargs_are_none() -> None:
    assert GepaConfig.read({"gepa_kwargs": None}).minibatch_size == 3


@pytest.mark.parametrize(
    ("settings", "field", "remedy"),
    [
        ({"max_metric_call": 5}, "max_metric_call", "did you mean 'max_metric_calls'?"),
        ({"max_metric_calls": "abc"}, "max_metric_calls", "whole number"),
        ({"max_metric_calls": 0}, "max_metric_calls", "greater than or equal to 1"),
        ({"lookahead": True}, "lookahead", "whole number"),
        ({"lookahead": 65}, "lookahead", "less than or equal to 64"),
        ({"concurrency": 0}, "concurrency", "greater than or equal to 1"),
        ({"minibatch_size": 0}, "minibatch_size", "greater than or equal to 1"),
        ({"validation_size": -1}, "validation_size", "greater than or equal to 1"),
        ({"target_score": 90}, "target_score", "at most 1, where all scores are"),
        ({"patience": 0}, "patience", "greater than or equal to 1"),
        ({"merge": "yes"}, "merge", "true or false"),
        ({"display_progress_bar": 1}, "display_progress_bar", "true or false"),
        ({"seed": "first"}, "seed", "whole number"),
        ({"reflection_model": ""}, "reflection_model", "at least 1"),
        ({"frontier": "pareto"}, "frontier", "'instance', 'objective'"),
        ({"gepa_kwargs": "all"}, "gepa_kwargs", "object"),
        ({"gepa_kwargs": {"run_dir": "/tmp"}}, "gepa_kwargs.run_dir", "known are"),
        ({"gepa_kwargs": {"cache_evaluation": True}}, "gepa_kwargs.cache_evaluation", "known are"),
        ({"gepa_kwargs": {"use_wandb": True}}, "gepa_kwargs.use_wandb", "known are"),
        ({"gepa_kwargs": {"module_selector": "one"}}, "gepa_kwargs.module_selector", "'round_robin'"),
        (
            {"gepa_kwargs": {"reflection_prompt_template": "Improve <curr_param>"}},
            "gepa_kwargs.reflection_prompt_template",
            "<side_info>",
        ),
        (
            {"minibatch_size": 4, "gepa_kwargs": {"reflection_minibatch_size": 3}},
            "minibatch_size",
            "reflection_minibatch_size says 3",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(settings: dict[str, Any], field: str, remedy: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Gepa.from_settings(settings)
    (problem,) = raised.value.problems
    assert problem.field == f"optimizer_config.{field}"
    assert remedy in problem.remedy


@pytest.mark.parametrize(("concurrency", "width"), [(1, 1), (2, 1), (4, 3), (8, 6), (16, 12), (200, 12)])
def test_the_look_ahead_follows_the_concurrency(concurrency: int, width: int) -> None:
    assert plan({}).lookahead(concurrency) == width
    assert plan({"lookahead": 3}).lookahead(concurrency) == 3
    assert plan({"concurrency": 6}).lookahead(concurrency) == 4


@pytest.mark.parametrize(("budget", "width"), [(72, 1), (100, 2), (150, 5), (300, 12)])
def test_a_small_budget_is_not_spent_in_one_breath(budget: int, width: int) -> None:
    assert plan({"max_metric_calls": budget}).lookahead(16) == width
    assert plan({"max_metric_calls": budget, "lookahead": 7}).lookahead(16) == 7


def test_an_estimate_says_what_can_be_used_at_most() -> None:
    estimate = Gepa.from_settings({"max_metric_calls": 300}).estimate(60, 30, None)
    assert (estimate.target_low, estimate.target_high) == (69, 300)
    assert (estimate.reflection_low, estimate.reflection_high) == (1, 90)
    assert not estimate.warnings
    assert Gepa.from_settings({"max_metric_calls": 300}).estimate(60, 30, 200).target_high == 200


def test_a_budget_that_is_too_small_is_warned_of() -> None:
    (warning,) = Gepa.from_settings({"max_metric_calls": 80}).estimate(60, 30, None).warnings
    assert "80 evaluations" in warning
    assert "3 proposals" in warning
    (warning,) = Gepa.from_settings({}).estimate(60, 30, 50).warnings
    assert "no room for a proposal" in warning
    assert "69" in warning


def test_a_setting_that_leaves_no_room_for_one_proposal_is_refused() -> None:
    with pytest.raises(InvalidInput) as raised:
        Gepa.from_settings({"max_metric_calls": 68}).estimate(60, 30, None)
    (problem,) = raised.value.problems
    assert problem.field == "optimizer_config.max_metric_calls"
    assert "take 69, which is the least that is accepted" in problem.remedy
    Gepa.from_settings({"max_metric_calls": 69}).estimate(60, 30, None)
    assert "69" in problem.remedy
