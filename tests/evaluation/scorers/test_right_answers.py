"""Any of a list of expected answers is right; an object is for json_match only (F11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.errors import InvalidInput
from burnish.evaluation.scorer import Sample
from burnish.evaluation.scorer_set import ScorerSet
from burnish.evaluation.scorers.expectations import check_expectations
from burnish.evaluation.scorers.registry import make_scorers
from burnish.optimizers.prompts.answer_type import AnswerKind, answer_type_of
from burnish.optimizers.prompts.demonstrations import labelled


async def score(spec: str, output: str, expected: Any) -> float:
    """The score of one answer, after the checks that a job makes."""
    scorers = make_scorers([spec])
    dataset = Dataset.of([({"q": "?"}, {"expected_response": expected})])
    check_expectations(scorers, dataset)
    scorers[0].scorer.prepare(dataset.examples)
    scores = (await ScorerSet(scorers).score(Sample(example=dataset.examples[0], output=output))).scores
    (found,) = scores.values()
    return found.value


@pytest.mark.parametrize(
    ("spec", "output"),
    [
        ("exact_match", "Paris."),
        ("exact_match", "city of light"),
        ("contains", "It is Paris, of course"),
        ("label_match", "I would say paris"),
        ("similarity", "PARIS"),
    ],
)
async def test_any_of_a_list_is_right(spec: str, output: str) -> None:
    assert await score(spec, output, ["Paris", "City of Light"]) == 1.0
    assert await score(spec, "London", ["Paris", "City of Light"]) < 1.0


async def test_any_number_of_a_list_is_right() -> None:
    assert await score("numeric_match", "about 8", [7, "8"]) == 1.0
    assert await score("numeric_match:0.5", "9.4", [7, 9]) == 1.0
    assert await score("numeric_match", "9", [7, 8]) == 0.0


async def test_the_nearest_of_a_list_counts() -> None:
    near, far = "Paris, France", "x"
    assert await score("similarity", "Paris, Franc", [far, near]) == await score(
        "similarity", "Paris, Franc", near
    )


@pytest.mark.parametrize("spec", ["exact_match", "contains", "label_match", "similarity", "numeric_match"])
@pytest.mark.parametrize(
    "expected", [{"city": "Paris"}, [{"city": "Paris"}], [], ["Paris", ["Rome"]], [None]]
)
async def test_anything_but_a_text_is_refused_before_anything_is_paid(spec: str, expected: Any) -> None:
    with pytest.raises(InvalidInput):
        await score(spec, "Paris", expected)


@pytest.mark.parametrize("spec", ["exact_match", "label_match"])
async def test_the_refusal_names_json_match(spec: str) -> None:
    with pytest.raises(InvalidInput, match="json_match"):
        await score(spec, "Paris", {"city": "Paris"})


async def test_json_match_compares_lists_and_objects_as_they_are() -> None:
    assert await score("json_match", '["a", "b"]', ["a", "b"]) == 1.0
    assert await score("json_match", '"a"', ["a", "b"]) == 0.0
    assert await score("json_match:city", '{"city": "Paris", "n": 1}', {"city": "Paris"}) == 1.0


async def test_scorers_that_compare_with_nothing_take_any_data() -> None:
    assert await score("max_length:9", "Paris", {"city": "Paris"}) == 1.0
    assert await score("contains:ari", "Paris", {"city": "Paris"}) == 1.0


def test_a_prompt_shows_one_right_answer() -> None:
    (example,) = Dataset.of([({"q": "?"}, {"expected_response": ["Paris", "City of Light"]})]).examples
    assert [entry.answer for entry in labelled([replace(example, alternatives=True)])] == ["Paris"]
    assert [entry.answer for entry in labelled([example])] == ['["Paris", "City of Light"]']
    assert answer_type_of([replace(example, alternatives=True)] * 2).kind is not AnswerKind.JSON
