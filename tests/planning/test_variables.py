"""What of a prompt is filled in from the records, and what a user is warned of (F12)."""

from __future__ import annotations

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.prompt import Prompt
from burnish.errors import InvalidInput
from burnish.planning.checks import check_records, unfilled_placeholders


def dataset(*inputs: dict[str, str]) -> Dataset:
    return Dataset.of([(values, {"expected_response": "x"}) for values in inputs])


@pytest.mark.parametrize("name", ["first name", "user-name", "вопрос", "größe", "user.question", "1st"])
def test_a_column_of_any_name_is_a_variable(name: str) -> None:
    prompts = [Prompt(name="p", template=f"Answer {{{{ {name} }}}}")]
    records = dataset({name: "a"}, {name: "b"})
    check_records(prompts, records)
    assert unfilled_placeholders(prompts, records) == []


@pytest.mark.parametrize("name", ["first name", "вопрос", "größe"])
def test_what_mlflow_leaves_as_it_is_gets_a_warning(name: str) -> None:
    prompts = [Prompt(name="p", template=f"{{{{question}}}} {{{{{name}}}}}")]
    records = dataset({"question": "a"})
    check_records(prompts, records)
    (warning,) = unfilled_placeholders(prompts, records)
    assert f"{{{{{name}}}}}" in warning
    assert "as MLflow would" in warning


def test_an_expression_gets_a_warning() -> None:
    prompts = [Prompt(name="p", template="{{question}} {{ question | upper }} {# note #}")]
    (warning,) = unfilled_placeholders(prompts, dataset({"question": "a"}))
    assert "{{ question | upper }}" in warning
    assert "note" not in warning


@pytest.mark.parametrize("template", ["{{question}} {{user.name}}", "{{question}} {{context}}"])
def test_a_variable_of_mlflow_s_without_a_value_is_refused(template: str) -> None:
    with pytest.raises(InvalidInput, match="2 of 2 records lack it"):
        check_records([Prompt(name="p", template=template)], dataset({"question": "a"}, {"question": "b"}))


def test_a_column_that_some_records_lack_is_refused() -> None:
    with pytest.raises(InvalidInput, match="1 of 2 records lack it"):
        check_records([Prompt(name="p", template="{{вопрос}}")], dataset({"вопрос": "a"}, {"other": "b"}))


def test_a_record_of_a_file_is_named_by_its_line() -> None:
    records = Dataset.of([({"q": "a"}, {}), ({"other": "b"}, {})], sources=["q.csv:2", "q.csv:3"])
    with pytest.raises(InvalidInput) as refused:
        check_records([Prompt(name="p", template="{{q}}")], records)
    assert [problem.value for problem in refused.value.problems] == ["q.csv:3"]


def test_a_prompt_that_nothing_is_filled_into_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"has no \{\{variable\}\}.*add \{\{question\}\}"):
        check_records([Prompt(name="p", template="{{вопрос}}")], dataset({"question": "a"}))
