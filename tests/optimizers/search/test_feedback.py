"""Feedback for the reflection model: everything that helps, within its budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.dataset import Dataset, Example
from burnish.domain.score import Evaluation, Score
from burnish.domain.text import estimate_tokens
from burnish.optimizers.search.feedback import feedback, records, shorten

Results = tuple[list[Evaluation], list[Example]]


def results(*outputs: str, scores: list[float] | None = None) -> Results:
    examples = Dataset.of(
        [({"review": f"review {i}"}, {"expected_response": "positive"}) for i in range(len(outputs))]
    ).examples
    values = scores or [0.0] * len(outputs)
    evaluations = [
        Evaluation("c", example.example_id, output, {"exact_match": Score(value, "too long")}, value)
        for example, output, value in zip(examples, outputs, values, strict=True)
    ]
    return evaluations, list(examples)


def test_tells_inputs_answer_expectation_score_rationale_and_error() -> None:
    evaluations, examples = results("It is good.")
    failed = Evaluation("c", examples[0].example_id, "", {}, 0.0, error="no answer within 60 s")
    text = feedback([*evaluations, failed], [*examples, *examples], 1000)
    for phrase in (
        "review 0",
        "It is good.",
        "positive",
        "exact_match: 0 (too long)",
        "no answer within 60 s",
    ):
        assert phrase in text
    assert text.index("# Example 1") < text.index("# Example 2")


def test_what_fits_is_whole() -> None:
    evaluations, examples = results("short", "x" * 4000)
    assert "x" * 4000 in feedback(evaluations, examples, 5000)


def test_the_longest_entries_are_cut_first_and_keep_their_ends() -> None:
    long = "the beginning " + "x" * 100_000 + " the end"
    text = feedback(*results("short answer", long), 400)
    for phrase in ("short answer", "review 0", "review 1", "the beginning", "the end", "characters left out"):
        assert phrase in text
    assert estimate_tokens(text) > 300  # the budget is used


def test_the_best_examples_are_left_out_last_resort() -> None:
    outputs = [f"answer {i} {'x' * 500}" for i in range(30)]
    text = feedback(*results(*outputs, scores=[i / 30 for i in range(30)]), 300)
    assert "answer 0" in text
    assert "answer 29" not in text
    assert "are left out" in text


def test_records_are_cut_to_the_same_budget() -> None:
    evaluations, examples = results("y" * 10_000, "z")
    first, second = records(evaluations, examples, 300)
    assert first["Inputs"] == {"review": "review 0"}
    assert 60 <= len(first["Answer"][""]) < 1200
    assert second["Answer"] == {"": "z"}
    assert records([], [], 10) == []


def test_every_example_has_its_evaluation() -> None:
    evaluations, examples = results("a", "b")
    with pytest.raises(ValueError, match="shorter"):
        feedback(evaluations, examples[:1], 100)


@given(st.lists(st.text(max_size=300), max_size=8), st.integers(0, 500))
def test_never_exceeds_its_budget(outputs: list[str], max_tokens: int) -> None:
    assert estimate_tokens(feedback(*results(*outputs), max_tokens)) <= max_tokens


@given(st.text(), st.integers(0, 200))
def test_shortened_texts_are_no_longer_than_allowed(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    if len(text) <= limit:
        assert short == text


def test_other_scripts_count_more_tokens() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("abcd" * 10) == 10
    assert estimate_tokens("你好世界") == 4
