"""Training examples in a prompt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import Message
from burnish.optimizers.prompts.demonstrations import Demonstration, as_block, as_turns, labelled, pick


def examples(*answers: str) -> tuple[Example, ...]:
    records = [({"text": f"Text {n}"}, {"expected_response": a}) for n, a in enumerate(answers)]
    return Dataset.of(records).examples


@given(st.integers(0, 20), st.integers(0, 5))
def test_a_selection_has_every_answer_before_any_twice(seed: int, draw: int) -> None:
    pool = labelled(examples(*"aaaaaaaabbc"))
    assert {shown.answer for shown in pick(pool, 3, seed, draw)} == {"a", "b", "c"}
    assert pick(pool, 3, seed, draw) == pick(pool, 3, seed, draw)
    assert len({shown.example.example_id for shown in pick(pool, 99, seed, draw)}) == len(pool)


def test_another_draw_is_another_selection() -> None:
    pool = labelled(examples(*"abababababab"))
    draws = [{shown.example.example_id for shown in pick(pool, 4, 0, draw)} for draw in range(6)]
    assert len({frozenset(ids) for ids in draws}) > 3


def test_what_would_read_as_a_variable_is_not_shown() -> None:
    found = labelled(examples("fine", "{{ name }}", "{% if %}", "x" * 2000, "", "also fine"))
    assert [demonstration.answer for demonstration in found] == ["fine", "also fine"]


def test_blocks_and_turns() -> None:
    shown = [Demonstration(example, example.expected) for example in examples("yes", "no")]
    block = as_block(shown, ["text"], lambda name, value: f"{name}={value}", "Answer:", "Examples:")
    assert block == "Examples:\n\ntext=Text 0\nAnswer: yes\n\ntext=Text 1\nAnswer: no"
    turns = as_turns(shown, lambda example: f"Q: {example.inputs['text']}")
    assert turns[:2] == (Message("user", "Q: Text 0"), Message("assistant", "yes"))
