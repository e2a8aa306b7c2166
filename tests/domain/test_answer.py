"""What counts as an answer."""

from __future__ import annotations

import pytest

from burnish.domain.answer import AnswerOutcome, outcome_of, split_thinking


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>2 and 2</think>\n\n4", "4"),
        ("\n<think>\nlong\nthoughts\n</think>4", "4"),
        ("<thinking>a</thinking> <think>b</think> 4", "4"),
        ("<THINK>a</think>4", "4"),
        ("[THINK]a[/THINK]4", "4"),
        ("<thought>a</thought>4", "4"),
        ("the template has opened it\n</think>\n4", "4"),
        ("a\n[/THINK]\n4", "4"),
        ("so it is 4.</think>\n\n4", "4"),
        ("first\nthen</thinking> \n4\n</think>\n5", "4\n</think>\n5"),
        ("<think>never closed", ""),
        ("<think></think>", ""),
    ],
)
def test_thinking_in_front_is_no_part_of_the_answer(text: str, answer: str) -> None:
    thinking, found = split_thinking(text)
    assert found == answer
    assert thinking + found == text, "nothing of it is lost"


@pytest.mark.parametrize(
    "text",
    [
        "4",
        " 4 ",
        "The tag <think> opens and </think> closes.",
        "<thinker>4</thinker>",
        "Use `</think>` at the end.",
        "It ends with </think>",
        "Between <think> and </think>\nstand thoughts.",
        "<answer>4</answer>",
        "[1, 2]",
        "",
    ],
)
def test_other_text_is_all_answer(text: str) -> None:
    assert split_thinking(text) == ("", text)


@pytest.mark.parametrize(
    ("text", "finish_reason", "outcome"),
    [
        ("4", "stop", AnswerOutcome.OK),
        ("4", "anything a provider may say", AnswerOutcome.OK),
        ("some of it", "length", AnswerOutcome.CUT),
        ("some of it", "MAX_TOKENS", AnswerOutcome.CUT),
        ("", "length", AnswerOutcome.EMPTY),
        (" \n", "stop", AnswerOutcome.EMPTY),
        ("", "tool_calls", AnswerOutcome.EMPTY),
        ("", "content_filter", AnswerOutcome.REFUSED),
        ("half a sentence", "content_filter", AnswerOutcome.REFUSED),
        ("I cannot help with that.", "refusal", AnswerOutcome.REFUSED),
        ("", "SAFETY", AnswerOutcome.REFUSED),
    ],
)
def test_an_outcome_is_read_from_text_and_finish_reason(
    text: str, finish_reason: str, outcome: AnswerOutcome
) -> None:
    assert outcome_of(text, finish_reason) is outcome
