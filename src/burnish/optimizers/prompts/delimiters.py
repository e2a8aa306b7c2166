"""Texts between delimiters, in a question to the reflection model and in its answer.

The delimiters are chosen so that they do not occur in any text of the question: whatever a prompt says
of tags and fences, it comes back whole. Answers are read strictly, since what is read becomes a prompt:
one that was cut off, refused, or holds only thoughts is none.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from burnish.domain.answer import AnswerOutcome, outcome_of, split_thinking
from burnish.domain.prompt import Message
from burnish.llm.protocol import Completion
from burnish.optimizers.search.feedback import shorten

_ATTRIBUTE = re.compile(r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_LONGEST_REPEATED_CHARACTERS = (
    4000  # of an unusable answer: one that ran on need not be paid for in full again
)
_FENCE_LINE = re.compile(r"^[ \t]*```+[\w-]*[ \t]*$", re.MULTILINE)


class UnusableAnswer(Exception):
    """The answer holds no proposal.

    Attributes:
        reason: why not, in words for a person and for the model that wrote it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Block:
    """One delimited text of an answer, with the attributes of its opening tag."""

    text: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delimiters:
    """A pair of tags: ``<tag>`` and ``</tag>``."""

    tag: str

    @classmethod
    def avoiding(cls, word: str, *texts: str) -> Delimiters:
        """Tags that are in none of the texts: ``<word>``, or ``<word-2>``, ``<word-3>``, and so on."""
        for number in count(1):
            found = cls(word if number == 1 else f"{word}-{number}")
            if all(found._fits(text) for text in texts):
                return found
        raise AssertionError

    def wrap(self, text: str, **attributes: str) -> str:
        """A text between the tags, each on a line of its own."""
        written = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
        return f"<{self.tag}{written}>\n{text}\n</{self.tag}>"

    def read(self, answer: Completion) -> list[Block]:
        """The blocks of an answer, in order, one at least.

        Raises:
            UnusableAnswer: it was cut off, refused or is empty, or has no block, or one that is not closed.
        """
        text = usable_text(answer)
        blocks = self.find(text)
        if not blocks:
            raise UnusableAnswer(f"the answer holds no <{self.tag}>...</{self.tag}>")
        return blocks

    def read_one(self, answer: Completion, or_fenced: bool = False) -> str:
        """As :meth:`read`, for one text: the last block.

        Args:
            or_fenced: where there are no tags, take a text between two lines of backticks, if there is one
                such text only. For questions worded by others, who may have asked for that.
        """
        text = usable_text(answer)
        fences = list(_FENCE_LINE.finditer(text))
        if or_fenced and f"<{self.tag}" not in text and len(fences) == 2:
            return text[fences[0].end() + 1 : fences[1].start()].removesuffix("\n")
        return self.read(answer)[-1].text

    def find(self, text: str) -> list[Block]:
        """The blocks of a text.

        Raises:
            UnusableAnswer: the last one is not closed.
        """
        opening, closing = rf"<{re.escape(self.tag)}(?:\s[^<>]*)?>", rf"</{re.escape(self.tag)}>"
        # No opening tag inside: "I will write it between <prompt> tags" opens nothing.
        block = re.compile(rf"({opening})\n?((?:(?!{opening}).)*?)\n?{closing}", re.DOTALL)
        found = list(block.finditer(text))
        rest = text[found[-1].end() :] if found else text
        if re.search(rf"^[ \t]*{opening}", rest, re.MULTILINE):
            raise UnusableAnswer(f"the last <{self.tag}> is not closed by </{self.tag}>")
        return [Block(match[2], _attributes(match[1])) for match in found]

    def _fits(self, text: str) -> bool:
        """Whether the text comes back as it went."""
        if re.search(rf"</?{re.escape(self.tag)}\b(?!-)", text, re.IGNORECASE):
            return False
        return [block.text for block in self.find(self.wrap(text))] == [text]


def usable_text(answer: Completion) -> str:
    """An answer's text without thinking.

    Raises:
        UnusableAnswer: there is none, or it cannot be whole.
    """
    thinking, text = split_thinking(answer.text)
    match outcome_of(text, answer.finish_reason):
        case AnswerOutcome.OK:
            return text
        case AnswerOutcome.CUT:
            reason = (
                f"the answer was cut off by the cap on its length (finish_reason {answer.finish_reason}); "
                "it must be shorter, or the cap (max_tokens) higher"
            )
        case AnswerOutcome.REFUSED:
            reason = f"the model refused to answer (finish_reason {answer.finish_reason})"
        case _:
            thought = thinking or answer.thinking
            reason = "the answer holds nothing but thinking" if thought else "the answer is empty"
    raise UnusableAnswer(reason)


def _attributes(opening: str) -> dict[str, str]:
    found = _ATTRIBUTE.findall(opening)
    return {name.lower(): html.unescape(double or single) for name, double, single in found}


def ask_again(
    asked: Sequence[Message], answer: Completion, reasons: Sequence[str], delimiters: Delimiters
) -> tuple[Message, ...]:
    """The same question once more, with what was wrong with the first answer."""
    said = shorten(answer.text.strip(), _LONGEST_REPEATED_CHARACTERS) or "(no answer)"
    complaint = (
        f"This cannot be used: {'; '.join(reasons)}. Write it once more, complete and without that fault, "
        f"between <{delimiters.tag}> and </{delimiters.tag}> as before, and nothing else."
    )
    return (*asked, Message("assistant", said), Message("user", complaint))
