"""Problems are collected, and a misspelt name is answered with the one that was meant."""

from __future__ import annotations

import pytest

from burnish.errors import InvalidInput, Problem, Problems, did_you_mean


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("exact_mach", "; did you mean 'exact_match'?"),
        ("EXACT_MATCH", "; did you mean 'exact_match'?"),
        ("match", "; did you mean 'exact_match'?"),
        ("weather", ""),
        ("x" * 1_000_000, ""),
    ],
)
def test_a_near_name_is_suggested(word: str, near: str) -> None:
    assert did_you_mean(word, ["exact_match", "contains"]) == near


def test_every_problem_is_reported_once() -> None:
    def refuse() -> int:
        raise InvalidInput(Problem("a", "1", "must be 2"), Problem("b", "", "is required"))

    problems = Problems()
    problems.check()
    problems.add("a", 1, "must be 2")
    assert problems.collect(lambda: 7) == 7
    assert problems.collect(refuse) is None
    with pytest.raises(InvalidInput) as found:
        problems.check()
    assert [problem.field for problem in found.value.problems] == ["a", "b"]
