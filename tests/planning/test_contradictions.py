"""What a plan says of data that contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.planning.checks import contradictions


def dataset(*records: tuple[str, Any]) -> Dataset:
    return Dataset.of([({"q": question}, {"expected_response": answer}) for question, answer in records])


def test_the_same_inputs_with_other_expectations_get_a_warning() -> None:
    (warning,) = contradictions(dataset(("a", "1"), ("b", "1"), ("a", "2"), ("a", "3"), ("b", "1")))
    assert warning.startswith("2 records")
    assert dataset(("a", "1"), ("a", "2")).examples[1].example_id in warning


@pytest.mark.parametrize("records", [[], [("a", "1"), ("b", "2")], [("a", ["1"]), ("a", ["1"])]])
def test_the_same_record_twice_is_no_contradiction(records: list[tuple[str, Any]]) -> None:
    assert contradictions(dataset(*records)) == []
    assert contradictions(None) == []
