"""Data that the scorers cannot work with is refused before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.errors import InvalidInput, Problem
from burnish.evaluation.scorers.expectations import check_expectations
from burnish.evaluation.scorers.registry import make_scorers


def dataset_of(*expectations: dict[str, Any]) -> Dataset:
    sources = [f"films.csv:{line}" for line in range(2, 2 + len(expectations))]
    return Dataset.of([({"q": i}, e) for i, e in enumerate(expectations)], sources=sources)


def problems(specs: list[str], dataset: Dataset) -> list[Problem]:
    with pytest.raises(InvalidInput) as refusal:
        check_expectations(make_scorers(specs), dataset)
    return list(refusal.value.problems)


def test_missing_expectations_are_counted_and_the_first_record_named() -> None:
    dataset = dataset_of({"expected_response": "x"}, {}, {"expected_response": ""})
    (problem,) = problems(["exact_match", "json_valid"], dataset)
    assert problem.value == "films.csv:3"
    for phrase in ("exact_match", "2 of 3 records", "expected_response"):
        assert phrase in problem.remedy


def test_a_record_of_a_file_is_named_by_its_line() -> None:
    records: list[tuple[dict[str, Any], dict[str, Any]]] = [({"q": 1}, {}), ({"q": 2}, {})]
    (problem,) = problems(["exact_match"], Dataset.of(records, sources=["rows.csv:2", "rows.csv:3"]))
    assert problem.value == "rows.csv:2"


@pytest.mark.parametrize(
    ("spec", "expected", "phrase"),
    [
        ("numeric_match", "none", "no number"),
        ("numeric_match", True, "no number"),
        ("numeric_match", [], "no number"),
        ("json_match", "positive", "not the JSON"),
        ("json_match:age", {"name": "Ada"}, "lacks age"),
        ("json_match:age", [1], "not an object"),
    ],
)
def test_expectations_a_scorer_cannot_use_are_refused(spec: str, expected: Any, phrase: str) -> None:
    (problem,) = problems([spec], dataset_of({"expected_response": expected}))
    assert phrase in problem.remedy


def test_every_scorer_has_its_problem() -> None:
    assert len(problems(["exact_match", "numeric_match", "max_length:5"], dataset_of({}))) == 2


def test_scorers_that_need_none_take_any_data() -> None:
    check_expectations(make_scorers(["json_valid", "max_length:5", "contains:a"]), dataset_of({}))


def test_what_a_teacher_will_give_is_not_missed() -> None:
    scorers = make_scorers(["exact_match", "numeric_match"])
    check_expectations(scorers, dataset_of({}), given={"expected_response"})
