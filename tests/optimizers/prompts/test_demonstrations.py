"""Training examples in a prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.dataset import Dataset, Example
from burnish.domain.prompt import Message, Template, render, variables_of
from burnish.optimizers.prompts.composer import PromptComposer
from burnish.optimizers.prompts.demonstrations import (
    Demonstration,
    as_block,
    as_turns,
    labelled,
    pick,
    reasons_against,
)
from burnish.optimizers.prompts.instruction_templates import NO_RULE
from burnish.optimizers.prompts.layout import AS_SOURCE, PLAIN
from burnish.optimizers.search.validator import problems_of


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


def test_an_answer_that_would_be_read_as_a_variable_is_not_shown() -> None:
    answers = (
        "fine",
        "{{ name }}",
        "{% if %}",
        "x" * 2000,
        "",
        '{"a": {"b": {}}}',
        "{{größe}}",
        r"\frac{a}{b}",
    )
    found = labelled(examples(*answers))
    assert [demonstration.answer for demonstration in found] == ["fine", '{"a": {"b": {}}}', r"\frac{a}{b}"]
    assert reasons_against(examples(*answers)) == (
        "3 with an answer that would be read as a variable or as Jinja, "
        "1 with more than 1200 characters, 1 with no expected response"
    )


STRANGE_VALUES = (
    "{{ name }}",
    "Dear {{customer.name}}, your {{text}} is {here}",
    "{% for x in y %}{{ x }}{% endfor %}",
    r"\section{A}{#1}",
    '{"a": {"b": 1}}',
    "{{größe}} {{first name}}",
    "{#if x}{/if}",
)


@pytest.mark.parametrize("value", STRANGE_VALUES)
@pytest.mark.parametrize(
    "source",
    [
        "Which?\n\n{{text}}",
        "Which is {{text}}?",
        (Message("system", "Say which."), Message("user", "{{text}}")),
    ],
    ids=["fields", "sentence", "chat"],
)
@pytest.mark.parametrize("style", ["block", "titled", "turns"])
def test_braces_in_values_are_text_and_may_be_shown(value: str, source: Template, style: str) -> None:
    """They reach the model as text, through our rendering and through MLflow's own."""
    shown = labelled(Dataset.of([({"text": value}, {"expected_response": "one"})]).examples)
    if style == "turns" and isinstance(source, str):
        style = "block"
    composer = PromptComposer.of(source, [demonstration.example for demonstration in shown])
    for layout in (PLAIN, AS_SOURCE):
        template = composer.compose(composer.structure.instruction, NO_RULE, layout, shown, style)
        assert problems_of(template, source) == []
        [*_, last] = render(template, {"text": "the new one"})
        text = "\n".join(message.content for message in render(template, {"text": "the new one"}))
        assert "the new one" in last.content
        assert value.replace(" ", "") in text.replace(" ", "")
        assert variables_of(template) == {"text"}


def test_blocks_and_turns() -> None:
    shown = [Demonstration(example, example.expected) for example in examples("yes", "no")]
    block = as_block(shown, ["text"], lambda name, value: f"{name}={value}", "Answer:", "Examples:")
    assert block == "Examples:\n\ntext=Text 0\nAnswer: yes\n\ntext=Text 1\nAnswer: no"
    turns = as_turns(shown, lambda example: f"Q: {example.inputs['text']}")
    assert turns[:2] == (Message("user", "Q: Text 0"), Message("assistant", "yes"))
