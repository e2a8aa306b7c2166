"""A prompt is taken apart so that nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.prompt import Message, variables_of
from burnish.optimizers.prompts.structure import Anatomy, Frame, anatomy_of, variables_in_order


@pytest.mark.parametrize(
    ("text", "anatomy"),
    [
        ("Classify it.\n\n{{review}}", Anatomy("Classify it.", ("review",))),
        (
            "Classify it.\n\nReview: {{review}}\nSentiment:",
            Anatomy("Classify it.", ("review",), "Sentiment"),
        ),
        ("Text: {{text}}\n\nSum it up.", Anatomy("Sum it up.", ("text",))),
        (
            'Be brief.\n"{{a}}"\nCustomer message: {{customer_message}}',
            Anatomy("Be brief.", ("a", "customer_message")),
        ),
        ("{{question}}", Anatomy("", ("question",))),
        ("Translate to French: {{text}}", Anatomy("Translate to French: {{text}}", ())),
        ("Is {{a}} more than {{b}}?", Anatomy("Is {{a}} more than {{b}}?", ())),
        ("About {{a}}.\n\n{{b}}", Anatomy("About {{a}}.", ("b",))),
        ("# Text\n{{text}}\n\n# Task\nSum up.", Anatomy("# Text\n{{text}}\n\n# Task\nSum up.", ())),
        ("Repeat {{text}}.\n\n{{text}}", Anatomy("Repeat {{text}}.\n\n{{text}}", ())),
    ],
)
def test_finds_instruction_fields_and_cue(text: str, anatomy: Anatomy) -> None:
    assert anatomy_of(text) == anatomy


pieces = st.sampled_from(
    ["{{a}}", "Review: {{b}}", "Say {{c}} twice.", "Answer:", "Plain words.", "", "# Title", "  ", "{{ a }}"]
)


@given(st.lists(pieces, max_size=8).map("\n".join))
def test_no_variable_is_lost(text: str) -> None:
    found = anatomy_of(text)
    assert variables_of(found.instruction) | set(found.fields) == variables_of(text)
    assert not variables_of(found.instruction) & set(found.fields)
    assert found.instruction in text


def test_variables_come_in_the_order_of_the_text() -> None:
    assert variables_in_order("b {{b}} a {{ a }} {{b}} question {{c}}") == ("b", "a", "c")


def test_a_chat_is_shaped_in_its_last_user_message() -> None:
    chat = (
        Message("system", "Be kind."),
        Message("user", "Hi"),
        Message("assistant", "Yes?"),
        Message("user", "{{q}}"),
    )
    frame = Frame.of(chat)
    assert frame.text == "{{q}}"
    assert frame.system_text == "Be kind."
    shown = (Message("user", "1"), Message("assistant", "2"))
    assert frame.filled("Q: {{q}}", "Be terse.", shown) == (
        Message("system", "Be terse."),
        *chat[1:3],
        *shown,
        Message("user", "Q: {{q}}"),
    )


def test_a_system_message_with_a_variable_stays_as_it_is() -> None:
    chat = (Message("system", "You work for {{company}}."), Message("user", "{{q}}"))
    frame = Frame.of(chat)
    assert frame.system is None
    assert frame.filled("Q: {{q}}", "Other words.")[0] == chat[0]


def test_a_text_is_its_own_frame() -> None:
    assert Frame.of("Hello {{x}}").filled("Bye {{x}}", "ignored") == "Bye {{x}}"
