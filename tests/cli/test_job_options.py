"""The table of a job's options, and everything that is made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from burnish.cli.job_options import read_options
from burnish.domain.app import App
from burnish.domain.budget import Budget
from burnish.domain.job import DEFAULT_OPTIMIZER, JobConfig, JobOptions, SplitFractions
from burnish.domain.optimizer_type import OptimizerType
from burnish.domain.options import OptionRow
from burnish.errors import InvalidInput
from burnish.proto import prompt_optimization_pb2 as wire
from tests.cli.conftest import Said

PAGE = Path(__file__).parents[2] / "docs" / "options.md"
ON_THE_WIRE = {"optimizer_config": "optimizer_config_json"}


def wire_name(row: OptionRow) -> str:
    name = ON_THE_WIRE.get(row.name, row.name)
    return f"{row.group}.{name}" if row.group else name


@pytest.mark.parametrize("row", JobConfig.options(), ids=lambda row: row.name)
def test_every_option_is_a_field_of_the_wire(row: OptionRow) -> None:
    message = wire.PromptOptimizationJobConfig.DESCRIPTOR
    for name in wire_name(row).split("."):
        field = message.fields_by_name[name]
        message = field.message_type or message


def test_every_field_of_the_wire_is_an_option() -> None:
    known = {wire_name(row).partition(".")[0] for row in JobConfig.options()}
    names = {field.name for field in wire.PromptOptimizationJobConfig.DESCRIPTOR.fields}
    assert names - known == {"further_source_prompt_uris"}


def test_the_keywords_of_the_sdk_are_the_fields_of_the_config() -> None:
    names = {entry.name for entry in fields(JobConfig)} - {"source_prompt_uris"}
    assert set(JobOptions.__annotations__) - {"further_source_prompt_uris"} == names


@pytest.mark.parametrize("command", [("optimize",), ("jobs", "create")])
def test_both_commands_have_every_option(burnish: Callable[..., Said], command: tuple[str, ...]) -> None:
    said = burnish(*command, "--help").stdout
    for row in JobConfig.options():
        if row.name != "dataset_id" or command != ("optimize",):
            assert f"  {row.flag} " in said, row.name


def test_the_page_lists_every_option() -> None:
    """The table of docs/options.md must be these lines."""
    rows = [
        f"| `{wire_name(row)}` | `{row.flag}` | {shown_default(row)} | {row.option.help} |"
        for row in JobConfig.options()
    ]
    table = PAGE.read_text().split("|---|---|---|---|\n", 1)[1].split("\n\n", 1)[0]
    assert table.splitlines() == rows


def shown_default(row: OptionRow) -> str:
    shown = row.option.default_text if row.option.default_text is not None else row.default
    return "" if shown in (None, "", (), {}) else f"{shown:g}" if isinstance(shown, float) else str(shown)


def test_what_is_typed_becomes_a_config() -> None:
    typed: dict[str, Any] = {
        "scorers": ["exact_match", "contains=2"],
        "optimizer_type": "few-shot",
        "optimizer_config": '{"rounds": 3}',
        "budget_max_calls": 90,
        "budget_max_usd": None,
        "split": "0.6/0.4/0",
        "seed": 0,
    }
    assert JobConfig(source_prompt_uris=("p",), **read_options(typed)) == JobConfig(
        source_prompt_uris=("p",),
        scorers=("exact_match", "contains=2"),
        optimizer_type=OptimizerType.FEW_SHOT,
        optimizer_config={"rounds": 3},
        budget=Budget(max_calls=90),
        split=SplitFractions(0.6, 0.4, 0.0),
    )
    assert JobConfig(source_prompt_uris=("p",)).optimizer_type is DEFAULT_OPTIMIZER


def test_an_app_is_one_where_anything_of_it_is_typed() -> None:
    typed = {"app_url": "https://apps.example/x", "app_headers_from_env": ["Authorization=BURNISH_APP_TOKEN"]}
    (config,) = read_options(typed).values()
    assert config == App(
        url="https://apps.example/x", headers_from_env={"Authorization": "BURNISH_APP_TOKEN"}
    )
    assert "app" not in read_options({"app_url": None, "app_timeout_seconds": None, "seed": 0})


def test_what_is_wrong_with_an_app_is_named() -> None:
    headers = {"Host": "BURNISH_APP_HOST", "a b": "BURNISH_APP_X", "X-Key": "OPENAI_API_KEY"}
    config = JobConfig(source_prompt_uris=("p",), app=App(timeout_seconds=0.0, headers_from_env=headers))
    assert [problem.field for problem in config.problems()] == [
        "config.app.timeout_seconds",
        "config.app.url",
        "config.app.headers_from_env.Host",
        "config.app.headers_from_env.a b",
        "config.app.headers_from_env.X-Key",
    ]


def test_pairs_that_are_none_or_come_twice() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_options({"inputs": ["question", "=x", "a=b", "a=c"]})
    assert [(problem.field, problem.value) for problem in caught.value.problems] == [
        ("--input", "question"),
        ("--input", "=x"),
        ("--input", "a=c"),
    ]


def test_everything_that_cannot_be_read_is_named_by_its_flag() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_options({"optimizer_type": "gpa", "optimizer_config": "[", "split": "half"})
    problems = {problem.field: problem.remedy for problem in caught.value.problems}
    assert set(problems) == {"--optimizer", "--optimizer-config", "--split"}
    assert "did you mean 'gepa'?" in problems["--optimizer"]
    assert "Invalid JSON" in problems["--optimizer-config"]
