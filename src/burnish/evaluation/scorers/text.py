"""What the built-in scorers share: their frame, and how texts are made comparable."""

from __future__ import annotations

import unicodedata
from abc import abstractmethod
from collections.abc import Callable, Sequence
from enum import Enum
from inspect import signature
from typing import Any, ClassVar

from burnish.domain.dataset import Example
from burnish.domain.text import value_as_text
from burnish.evaluation.scorer import Feedback, Sample, Scorer

EXPECTED = frozenset({"expected_response"})
"""``requires`` of every scorer that compares with the expected response."""

_FINAL_PUNCTUATION = frozenset(".!?,;:…。！？、，；：")
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»", "‹": "›", "「": "」"}


class Takes(Enum):
    """Whether a scorer is written with an argument (``NAME:ARGUMENT``)."""

    NOTHING = "nothing"
    OPTIONAL = "optional"
    REQUIRED = "required"


class BuiltInScorer(Scorer):
    """What the scorers that ship with Burnish have in common: they are made from a name and an argument.

    Attributes:
        takes: whether it has an argument; the registry refuses a missing or superfluous one.
        argument_is: the argument in words, for messages.
    """

    takes: ClassVar[Takes] = Takes.NOTHING
    argument_is: ClassVar[str] = ""
    requires = EXPECTED

    def __init__(self, name: str, argument: str | None = None) -> None:
        super().__init__(name)
        self.argument = argument


class TextScorer(BuiltInScorer):
    """A scorer that compares texts. Of a list of expected responses any may be the answer."""

    async def score(self, sample: Sample) -> Feedback:
        feedbacks = [self.compare(sample.output, expected) for expected in self.alternatives(sample.expected)]
        return max(feedbacks, key=lambda feedback: float(feedback.value))

    def refusal(self, example: Example) -> str | None:
        if not self.requires or self.compares_json:
            return None
        for expected in self.alternatives(example.expected):
            if expected is None or isinstance(expected, (dict, list)):
                return (
                    f"{shown(as_text(example.expected))} is no text; a list of texts is a list of right "
                    "answers, and JSON is compared by json_match"
                )
        return None

    def alternatives(self, expected: Any) -> Sequence[Any]:
        """The answers of which any is right."""
        if isinstance(expected, (list, tuple)) and expected and not self.compares_json:
            return expected
        return (expected,)

    @abstractmethod
    def compare(self, output: str, expected: Any) -> Feedback:
        """The score of one answer against one expected response."""


def text_scorer(function: Callable[..., Feedback]) -> type[TextScorer]:
    """A decorator: a function becomes a scorer that takes no argument.

    Args:
        function: of the answer and one expected response; or of the answer alone, and then the scorer
            requires no expectation.
    """
    compares = len(signature(function).parameters) > 1

    class Decorated(TextScorer):
        requires = EXPECTED if compares else frozenset()

        def compare(self, output: str, expected: Any) -> Feedback:
            return function(output, expected) if compares else function(output)

    Decorated.__name__, Decorated.__doc__ = function.__name__, function.__doc__
    return Decorated


def as_text(expected: Any) -> str:
    """An expectation as text: text as it is, whole floats without ``.0``, all else as JSON."""
    if isinstance(expected, float) and expected.is_integer():
        return str(int(expected))
    return value_as_text(expected)


def fold(text: str) -> str:
    """Caseless form: equal for texts that differ only in case or in how accents are encoded."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def normalize(text: str) -> str:
    """:func:`fold`, without surrounding space, surrounding quotes and final punctuation.

    A text of nothing else ("...", "?") keeps it.
    """
    text = fold(text)
    start, end = 0, len(text)
    before = None
    while before != (start, end):  # on indices: a slice for each step would be quadratic
        before = start, end
        while start < end and text[start].isspace():
            start += 1
        while start < end and (text[end - 1].isspace() or text[end - 1] in _FINAL_PUNCTUATION):
            end -= 1
        if end - start >= 2 and _QUOTES.get(text[start]) == text[end - 1]:
            start, end = start + 1, end - 1
    return text[start:end] or text.strip()


def shown(text: str, limit: int = 80) -> str:
    """A text quoted for a rationale, cut to ``limit`` characters."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
