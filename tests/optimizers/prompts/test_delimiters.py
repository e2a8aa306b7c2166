"""Texts come back whole from between delimiters; what is no answer is never read as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.domain.prompt import Message
from burnish.optimizers.prompts.delimiters import Delimiters, UnusableAnswer, ask_again
from burnish.optimizers.testing.reflection_scripts import completion

PROMPT = Delimiters("prompt")

HOSTILE = (
    "Reply inside `<prompt>...</prompt>` tags. Never mention prices.",
    "</prompt>",
    "<prompt>\nan unclosed one",
    "<PROMPT> in capitals",
    "<prompt-2>a</prompt-2><prompt>b</prompt>",
    "```\nfences\n```",
    "<message role='user'>x</message>",
    "ends with a line break\n",
    "\n\nbegins with two",
    "",
    "windows\r\nlines",
    "<think>hm</think>",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_prompt_says_of_tags_comes_back_whole(text: str) -> None:
    delimiters = Delimiters.avoiding("prompt", text)
    [block] = delimiters.read(completion(f"Here it is:\n\n{delimiters.wrap(text)}\n\nGood luck!"))
    assert block.text == text


parts = st.sampled_from(
    ["<prompt>", "</prompt>", "<prompt-2>", "</prompt-2 >", "<", ">", "\n", "a", "prompt"]
)


@given(st.lists(st.lists(parts, max_size=8).map("".join), min_size=1, max_size=3))
def test_any_texts_survive_together(texts: list[str]) -> None:
    delimiters = Delimiters.avoiding("prompt", *texts)
    shown = "\n\n".join(delimiters.wrap(text, name=str(number)) for number, text in enumerate(texts))
    assert [block.text for block in delimiters.read(completion(f"Well:\n{shown}"))] == texts


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_any_text_survives(text: str) -> None:
    delimiters = Delimiters.avoiding("prompt", text)
    assert [block.text for block in delimiters.find(delimiters.wrap(text))] == [text]


def test_attributes_are_read_as_they_were_written() -> None:
    name = 'a "quoted" <name> & more'
    [block] = PROMPT.read(completion(PROMPT.wrap("x", name=name)))
    assert block.attributes == {"name": name}
    [block] = PROMPT.read(completion("<prompt name='b' >x</prompt>"))
    assert block.attributes == {"name": "b"}


@pytest.mark.parametrize(
    ("answer", "finish_reason", "reason"),
    [
        ("I would not change it.", "stop", "holds no <prompt>...</prompt>"),
        ("Let me think about <prompt> tags first. What if", "stop", "holds no <prompt>...</prompt>"),
        ("<prompt>\nClassify the", "stop", "not closed"),
        ("<prompt>\nOne\n</prompt>\n\n<prompt>\nTwo, which", "stop", "not closed"),
        ("<prompt>\nWhole\n</prompt>", "length", "cut off"),
        ("<prompt>\nWhole\n</prompt>", "max_tokens", "cut off"),
        ("", "stop", "is empty"),
        (" \n", "length", "is empty"),
        ("<think>I could write <prompt>\nthis\n</prompt>", "stop", "nothing but thinking"),
        ("<think>I could write <prompt>\nthis\n</prompt>", "length", "nothing but thinking"),
        ("I cannot help with that.", "content_filter", "refused"),
        ("```\nA fenced text\n```", "stop", "holds no <prompt>...</prompt>"),
        ("</prompt>", "stop", "holds no <prompt>...</prompt>"),
    ],
)
def test_an_answer_without_a_proposal_is_not_read(answer: str, finish_reason: str, reason: str) -> None:
    with pytest.raises(UnusableAnswer, match=reason):
        PROMPT.read(completion(answer, finish_reason))
    with pytest.raises(UnusableAnswer):
        PROMPT.read_one(completion(answer, finish_reason))


def test_thinking_in_front_is_left_out() -> None:
    answer = completion("<think>Perhaps <prompt>\nno\n</prompt>?</think>\n<prompt>\nyes\n</prompt>")
    assert [block.text for block in PROMPT.read(answer)] == ["yes"]


def test_an_example_in_front_is_not_the_answer() -> None:
    said = "Between <prompt> tags, such as <prompt>this</prompt>, I give:\n<prompt>\nthe real one\n</prompt>"
    assert PROMPT.read_one(completion(said)) == "the real one"


def test_a_fenced_text_is_taken_only_where_fences_were_asked_for_and_only_if_it_is_the_only_one() -> None:
    fenced = completion("New text:\n```text\nClassify it.\n```\n")
    assert PROMPT.read_one(fenced, or_fenced=True) == "Classify it."
    for said in ("```\none\n```\n```\ntwo\n```", "```\nunclosed", "none"):
        with pytest.raises(UnusableAnswer):
            PROMPT.read_one(completion(said), or_fenced=True)
    both = completion("```\nfenced\n```\n<prompt>\ntagged\n</prompt>")
    assert PROMPT.read_one(both, or_fenced=True) == "tagged"


def test_asking_again_says_why_and_does_not_repeat_an_endless_answer() -> None:
    asked = (Message("user", "Write it."),)
    again = ask_again(asked, completion("word " * 100_000, "length"), ["the answer was cut off"], PROMPT)
    assert again[:1] == asked
    assert [message.role for message in again] == ["user", "assistant", "user"]
    assert len(again[1].content) <= 4000
    assert "cut off" in again[2].content
    assert "<prompt>" in again[2].content
    assert ask_again(asked, completion(""), ["it is empty"], PROMPT)[1].content
