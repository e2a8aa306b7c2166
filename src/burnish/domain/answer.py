"""How a model's answer is read: what of it counts, and whether it is an answer at all.

The one place for all roads (scores, proposals, judges, the first calls of a job), so that the same answer
never counts as content in one and as nothing in another.
"""

from __future__ import annotations

import re
from enum import StrEnum


class AnswerOutcome(StrEnum):
    """What became of one question to a model."""

    OK = "ok"
    CUT = "cut"  # ended by the cap on tokens; what there is of it may be used
    EMPTY = "empty"  # nothing but thinking, tool calls or white space
    REFUSED = "refused"  # by the model, or by the provider's filter
    ERROR = "error"  # no answer came


class Thinking(StrEnum):
    """What happens to the thinking that some models write in front of an answer."""

    STRIP = "strip"
    KEEP = "keep"


_REFUSALS = frozenset(
    {
        "refusal",
        "content_filter",
        "safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "guardrail_intervened",
    }
)
"""Finish reasons of OpenAI, Anthropic, Gemini and Bedrock, in lower case."""

_CUTS = frozenset({"length", "max_tokens", "model_length", "model_context_window_exceeded"})

_OPENING = re.compile(r"\s*(?:<(think|thinking|thought)>|\[(THINK)\])", re.IGNORECASE)
_CLOSING = r"(?:</think(?:ing)?>|\[/THINK\])[ \t]*"
_UNOPENED = re.compile(rf"^[ \t]*{_CLOSING}(?:\n|$)|{_CLOSING}\n", re.IGNORECASE | re.MULTILINE)
_NAMES_OPENING = re.compile(r"<think(?:ing)?>|\[THINK\]", re.IGNORECASE)


def outcome_of(text: str, finish_reason: str) -> AnswerOutcome:
    """What an answer is, by its text without thinking and the provider's finish reason."""
    reason = finish_reason.lower()
    if reason in _REFUSALS:
        return AnswerOutcome.REFUSED
    if not text.strip():
        return AnswerOutcome.EMPTY
    return AnswerOutcome.CUT if reason in _CUTS else AnswerOutcome.OK


def split_thinking(text: str) -> tuple[str, str]:
    """An answer's thinking and the answer itself.

    Thinking stands in front, in ``<think>``, ``<thinking>``, ``<thought>`` or ``[THINK]``, once or several
    times. Where it is never closed all of the text is thinking. A closing tag at the end of a line, with
    no opening one before it, ends thinking that the chat template has opened. Tags inside the answer are
    part of it.
    """
    if "<" not in text and "[" not in text:
        return "", text
    answer = text
    while opening := _OPENING.match(answer):
        name = opening[1] or opening[2]
        closing = f"</{name}>" if opening[1] else f"[/{name}]"
        end = answer.lower().find(closing.lower(), opening.end())
        if end < 0:
            return text, ""
        answer = answer[end + len(closing) :].lstrip()
    if answer is text:
        unopened = _UNOPENED.search(text)
        if unopened is None or _NAMES_OPENING.search(text, 0, unopened.start()):
            return "", text
        answer = text[unopened.end() :].lstrip()
    return text[: len(text) - len(answer)], answer
