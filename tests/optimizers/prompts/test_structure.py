"""A prompt is taken apart so that nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.prompt import Message, variables_in_order, variables_of
from burnish.optimizers.prompts.structure import (
    PromptStructure,
    TemplateSlot,
    parse_structure,
)


@pytest.mark.parametrize(
    ("text", "structure"),
    [
        ("Classify it.\n\n{{review}}", PromptStructure("Classify it.", ("review",))),
        (
            "Classify it.\n\nReview: {{review}}\nSentiment:",
            PromptStructure("Classify it.", ("review",), "Sentiment"),
        ),
        ("Text: {{text}}\n\nSum it up.", PromptStructure("Sum it up.", ("text",))),
        (
            'Be brief.\n"{{a}}"\nCustomer message: {{customer_message}}',
            PromptStructure("Be brief.", ("a", "customer_message")),
        ),
        ("{{question}}", PromptStructure("", ("question",))),
        ("Translate to French: {{text}}", PromptStructure("Translate to French: {{text}}", ())),
        ("Is {{a}} more than {{b}}?", PromptStructure("Is {{a}} more than {{b}}?", ())),
        ("About {{a}}.\n\n{{b}}", PromptStructure("About {{a}}.", ("b",))),
        ("# Text\n{{text}}\n\n# Task\nSum up.", PromptStructure("# Text\n{{text}}\n\n# Task\nSum up.", ())),
        ("Repeat {{text}}.\n\n{{text}}", PromptStructure("Repeat {{text}}.\n\n{{text}}", ())),
    ],
)
def test_finds_instruction_fields_and_cue(text: str, structure: PromptStructure) -> None:
    assert parse_structure(text) == structure


pieces = st.sampled_from(
    ["{{a}}", "Review: {{b}}", "Say {{c}} twice.", "Answer:", "Plain words.", "", "# Title", "  ", "{{ a }}"]
)


@given(st.lists(pieces, max_size=8).map("\n".join))
def test_no_variable_is_lost(text: str) -> None:
    found = parse_structure(text)
    assert variables_of(found.instruction) | set(found.fields) == variables_of(text)
    assert not variables_of(found.instruction) & set(found.fields)
    assert found.instruction in text


def test_variables_come_in_the_order_of_the_text() -> None:
    assert variables_in_order("b {{b}} a {{ a }} {{b}} question {{c}}") == ("b", "a", "c")


def test_a_chat_is_rewritten_in_its_last_user_message() -> None:
    chat = (
        Message("system", "Be kind."),
        Message("user", "Hi"),
        Message("assistant", "Yes?"),
        Message("user", "{{q}}"),
    )
    slot = TemplateSlot.of(chat)
    assert slot.text == "{{q}}"
    assert slot.system_text == "Be kind."
    shown = (Message("user", "1"), Message("assistant", "2"))
    assert slot.fill("Q: {{q}}", "Be terse.", shown) == (
        Message("system", "Be terse."),
        *chat[1:3],
        *shown,
        Message("user", "Q: {{q}}"),
    )


def test_a_system_message_with_a_variable_stays_as_it_is() -> None:
    chat = (Message("system", "You work for {{company}}."), Message("user", "{{q}}"))
    slot = TemplateSlot.of(chat)
    assert slot.system is None
    assert slot.fill("Q: {{q}}", "Other words.")[0] == chat[0]


def test_a_text_is_its_own_frame() -> None:
    assert TemplateSlot.of("Hello {{x}}").fill("Bye {{x}}", "ignored") == "Bye {{x}}"
